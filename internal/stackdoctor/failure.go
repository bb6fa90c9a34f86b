package stackdoctor

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"
)

// permissionPrefixes are those of IAM, by the SDK's name of the service.
var permissionPrefixes = map[string]string{
	"CloudFormation": "cloudformation", "DynamoDB": "dynamodb", "KMS": "kms", "Lambda": "lambda",
	"CloudWatch": "cloudwatch", "CloudWatch Logs": "logs",
}

// permission is the one that a call needs.
func permission(call *smithy.OperationError) string {
	if call.ServiceID == "ApiGatewayV2" {
		return "apigateway:GET" // of all its reading calls
	}
	return permissionPrefixes[call.ServiceID] + ":" + call.OperationName
}

// failed makes a finding of a call that failed: one with this code where the
// subject does not exist.
func (x *examination) failed(err error, missing, subject string) {
	var call *smithy.OperationError
	switch {
	case notFound(err):
		x.find(missing, subject, "it is part of the stack but does not exist: somebody has deleted it; deploy the stack again, "+
			"and restore it first if it held data")
	case errors.As(err, &call) && denied(err):
		x.find("permission", permission(call), "the credentials of this command lack it, so %s was not looked at; "+
			"allow %s and run doctor again", subject, permission(call))
	default:
		x.find("aws.error", subject, "it could not be looked at: %v", err)
	}
}

func notFound(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && strings.Contains(answer.ErrorCode(), "NotFound")
}

func denied(err error) bool {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return false
	}
	code := answer.ErrorCode()
	return strings.Contains(code, "AccessDenied") || strings.Contains(code, "Unauthorized") || code == "AuthorizationError"
}
