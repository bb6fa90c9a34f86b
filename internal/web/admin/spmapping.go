package admin

import (
	"context"
	"crypto"
	"crypto/sha1" //nolint:gosec // asking whether the key could, for a legacy setting
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/mapping"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// knownUsers is how many users are asked whether they have an attribute.
const knownUsers = 1000

// presetAttributes are the custom attributes that presets read. They are known
// before the first user has them.
var presetAttributes = []string{"federationId", "immutableId"}

// rule is a parsed mapping line.
type rule struct {
	where   string // "name_id", "attributes 3"
	line    string
	sources []string
	check   func(known func(string) bool) error
}

// checkMapping parses the mapping lines and refuses source attributes that
// nobody has, with the place of the mistake; with allowUnknown it notes them.
func (h *Handlers) checkMapping(ctx context.Context, before, sp *idp.ServiceProvider, allowUnknown bool) ([]string, error) {
	rules, err := parseLines(sp)
	if err != nil {
		return nil, err
	}
	if before != nil {
		rules = slices.DeleteFunc(rules, func(r rule) bool { return r.line == before.NameID || slices.Contains(before.Attributes, r.line) })
	}
	return h.checkSources(ctx, rules, allowUnknown)
}

func (h *Handlers) checkSources(ctx context.Context, rules []rule, allowUnknown bool) ([]string, error) {
	known, err := h.knownAttributes(ctx)
	if err != nil {
		return nil, err
	}
	var notes []string
	for _, r := range rules {
		if err := r.check(known.has); err != nil && !allowUnknown {
			return nil, located(r.where, known.suggest(r.sources), err)
		}
		for _, name := range r.sources {
			if note := fmt.Sprintf("No user has the attribute %s yet.", name); !known.used(name) && !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes, nil
}

func parseLines(sp *idp.ServiceProvider) ([]rule, error) {
	nameID, err := mapping.ParseNameID(sp.NameID)
	if err != nil {
		return nil, located("name_id", "", err)
	}
	rules, err := parseAttributes(sp.Attributes)
	return append([]rule{{"name_id", sp.NameID, nameID.Source.Attributes(), nameID.Check}}, rules...), err
}

func parseAttributes(lines []string) ([]rule, error) {
	if len(lines) > maxLines {
		return nil, invalid("attributes has more than %d lines", maxLines)
	}
	var rules []rule
	for i, line := range lines {
		where := fmt.Sprintf("attributes %d", i+1)
		attribute, err := mapping.ParseAttribute(line)
		if err != nil {
			return nil, located(where, "", err)
		}
		rules = append(rules, rule{where, line, attribute.Source.Attributes(), attribute.Check})
	}
	return rules, nil
}

// located shows a mistake in its line:
//
//	attributes 2, column 12: no user has an attribute "userPrincipalNam"; ...
//	IDPEmail = userPrincipalNam
//	           ^
func located(where, hint string, err error) error {
	var syntax *mapping.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	return invalid("%s, %s%s\n%s", where, syntax.Error(), hint, syntax.Caret())
}

// attributes are the names that mapping lines may read.
type attributes struct {
	users map[string]bool // built in, or seen in users
}

func (h *Handlers) knownAttributes(ctx context.Context) (attributes, error) {
	known := attributes{users: map[string]bool{}}
	for _, name := range idp.BuiltinAttributes() {
		known.users[name] = true
	}
	users, _, err := h.Store.Users(ctx, "", knownUsers)
	if err != nil {
		return known, err
	}
	for i := range users {
		for name := range users[i].Attributes {
			known.users[name] = true
		}
	}
	return known, nil
}

func (a attributes) used(name string) bool { return a.users[name] }

func (a attributes) has(name string) bool {
	return a.users[name] || slices.Contains(presetAttributes, name)
}

// suggest names the known attribute that an unknown source is nearest to.
func (a attributes) suggest(sources []string) string {
	for _, source := range sources {
		if a.has(source) {
			continue
		}
		best, least := "", 3 // more than two slips are another word
		for _, name := range append(a.names(), presetAttributes...) {
			if d := distance(strings.ToLower(source), strings.ToLower(name)); d < least {
				best, least = name, d
			}
		}
		if best != "" {
			return fmt.Sprintf(" (did you mean %s?)", best)
		}
		break
	}
	return "; allow_unknown_attributes accepts it all the same"
}

func (a attributes) names() []string {
	names := make([]string, 0, len(a.users))
	for name := range a.users {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// checkSHA1 asks whether the signing key can make SHA-1 signatures at all.
func (h *Handlers) checkSHA1(ctx context.Context, signingKey string) error {
	pair, err := h.Keys.For(ctx, signingKey)
	if err != nil {
		return web.KeyError(err)
	}
	digest := sha1.Sum([]byte("latchkey self-test")) //nolint:gosec // see the import
	if _, err := pair.Signer(ctx).Sign(nil, digest[:], crypto.SHA1); err != nil {
		return invalid("legacy_sha1_output: the signing key cannot make SHA-1 signatures; only key files can")
	}
	return nil
}
