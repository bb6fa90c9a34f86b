// Package xmlsafe reads XML from outside: strictly, once, and within limits.
//
// Parse works in two passes over the same bytes, and nothing else in Latchkey
// reads XML that came from outside:
//
//  1. scan judges sizes. It walks the raw bytes without allocating, so that a
//     document which is too deep, too wide or too long is refused before any
//     parser spends memory on it, and it refuses every construct that can hide
//     or change content: document type declarations, processing instructions,
//     CDATA sections and, in messages, comments.
//  2. build reads tokens from encoding/xml and makes the one tree that
//     everybody uses. It refuses what is not well-formed, unbound prefixes,
//     duplicate attributes and duplicate IDs.
//
// Invariants of a tree returned by Parse:
//
//   - It holds elements, attributes and text only. Comments, where allowed
//     (metadata), are dropped, so that no comment can cut a text in two.
//   - Names are ASCII with at most one colon, inside; every prefix is bound; no
//     two attributes of an element have the same expanded name.
//   - It survives a round trip through encoding/xml (CVE-2020-29509 to -29511):
//     whatever Parse accepts, mattermost/xml-roundtrip-validator accepts. A
//     fuzz target holds this; the validator itself is not run, because it
//     allocates about 10 KB per token, 15 MB for a request within the limits.
//
// CDATA sections are refused, not read as text: no service provider sends them
// and parsers disagree about them.
package xmlsafe
