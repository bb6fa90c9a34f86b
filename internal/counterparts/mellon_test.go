package counterparts_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// mellonConfig is the folder with the settings of Apache.
const mellonConfig = "../../scripts/mod-auth-mellon"

// startMellon runs an Apache with mod_auth_mellon that knows i by its metadata,
// until the test ends, and returns its address.
func startMellon(t *testing.T, i *idptest.Live) (address string) {
	t.Helper()
	program, err := exec.LookPath("apache2")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/apache2") // not in everybody's PATH
	}
	missing(t, "Apache", err)
	_, err = os.Stat("/usr/lib/apache2/modules/mod_auth_mellon.so")
	missing(t, "mod_auth_mellon", err)

	dir := mellonDir(t, i)
	address = freeAddress(t)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-f", filepath.Join(dir, "httpd.conf"), "-D", "FOREGROUND")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its children
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "LATCHKEY_MELLON_DIR="+dir, "LATCHKEY_MELLON_ADDRESS="+address)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = unprivileged(t, dir)
	must(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if log, err := os.ReadFile(filepath.Join(dir, "error.log")); err == nil && t.Failed() {
			t.Logf("Apache: %.8000s", log)
		}
		_ = os.RemoveAll(dir)
	})
	answers(t, address)
	return "http://" + address
}

// mellonDir makes the folder of its settings. It is none of the test's own,
// which another user cannot enter.
func mellonDir(t *testing.T, i *idptest.Live) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "latchkey-mellon-")
	must(t, err)
	write := func(name string, data []byte) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(mellonConfig, name))
		must(t, err)
		return data
	}
	key, cert := theirKey(t)
	write("httpd.conf", read("httpd.conf"))
	write("one/whoami", read("whoami"))
	write("two/whoami", read("whoami"))
	write("left", []byte("signed out"))
	write("sp.key", key)
	write("sp.crt", cert)
	write("idp.xml", []byte(newVisitor(t, i, nil).get(i.URL+"/saml/metadata").body))
	return dir
}

// unprivileged is for a process that owns dir and nothing else, where the test
// itself runs as root: Apache would want to change its user by itself.
func unprivileged(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	must(t, err)
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	must(t, err)
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	must(t, err)
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, int(uid), int(gid))
	}))
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// registerMellon adds one of its applications from its own metadata.
func registerMellon(t *testing.T, i *idptest.Live, address, name string) *idp.ServiceProvider {
	t.Helper()
	file := newVisitor(t, i, nil).get(address + "/" + name + "/mellon/metadata")
	if file.status != http.StatusOK {
		t.Fatalf("metadata of mod_auth_mellon: %d %s", file.status, file.body)
	}
	return i.Register([]byte(file.body), nil)
}

// mellonApplications are its two service providers, which sign and decrypt.
func mellonApplications(t *testing.T, i *idptest.Live) (two [2]application) {
	t.Helper()
	address := startMellon(t, i)
	for at, name := range []string{"one", "two"} {
		whoami := address + "/" + name + "/whoami"
		leave := address + "/" + name + "/mellon/logout?ReturnTo=" + address + "/left"
		two[at] = pages(registerMellon(t, i, address, name).EntityID, "", "mail", whoami, leave)
		two[at].paos = whoami
		two[at].soap = address + "/" + name + "/mellon/logout"
		two[at].open = func(v *visitor, w wish) page {
			if w.passive {
				return v.open(address + "/" + name + "/mellon/login?IsPassive=true&ReturnTo=" + whoami)
			}
			return v.open(whoami)
		}
	}
	return two
}

func TestMellon(t *testing.T) {
	i := idptest.NewLive(t)
	phone := i.Phone(i.AddUser("zoe@example.com", "Zoë", "O'Hara & <Söhne>"), "127.0.0.2")
	address := startMellon(t, i)
	entityID := registerMellon(t, i, address, "one").EntityID
	for _, sign := range []string{idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
		t.Run("answer signed "+sign, func(t *testing.T) {
			i.Update(entityID, func(sp *idp.ServiceProvider) { sp.Sign = sign })
			v := newVisitor(t, i, phone)
			home := v.deliver(v.approve(v.open(address + "/one/whoami?a=1&b=%20x")))
			if got := home.url.String(); got != address+"/one/whoami?a=1&b=%20x" {
				t.Errorf("landed at %s", got)
			}
			got := readSeen(t, home)
			if !strings.HasPrefix(got.NameID, "_") {
				t.Errorf("NameID %q is not a transient one", got.NameID)
			}
			// It hands values on as they stand in the XML.
			want := map[string][]string{"mail": {"zoe@example.com"}, "sn": {"O'Hara &amp; &lt;Söhne&gt;"}}
			if diff := cmp.Diff(want, got.Attributes); diff != "" {
				t.Error(diff)
			}
			exercised.signIn(mellon)
		})
	}
	t.Run("an answer to the other application", func(t *testing.T) {
		registerMellon(t, i, address, "two")
		v := newVisitor(t, i, phone)
		a := v.approve(v.open(address + "/one/whoami"))
		a.action = address + "/two/mellon/postResponse"
		if p := v.deliver(a); p.status < http.StatusBadRequest {
			t.Errorf("took it: %d %s", p.status, p.body)
		}
		exercised.refusal(mellon)
	})
}
