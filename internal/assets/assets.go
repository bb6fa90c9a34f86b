package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/i18n"
)

// Prefix is the path under which Handler serves.
const Prefix = "/assets/"

//go:embed static templates
var files embed.FS

// mediaTypes lists the kinds of file that may be embedded.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".png": "image/png",
	".svg": "image/svg+xml",
}

// sections lists, for each page's script, the sections of messages that it and
// what it imports show.
var sections = map[string][]string{
	"login.js":   {"shared", "login"},
	"approve.js": {"shared", "approve", "scanner"},
	"enroll.js":  {"shared", "enroll", "install"},
	"me.js":      {"shared", "me", "install"},
}

// importPath finds the module that a script imports: ... from "./name.js" or
// import("./name.js").
var importPath = regexp.MustCompile(`(from |import\()["']\./([a-z0-9/-]+\.js)["']`)

// license is a file that is embedded beside what it is about, and not served.
const license = "LICENSE"

// Assets is the set of embedded files. It is safe for concurrent use.
type Assets struct {
	byName    map[string]*file // "login.js", "qr/decode.js"
	byPath    map[string]*file // "/assets/login.0123456789ab.js"
	templates *template.Template
}

type file struct {
	url       string
	mediaType string
	body      []byte
	gzipped   func() ([]byte, error) // compresses at the first call
	imports   []string               // names of modules imported directly, at once
}

// New reads and hashes the embedded files, makes the scripts that hold each
// page's messages, and parses the templates. Files are compressed when they are
// asked for: most instances of a function serve few of them, or none.
func New(catalog *i18n.Catalog) (*Assets, error) {
	a := &Assets{byName: map[string]*file{}, byPath: map[string]*file{}}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, fmt.Errorf("open embedded files: %w", err)
	}
	if err := fs.WalkDir(static, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == license {
			return err
		}
		_, err = a.load(static, name, nil)
		return err
	}); err != nil {
		return nil, fmt.Errorf("load embedded files: %w", err)
	}
	for _, lang := range catalog.Languages() {
		if err := a.addMessages(static, catalog, lang); err != nil {
			return nil, err
		}
	}
	a.templates, err = template.New("").
		Option("missingkey=error").
		Funcs(template.FuncMap{"asset": a.URL, "modules": a.Modules, "messages": a.Messages}).
		ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	return a, nil
}

// Template returns a parsed page, "login.html" for example.
func (a *Assets) Template(name string) (*template.Template, error) {
	t := a.templates.Lookup(name)
	if t == nil {
		return nil, fmt.Errorf("no template %q", name)
	}
	return t, nil
}

// URL returns the address of an embedded file on this origin:
// URL("login.js") is "/assets/login.<hash>.js", URL("qr/decode.js") is
// "/assets/qr-decode.<hash>.js".
func (a *Assets) URL(name string) (string, error) {
	f, ok := a.byName[name]
	if !ok {
		return "", fmt.Errorf("no asset %q", name)
	}
	return f.url, nil
}

// Modules returns the addresses of everything that a script imports, directly
// or not, so that a page can ask for all of it at once. What a script imports
// only when it is needed, by import(), is not among them.
func (a *Assets) Modules(name string) ([]string, error) {
	f, ok := a.byName[name]
	if !ok {
		return nil, fmt.Errorf("no asset %q", name)
	}
	var urls []string
	for _, imported := range f.imports {
		nested, err := a.Modules(imported)
		if err != nil {
			return nil, err
		}
		urls = append(urls, a.byName[imported].url)
		urls = append(urls, nested...)
	}
	slices.Sort(urls)
	return slices.Compact(urls), nil
}

// Messages returns the address of the script that teaches a page's script its
// messages in a language. It has to come before the page's.
func (a *Assets) Messages(script, lang string) (string, error) {
	return a.URL(messagesName(script, lang))
}

func messagesName(script, lang string) string {
	return strings.TrimSuffix(script, ".js") + ".messages." + lang + ".js"
}

func (a *Assets) addMessages(static fs.FS, catalog *i18n.Catalog, lang string) error {
	locale, _ := catalog.Locale(lang)
	for script, names := range sections {
		data, err := json.Marshal(locale.Section(names...))
		if err != nil {
			return fmt.Errorf("encode messages: %w", err)
		}
		body := fmt.Sprintf("import { learn } from \"./i18n.js\";\nlearn(%s);\n", data)
		if _, err := a.add(static, messagesName(script, lang), []byte(body), nil); err != nil {
			return err
		}
	}
	return nil
}

// load adds one file, after the modules it imports: their hashed addresses
// are part of its content and so of its own hash. importers is the chain that
// led here.
func (a *Assets) load(static fs.FS, name string, importers []string) (*file, error) {
	if f, ok := a.byName[name]; ok {
		return f, nil
	}
	if slices.Contains(importers, name) {
		return nil, fmt.Errorf("asset %q imports itself through %s", name, strings.Join(importers, ", "))
	}
	body, err := fs.ReadFile(static, name)
	if err != nil {
		return nil, fmt.Errorf("read asset: %w", err)
	}
	return a.add(static, name, body, importers)
}

func (a *Assets) add(static fs.FS, name string, body []byte, importers []string) (*file, error) {
	ext := path.Ext(name)
	f := &file{mediaType: mediaTypes[ext]}
	if f.mediaType == "" {
		return nil, fmt.Errorf("asset %q: unknown media type", name)
	}
	for _, match := range imports(body) {
		importing, module := string(match[1]), path.Join(path.Dir(name), string(match[2]))
		imported, err := a.load(static, module, append(importers, name))
		if err != nil {
			return nil, err
		}
		if importing == "from " {
			f.imports = append(f.imports, module)
		}
		body = bytes.ReplaceAll(body, match[0], []byte(importing+`"`+imported.url+`"`))
	}
	hash := sha256.Sum256(body)
	f.body = body
	f.url = Prefix + strings.ReplaceAll(strings.TrimSuffix(name, ext), "/", "-") + "." + hex.EncodeToString(hash[:6]) + ext
	f.gzipped = sync.OnceValues(func() ([]byte, error) { return compress(body) })
	a.byName[name], a.byPath[f.url] = f, f
	return f, nil
}

// imports are the matches of importPath, looked for only in the lines that can
// have some: the expression is slow, and this is part of each cold start.
func imports(body []byte) (found [][][]byte) {
	for line := range bytes.Lines(body) {
		if bytes.Contains(line, []byte("./")) {
			found = append(found, importPath.FindAllSubmatch(line, -1)...)
		}
	}
	return found
}

func compress(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
