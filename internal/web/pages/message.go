package pages

import "net/http"

// MessagePage tells one thing in plain words: an error, or that nothing is
// left to do. It holds registered and own words only, nothing of a request.
type MessagePage struct {
	Frame

	Title     string
	Words     string  // a sentence or two for the person
	Detail    string  // what an administrator can do; empty: nothing
	Reference string  // correlation id to find the log line by
	Action    *Action // the way on, a link; nil: none
	Form      *Form   // the way on, a form post to this origin; nil: none
}

// Action is a link that is shown as a button. One that leaves this origin is
// not shown.
type Action struct {
	Label string
	Path  string // on this origin
}

// Form is a form of hidden fields whose button is the way on. One that leaves
// this origin is not shown.
type Form struct {
	Path   string // on this origin
	Label  string
	Fields []Field
}

// Field is a hidden field of a form.
type Field struct{ Name, Value string }

type messageData struct {
	MessagePage
	Icon string
}

// Message writes a message with an HTTP status. On an error before the first
// byte nothing has been written.
func (p *Pages) Message(w http.ResponseWriter, status int, page MessagePage) error {
	page.Frame = p.frame(page.Frame)
	if page.Action != nil && ownPath(page.Action.Path) == "" {
		page.Action = nil
	}
	if page.Form != nil && ownPath(page.Form.Path) == "" {
		page.Form = nil
	}
	icon := "alert"
	if status < http.StatusBadRequest {
		icon = "done"
	}
	return write(w, status, "; style-src 'self'; img-src 'self'; form-action 'self'", p.message, messageData{page, icon})
}
