// Package admin is the function that administrators call (types: adminapi):
//
//	GET    /v1/admin/status                            the deployment and its warnings
//
//	GET    /v1/admin/service-providers                 list; ?entity_id= looks one up
//	POST   /v1/admin/service-providers                 add, from metadata or by preset
//	GET    /v1/admin/service-providers/{slug}          one, with what to enter on the other side
//	PATCH  /v1/admin/service-providers/{slug}          change settings; If-Match
//	DELETE /v1/admin/service-providers/{slug}
//	GET    /v1/admin/service-providers/{slug}/metadata          where it comes from, what waits
//	PATCH  /v1/admin/service-providers/{slug}/metadata          change that: address, pinned certificate
//	POST   /v1/admin/service-providers/{slug}/metadata/refresh  look at it now
//	POST   /v1/admin/service-providers/{slug}/metadata/approve  bring into force what waits
//
//	GET    /v1/admin/users                             list; ?email= looks one up
//	POST   /v1/admin/users                             add
//	POST   /v1/admin/users/import                      add or update many
//	GET    /v1/admin/users/{id}                        one
//	PATCH  /v1/admin/users/{id}                        change, disable; If-Match
//	DELETE /v1/admin/users/{id}
//	POST   /v1/admin/users/{id}/signout                end all SSO sessions
//	GET    /v1/admin/users/{id}/devices                the phones
//	POST   /v1/admin/users/{id}/devices/{device}/revoke
//
//	GET    /v1/admin/invites                           list
//	POST   /v1/admin/invites                           a link to enroll a phone, told once
//	DELETE /v1/admin/invites/{id}                      revoke
//
//	GET    /v1/admin/keys                              signing keys
//	POST   /v1/admin/keys                              announce the next one
//	POST   /v1/admin/keys/{id}/activate                let it sign
//	POST   /v1/admin/keys/{id}/retire                  stop publishing an old one
//
//	GET    /v1/admin/audit                             the audit trail of a day
//
// Invariants: nobody passes without an Authenticator that names the caller;
// members of a body that are not known are refused, so nothing is assigned by
// accident; a change whose audit event cannot be written is not made; input
// with a mistake changes nothing and is answered with the mistake.
package admin
