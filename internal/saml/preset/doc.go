// Package preset knows the settings of well-known service providers
// (docs/saml-profile.md, section 6): Microsoft 365, Salesforce, Atlassian, and
// a generic one for all others.
//
// Apply fills in what a service provider's metadata and the administrator left
// open; it never changes what they set. Everything that it writes is an
// ordinary setting of idp.ServiceProvider, visible and editable afterwards.
//
// Instructions is the other direction: the values that the service provider's
// own administrator has to enter, under the names that its screens use.
//
// Microsoft 365, Salesforce and Atlassian can be added without a metadata
// file. A service provider whose values are not known yet is a draft: it can
// be saved, shown and completed, but nobody can sign in to it.
package preset
