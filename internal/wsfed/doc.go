// Package wsfed is WS-Federation for browsers (Web Services Federation Language
// 1.2, section 13; the profile of MS-MWBF) as far as an identity provider needs
// it: it reads and judges requests to sign somebody in (Parse, Judge), and makes
// the answer (Assert), a WS-Trust RequestSecurityTokenResponse around a signed
// SAML 1.1 assertion, in the form that AD FS gives it. It also writes the
// federation metadata that SharePoint and ASP.NET read (SignMetadata).
//
// Nothing in a request is authentic: there is no signature and no ID. Invariants:
//
//   - wtrealm is, exactly, a service provider that is registered for this
//     protocol. One that speaks SAML 2.0 is not served here, nor the other way
//     round, so no assertion is ever made in a form that was not configured.
//   - The answer goes to a registered reply URL, compared byte for byte, or to
//     the default one. All refusals stay with us as a page.
//   - A parameter that is there twice is refused. What could change the meaning
//     of a request and is not offered (wreq, wreqptr) is refused, not ignored;
//     nothing is ever fetched.
//   - wctx comes back byte for byte, or the request is refused.
//   - What an assertion says of a person, and of the approval, is what package
//     response says. One audience: wtrealm.
//   - An assertion is valid for one hour, as with AD FS: SharePoint and ASP.NET
//     take that for the length of their own session, and SharePoint sends
//     people in a circle when it is less than ten minutes (docs/adr/0020).
package wsfed
