package login

import (
	"slices"
	"strings"
)

// UAData is what the login page's script reports of navigator.userAgentData,
// or its own guess where the browser has none. All of it is optional and none
// of it is ever shown as sent.
type UAData struct {
	Platform        string   `json:"platform"`         // "Windows"
	PlatformVersion string   `json:"platform_version"` // "15.0.0": Windows 11 from 13 on
	Brands          []string `json:"brands"`           // "Firefox 145"
}

// product is a name that may be shown, and how clients call it.
type product struct {
	name   string
	tokens []string // in a User-Agent, followed by the version
	brands []string // in UAData
}

// browsers, the most specific first: Edge and Opera also say Chrome, and
// Chrome also says Safari.
var browsers = []product{
	{"Edge", []string{"Edg/", "EdgA/", "EdgiOS/", "Edge/"}, []string{"Microsoft Edge", "Edge"}},
	{"Opera", []string{"OPR/", "OPT/"}, []string{"Opera"}},
	{"Samsung Internet", []string{"SamsungBrowser/"}, []string{"Samsung Internet"}},
	{"Firefox", []string{"Firefox/", "FxiOS/"}, []string{"Firefox"}},
	{"Chrome", []string{"Chrome/", "CriOS/", "HeadlessChrome/"}, []string{"Google Chrome", "Chrome", "HeadlessChrome"}},
	{"Safari", []string{"Version/"}, []string{"Safari"}},
}

const (
	maxUserAgent = 512
	maxBrands    = 8
)

// Describe names the browser and the operating system with their versions, in
// a fixed vocabulary ("Firefox 145", "Windows 11", Unknown). Both inputs come
// from the client, which may lie; but it cannot choose the words.
func Describe(userAgent string, d UAData) (browser, system string) {
	if len(userAgent) > maxUserAgent {
		userAgent = userAgent[:maxUserAgent]
	}
	return browserName(userAgent, d.Brands), systemName(userAgent, d)
}

func browserName(userAgent string, brands []string) string {
	brands = brands[:min(len(brands), maxBrands)]
	for _, p := range browsers {
		for _, brand := range brands {
			if name, version := splitVersion(brand); slices.Contains(p.brands, name) {
				return withVersion(p.name, version)
			}
		}
	}
	for _, p := range browsers {
		if p.name == "Safari" && !strings.Contains(userAgent, "Safari/") {
			continue // Version/ alone is also said by others
		}
		for _, token := range p.tokens {
			if _, rest, ok := strings.Cut(userAgent, token); ok {
				return withVersion(p.name, rest)
			}
		}
	}
	return Unknown
}

// systemName prefers what the script reports, because browsers freeze the
// versions in User-Agent (Windows 10, macOS 10.15, Android 10).
func systemName(userAgent string, d UAData) string {
	switch strings.ToLower(d.Platform) {
	case "windows":
		return windowsName(d.PlatformVersion)
	case "macos":
		return withVersion("macOS", d.PlatformVersion)
	case "ios":
		return withVersion("iOS", orFrom(d.PlatformVersion, userAgent, " OS "))
	case "ipados":
		return withVersion("iPadOS", orFrom(d.PlatformVersion, userAgent, " OS "))
	case "android":
		return withVersion("Android", d.PlatformVersion)
	case "chromeos", "chrome os", "chromium os":
		return "ChromeOS"
	case "linux":
		return "Linux"
	}
	has := func(token string) bool { return strings.Contains(userAgent, token) }
	switch {
	case has("Windows NT"):
		return "Windows" // 10 and 11 say the same
	case has("iPad"):
		return withVersion("iPadOS", orFrom("", userAgent, " OS "))
	case has("iPhone"), has("iPod"):
		return withVersion("iOS", orFrom("", userAgent, " OS "))
	case has("Android 10; K"):
		return "Android" // the frozen form
	case has("Android"):
		return withVersion("Android", orFrom("", userAgent, "Android "))
	case has("CrOS"):
		return "ChromeOS"
	case has("Macintosh"):
		return "macOS"
	case has("Linux"), has("X11"):
		return "Linux"
	}
	return Unknown
}

// windowsName reads the platform version of client hints: 13 and up is Windows
// 11, 1 to 10 is Windows 10, 0 is older.
func windowsName(platformVersion string) string {
	switch major := majorVersion(platformVersion); {
	case len(major) == 2 && major >= "13":
		return "Windows 11"
	case major != "" && major != "0":
		return "Windows 10"
	}
	return "Windows"
}

// AnyPhone is the kind of a phone that does not tell.
const AnyPhone = "Phone"

// PhoneKind names the kind of phone for the login page, in a fixed vocabulary.
func PhoneKind(userAgent string) string {
	switch {
	case strings.HasPrefix(userAgent, "latchkey-phone/"):
		return "Software phone"
	case strings.Contains(userAgent, "iPhone"):
		return "iPhone"
	case strings.Contains(userAgent, "iPad"):
		return "iPad"
	case strings.Contains(userAgent, "Android"):
		return "Android phone"
	}
	return AnyPhone
}

// orFrom is version, or what follows token in the User-Agent.
func orFrom(version, userAgent, token string) string {
	if version == "" {
		_, version, _ = strings.Cut(userAgent, token)
	}
	return version
}

// splitVersion splits "Microsoft Edge 145" into name and version.
func splitVersion(brand string) (name, version string) {
	at := strings.LastIndexByte(brand, ' ')
	if at < 0 || majorVersion(brand[at+1:]) == "" {
		return brand, ""
	}
	return brand[:at], brand[at+1:]
}

func withVersion(name, version string) string {
	if major := majorVersion(version); major != "" {
		return name + " " + major
	}
	return name
}

// majorVersion is the leading number of a version, of 1 to 4 digits; else "".
func majorVersion(version string) string {
	end := 0
	for end < len(version) && version[end] >= '0' && version[end] <= '9' {
		end++
	}
	if end == 0 || end > 4 {
		return ""
	}
	return version[:end]
}
