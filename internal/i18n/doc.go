// Package i18n holds every text that people read, in every language, and
// chooses a person's language.
//
// There is one JSON file for each language (locales/en.json, ...). Its objects
// nest; a text is found by the path of its keys ("errors.qr_stale.words"). A
// text is a message of ICU MessageFormat, of which this subset is read:
//
//	{app}                                     a value
//	{n, plural, one {# try} other {# tries}}  by the plural rules of the language; =0, =1 ... match exactly
//	<b>...</b>, <em>...</em>                  stress, where the place of use can show it
//	''  '{'                                   an apostrophe, a literal brace; a single ' stands for itself
//
// Invariants, judged by New, so that a mistake stops the program at start:
// every language has the same keys as English, every message has the same
// values as its English one, every plural has the forms that its language
// needs. Nothing here is HTML: what a message holds is text.
package i18n
