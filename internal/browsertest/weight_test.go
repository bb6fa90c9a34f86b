//go:build browser

package browsertest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/runtime"

	"github.com/latchkey-idp/latchkey/internal/testkit/chrome"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
)

// mostBytes is what a page with its scripts and styles may weigh, compressed.
const mostBytes = 60_000

// keepPages keeps the HTML of each page that a tab shows, by path; as it was
// sent, before its scripts ran.
func keepPages(b *chrome.Tab) *sync.Map {
	pages := &sync.Map{}
	chrome.Call(b, runtime.AddBinding, runtime.AddBindingParams{Name: "keepPage"})
	b.Listen(func(event any) {
		if e, ok := event.(*runtime.EventBindingCalled); ok && e.Name == "keepPage" {
			path, html, _ := strings.Cut(e.Payload, " ")
			pages.Store(path, html)
		}
	})
	b.OnEachPage(`{
		let kept = false;
		const keep = () => {
			if (!kept) keepPage(location.pathname + " " + document.documentElement.outerHTML);
			kept = true;
		};
		document.addEventListener("readystatechange", keep);
		addEventListener("pagehide", keep); // of the page that goes on at once
	}`)
	return pages
}

var asset = regexp.MustCompile(`"(/assets/[^"]+)"`)

// The pages of a sign-in are light: their parts, compressed as a gateway does
// it. Everything that a browser loads is named in the page, so that it can ask
// for all of it at once.
func TestPageWeight(t *testing.T) {
	w := newWorld(t)
	ana, link := w.newcomer()
	screen, phone := w.browser(), w.webPhone()
	onScreen, onPhone := keepPages(screen), keepPages(phone.Tab)
	phone.enroll(link)
	screen.Open(w.app.url)
	phone.scan(screen)
	phone.Click("#approve")
	phone.Pane("end", "Done. You can put your phone away.")
	screen.Click("#notice-first")
	w.arrived(screen, ana.Email)
	var figures []string
	for _, page := range []struct {
		on   *sync.Map
		path string
	}{{onScreen, "/login"}, {onScreen, "/login/finish"}, {onPhone, "/m"}, {onPhone, "/e"}} {
		kept, _ := page.on.Load(page.path)
		html, _ := kept.(string)
		total, parts := compressed(t, []byte(html)), assetsOf(html)
		for _, part := range parts {
			total += weigh(t, w.idp.URL+part)
		}
		figures = append(figures, fmt.Sprintf("%s %.1f", page.path, float64(total)/1000))
		if total > mostBytes || html == "" || len(parts) == 0 {
			t.Errorf("%s: %d bytes in %d parts; at most %d are wanted", page.path, total, len(parts)+1, mostBytes)
		}
	}
	weight = "figure: kB compressed of " + strings.Join(figures, ", ")

	for tab, pages := range map[*chrome.Tab]*sync.Map{screen: onScreen, phone.Tab: onPhone} {
		named := map[string]bool{}
		for _, html := range pages.Range {
			for _, part := range assetsOf(html.(string)) {
				named[part] = true
			}
		}
		for _, address := range tab.Requested() {
			path, ours := strings.CutPrefix(address, w.idp.URL)
			if ours && strings.HasPrefix(path, "/assets/") && !named[path] {
				t.Errorf("%s was loaded and is named by no page", path)
			}
		}
	}
}

// People see the page before any of its scripts is there.
func TestFirstPaintWaitsForNoScript(t *testing.T) {
	w := newWorld(t)
	_, link := w.newcomer()
	for _, page := range []struct{ name, address, words string }{
		{"login", w.app.url, "Sign in to " + appName},
		{"approve", w.idp.URL + "/m", "Latchkey"},
		{"enroll", link, "Latchkey"},
	} {
		t.Run(page.name, func(t *testing.T) {
			b := w.browser()
			b.Hold("*.js")
			b.Start(page.address)
			b.Until(`performance.getEntriesByName("first-contentful-paint").length > 0 && document.body.innerText.includes(` + chrome.Quote(page.words) + `)`)
			scripts := chrome.Eval[[]string](b, `[...document.scripts].filter((s) => s.type !== "application/json").map((s) => s.src ? s.type + " " + s.async + " " + s.defer : "inline")`)
			if len(scripts) == 0 {
				t.Error("no script: nothing was held")
			}
			for _, s := range scripts {
				if s == "inline" || s == " false false" {
					t.Errorf("a script that everything waits for: %q", s)
				}
			}
		})
	}
}

// assetsOf are the parts that a page names.
func assetsOf(html string) []string {
	var paths []string
	for _, found := range asset.FindAllStringSubmatch(html, -1) {
		paths = append(paths, found[1])
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func weigh(t *testing.T, address string) int {
	t.Helper()
	resp, err := http.Get(address)
	must(t, err)
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return compressed(t, body)
}

func compressed(t *testing.T, data []byte) int {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(data)
	must(t, err)
	must(t, z.Close())
	return out.Len()
}

// weight is printed when all tests are done.
var weight string

func TestMain(m *testing.M) {
	code := cloud.Main(m)
	if weight != "" {
		fmt.Println(weight)
	}
	os.Exit(code)
}
