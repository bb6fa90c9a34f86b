package login_test

import (
	"regexp"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/login"
)

const (
	chromeWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	firefoxLinux  = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
	safariMac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15"
	safariIPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1"
	chromeAndroid = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
)

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		name, userAgent string
		data            login.UAData
		browser, system string
	}{
		{"nothing", "", login.UAData{}, "unknown", "unknown"},
		{"Chrome on Windows", chromeWindows, login.UAData{}, "Chrome 142", "Windows"},
		{"Windows 11 by hints", chromeWindows, login.UAData{Platform: "Windows", PlatformVersion: "15.0.0", Brands: []string{"Chromium 142", "Google Chrome 142", "Not_A Brand 99"}}, "Chrome 142", "Windows 11"},
		{"Windows 10 by hints", chromeWindows, login.UAData{Platform: "Windows", PlatformVersion: "10.0.0"}, "Chrome 142", "Windows 10"},
		{"Firefox", firefoxLinux, login.UAData{}, "Firefox 145", "Linux"},
		{"Firefox with guess", firefoxLinux, login.UAData{Platform: "Windows", Brands: []string{"Firefox 145"}}, "Firefox 145", "Windows"},
		{"Edge", chromeWindows + " Edg/142.0.3595.53", login.UAData{}, "Edge 142", "Windows"},
		{"Edge by hints", chromeWindows, login.UAData{Brands: []string{"Chromium 142", "Microsoft Edge 142"}}, "Edge 142", "Windows"},
		{"Opera", chromeWindows + " OPR/124.0.0.0", login.UAData{}, "Opera 124", "Windows"},
		{"Samsung", "Mozilla/5.0 (Linux; Android 14; SM-S901B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", login.UAData{}, "Samsung Internet 28", "Android 14"},
		{"Safari", safariMac, login.UAData{}, "Safari 26", "macOS"},
		{"Safari on iPhone", safariIPhone, login.UAData{}, "Safari 26", "iOS 18"},
		{"Chrome on iPad", "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1", login.UAData{}, "Chrome 142", "iPadOS 18"},
		{"iPad that says Mac", safariMac, login.UAData{Platform: "iPadOS"}, "Safari 26", "iPadOS"},
		{"frozen Android", chromeAndroid, login.UAData{}, "Chrome 142", "Android"},
		{"Android by hints", chromeAndroid, login.UAData{Platform: "Android", PlatformVersion: "16.0.0"}, "Chrome 142", "Android 16"},
		{"ChromeOS", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", login.UAData{}, "Chrome 142", "ChromeOS"},
		{"unknown browser", "curl/8.5.0", login.UAData{}, "unknown", "unknown"},
		{"words of the client", "<b>evil</b>", login.UAData{Platform: "evil OS 9", PlatformVersion: "evil", Brands: []string{"Your bank 1"}}, "unknown", "unknown"},
		{"version of the client", "Firefox/evil", login.UAData{Platform: "macOS", PlatformVersion: "1234567"}, "Firefox", "macOS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			browser, system := login.Describe(c.userAgent, c.data)
			if browser != c.browser || system != c.system {
				t.Errorf("got %q, %q; want %q, %q", browser, system, c.browser, c.system)
			}
		})
	}
}

func TestPhoneKind(t *testing.T) {
	for userAgent, want := range map[string]string{
		safariIPhone: "iPhone", chromeAndroid: "Android phone", "latchkey-phone/1": "Software phone", "": "Phone", "evil": "Phone",
	} {
		if got := login.PhoneKind(userAgent); got != want {
			t.Errorf("PhoneKind(%q) = %q, want %q", userAgent, got, want)
		}
	}
}

func TestNetwork(t *testing.T) {
	for _, c := range []struct{ ip, coarse, network string }{
		{"203.0.113.77", "203.0.113.0/24", "203.0.113.77/32"},
		{"::ffff:203.0.113.77", "203.0.113.0/24", "203.0.113.77/32"},
		{"2001:db8:1:2ff::9", "2001:db8:1::/48", "2001:db8:1:200::/56"},
		{"2001:db8:1:200::1", "2001:db8:1::/48", "2001:db8:1:200::/56"},
		{"fe80::1%eth0", "fe80::/48", "fe80::/56"},
		{"", "unknown", ""},
		{"localhost", "unknown", ""},
	} {
		if got := login.CoarseIP(c.ip); got != c.coarse {
			t.Errorf("CoarseIP(%q) = %q, want %q", c.ip, got, c.coarse)
		}
		if got := login.Network(c.ip); got != c.network {
			t.Errorf("Network(%q) = %q, want %q", c.ip, got, c.network)
		}
	}
}

// FuzzDescribe: whatever a client sends, the words are ours.
func FuzzDescribe(f *testing.F) {
	ours := regexp.MustCompile(`^(unknown|(Edge|Opera|Samsung Internet|Firefox|Chrome|Safari|Windows|macOS|iOS|iPadOS|Android|Linux|ChromeOS)( [0-9]{1,4})?)$`)
	f.Add(chromeWindows, "Windows", "15.0.0", "Google Chrome 142")
	f.Add(safariIPhone, "iPadOS", "", "Safari")
	f.Add("Firefox/<script>", "macOS", "9<", "Opera <1")
	f.Fuzz(func(t *testing.T, userAgent, platform, version, brand string) {
		browser, system := login.Describe(userAgent, login.UAData{Platform: platform, PlatformVersion: version, Brands: []string{brand}})
		if !ours.MatchString(browser) || !ours.MatchString(system) {
			t.Errorf("%q, %q", browser, system)
		}
	})
}
