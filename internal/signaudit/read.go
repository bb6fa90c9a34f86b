package signaudit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Filters of CloudWatch Logs for the two kinds of entries.
const (
	trailFilter = `{ ($.eventSource = "kms.amazonaws.com") && ($.eventName = "Sign") }`
	lineFilter  = `{ $.msg = "KMS Sign" }`
)

// trailEvent is a record of CloudTrail, as far as it is looked at (CloudTrail
// User Guide, "CloudTrail record contents").
type trailEvent struct {
	EventID      string    `json:"eventID"`
	RequestID    string    `json:"requestID"`
	EventTime    time.Time `json:"eventTime"`
	EventSource  string    `json:"eventSource"`
	EventName    string    `json:"eventName"`
	ErrorCode    string    `json:"errorCode"`
	UserIdentity struct {
		Type           string `json:"type"`
		ARN            string `json:"arn"`
		PrincipalID    string `json:"principalId"`
		InvokedBy      string `json:"invokedBy"`
		SessionContext struct {
			SessionIssuer struct {
				ARN string `json:"arn"`
			} `json:"sessionIssuer"`
		} `json:"sessionContext"`
	} `json:"userIdentity"`
	RequestParameters struct {
		KeyID string `json:"keyId"`
	} `json:"requestParameters"`
	Resources []struct {
		ARN string `json:"ARN"`
	} `json:"resources"`
}

// readSign reads a record; ok: it is about one of the keys.
func readSign(message string, keys []string) (s Sign, ok bool, err error) {
	var e trailEvent
	if err := json.Unmarshal([]byte(message), &e); err != nil {
		return s, false, fmt.Errorf("read CloudTrail record: %w", err)
	}
	if e.EventSource != "kms.amazonaws.com" || e.EventName != "Sign" {
		return s, false, nil
	}
	s = Sign{EventID: e.EventID, RequestID: e.RequestID, At: e.EventTime, Key: e.RequestParameters.KeyID, Refused: e.ErrorCode, Role: e.UserIdentity.SessionContext.SessionIssuer.ARN}
	if len(e.Resources) > 0 {
		s.Key = e.Resources[0].ARN
	}
	for _, other := range []string{e.UserIdentity.ARN, e.UserIdentity.InvokedBy, e.UserIdentity.PrincipalID, "somebody"} {
		if s.Role == "" {
			s.Role = other
		}
	}
	return s, slices.ContainsFunc(keys, func(arn string) bool { return names(s.Key, arn) }), nil
}

// names reports whether a caller's name of a key is that of an ARN. An alias
// (of a refused call, which has no ARN) may be that of any key.
func names(name, arn string) bool {
	_, id, _ := strings.Cut(arn, ":key/")
	return name == arn || name == id || name == "" || strings.HasPrefix(name, "alias/") || strings.Contains(name, ":alias/")
}

// readLine reads a line of a function's log; ok: it is about one of the keys.
func readLine(message string, keys []string) (l Line, ok bool, err error) {
	var e struct {
		Time      time.Time `json:"time"`
		Message   string    `json:"msg"`
		Key       string    `json:"key"`
		RequestID string    `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(message), &e); err != nil {
		return l, false, fmt.Errorf("read line of a function: %w", err)
	}
	return Line{e.RequestID, e.Time}, e.Message == "KMS Sign" && slices.Contains(keys, e.Key), nil
}
