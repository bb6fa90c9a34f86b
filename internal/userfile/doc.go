// Package userfile reads lists of users for `latchkey user import`.
//
// A CSV file (RFC 4180, UTF-8, commas) begins with a line of column names:
//
//	email                   required, one user each
//	given_name, family_name, display_name, user_principal_name
//	disabled                true or false
//	attributes.NAME         a custom attribute; several values are separated by ;
//
// A JSON file is a list of objects with the members of adminapi.NewUser.
//
// A file is taken as a whole or not at all. Every mistake is an *Error that
// names the file, the line and what is wrong there.
package userfile
