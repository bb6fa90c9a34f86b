package admin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
)

const maxSlug = 40

var slugForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

func validSlug(s string) bool { return slugForm.MatchString(s) }

// freeSlug derives a short name that nobody has from the display name, else
// from the host that answers go to.
func (h *Handlers) freeSlug(ctx context.Context, sp *idp.ServiceProvider) (string, error) {
	base := slugOf(sp.Name)
	if base == "" {
		base = slugOf(hostOf(sp))
	}
	if base == "" {
		base = "app"
	}
	slug := base
	for n := 2; n < 1000; n++ {
		_, err := h.Store.ServiceProviderBySlug(ctx, slug)
		if errors.Is(err, store.ErrNotFound) {
			return slug, nil
		}
		if err != nil {
			return "", err
		}
		suffix := fmt.Sprintf("-%d", n)
		slug = strings.TrimRight(base[:min(len(base), maxSlug-len(suffix))], "-") + suffix
	}
	return "", invalid("too many service providers have a name like %q; give a slug", base)
}

// slugOf keeps ASCII letters and digits and joins the rest to single hyphens.
func slugOf(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9') })
	slug := strings.Join(words, "-")
	return strings.TrimRight(slug[:min(len(slug), maxSlug)], "-")
}

func hostOf(sp *idp.ServiceProvider) string {
	acs := sp.DefaultACS()
	if acs == nil {
		return ""
	}
	u, err := url.Parse(acs.Location)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
