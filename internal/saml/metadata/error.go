package metadata

import (
	"fmt"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Error is why a metadata file is refused, in words for the administrator who
// has to mend it. It unwraps to an *idp.Error, so that idp.AsError renders it
// without further ado.
type Error struct {
	Msg    string     // the problem, and what to do about it
	Reason idp.Reason // for the log; empty where the closed list has none
	Line   int        // from 1; 0 where unknown
	Path   string     // of the element, "/EntityDescriptor/SPSSODescriptor"; may be empty
	Err    error      // the cause; may be nil
}

// Error gives the message with the place.
func (e *Error) Error() string {
	var place []string
	if e.Line > 0 {
		place = append(place, fmt.Sprintf("line %d", e.Line))
	}
	if e.Path != "" {
		place = append(place, e.Path)
	}
	if len(place) == 0 {
		return e.Msg
	}
	return e.Msg + " (" + strings.Join(place, ", ") + ")"
}

// Unwrap gives the error as the outside sees it: a file that is not
// well-formed, bounded XML without a DTD is a bad request (HTTP 400), one that
// says something unusable is invalid input (HTTP 422). Messages of the former
// hold nothing from the file, as idp.Error demands of Fix.
func (e *Error) Unwrap() error {
	out := &idp.Error{Code: idp.Invalid, Reason: e.Reason, Detail: e.Error(), Err: e.Err}
	if strings.HasPrefix(string(e.Reason), "xml.") {
		out.Code, out.Fix = idp.BadRequest, e.Msg
	}
	return out
}

func refuse(format string, args ...any) *Error {
	return &Error{Msg: fmt.Sprintf(format, args...)}
}

func (e *Error) because(reason idp.Reason) *Error {
	e.Reason = reason
	return e
}

func (e *Error) at(path string) *Error {
	e.Path = path
	return e
}

// Note tells the administrator about something that did not stop the import:
// a plain sentence.
type Note string

func note(format string, args ...any) Note { return Note(fmt.Sprintf(format, args...)) }
