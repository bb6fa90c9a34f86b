package admin

import (
	"net/http"
	"strconv"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const (
	// maxFile bounds bodies that carry a file: 1 MiB in base64, and its frame.
	maxFile = 1536 << 10

	defaultPage, maxPage = 100, 500
	maxCursor            = 1024
)

// read reads a body of at most limit bytes strictly. Administrators are told
// what is wrong with their JSON; the decoder's words hold names of members and
// offsets only.
func read(r *http.Request, limit int64, v any) error {
	err := web.ReadJSON(r, limit, true, v)
	if e := idp.AsError(err); err != nil && e.Code == idp.BadRequest && e.Err != nil {
		return &idp.Error{Code: idp.Invalid, Detail: "the body is not as expected: " + e.Err.Error(), Err: e.Err}
	}
	return err
}

// paging reads after= and limit=.
func paging(r *http.Request) (after string, limit int, err error) {
	q := r.URL.Query()
	after, limit = q.Get("after"), defaultPage
	if len(after) > maxCursor {
		return "", 0, idp.E(idp.Invalid, "after is not a cursor")
	}
	if s := q.Get("limit"); s != "" {
		limit, err = strconv.Atoi(s)
		if err != nil || limit < 1 || limit > maxPage {
			return "", 0, idp.E(idp.Invalid, "limit is a number from 1 to %d", maxPage)
		}
	}
	return after, limit, nil
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ifMatch compares If-Match, where the caller sent it, with what is stored.
func ifMatch(r *http.Request, version int64) error {
	want := r.Header.Get("If-Match")
	if want == "" || want == "*" || want == etag(version) {
		return nil
	}
	return idp.E(idp.VersionMismatch, "stored version is %d", version)
}

// answer writes a versioned resource.
func answer(w http.ResponseWriter, status int, version int64, v any) error {
	w.Header().Set("ETag", etag(version))
	return web.JSON(w, status, v)
}

func noContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func notFound(why string) error { return idp.E(idp.NotFound, "%s", why) }

func invalid(format string, args ...any) error { return idp.E(idp.Invalid, format, args...) }
