package e2e_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// firefox is a Firefox with a profile of its own. It is driven by Marionette, the protocol that is in the browser itself: a
// length, a colon and a JSON array each way over a port of this machine. So no driver program is needed beside it.
type firefox struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	id   int
	said string // its version
}

// prefs make the browser ask nobody but the test's own servers, and choose a free port.
const prefs = `user_pref("marionette.port", 0);
user_pref("app.update.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("captivedetect.canonicalURL", "");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "http://localhost:9/");
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
`

func newFirefox(t *testing.T) *firefox {
	t.Helper()
	path := ""
	for _, name := range []string{"firefox-esr", "firefox"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		missing := "no browser is there: install the Debian package firefox-esr"
		if os.Getenv("SOJOURN_TEST_REQUIRE") == "all" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	profile := t.TempDir()
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs), 0o600); err != nil {
		t.Fatal(err)
	}
	var said output
	cmd := exec.Command(path, "--headless", "--no-remote", "--marionette", "--profile", profile)
	cmd.Env = append(os.Environ(), "MOZ_CRASHREPORTER_DISABLE=1", "HOME="+profile)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	f := &firefox{t: t}
	t.Cleanup(func() {
		if f.conn != nil {
			_, _ = f.call("Marionette:Quit", map[string]any{"flags": []string{"eForceQuit"}})
			f.conn.Close()
		}
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	// It writes the port that it took into a file of its profile.
	port := ""
	for begun := time.Now(); port == ""; time.Sleep(50 * time.Millisecond) {
		if b, err := os.ReadFile(filepath.Join(profile, "MarionetteActivePort")); err == nil {
			port = strings.TrimSpace(string(b))
		}
		select {
		case <-ended:
			t.Fatalf("Firefox ended: %s", said.String())
		default:
		}
		if time.Since(begun) > 3*patience {
			t.Fatalf("Firefox does not listen: %s", said.String())
		}
	}
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	f.conn, f.in = conn, bufio.NewReader(conn)
	if _, err := f.read(); err != nil { // it introduces itself
		t.Fatal(err)
	}
	var session struct {
		Capabilities struct {
			BrowserVersion string `json:"browserVersion"`
		}
	}
	if err := json.Unmarshal(f.must("WebDriver:NewSession", map[string]any{"acceptInsecureCerts": true}), &session); err != nil {
		t.Fatal(err)
	}
	f.said = session.Capabilities.BrowserVersion
	f.must("WebDriver:SetTimeouts", map[string]any{"pageLoad": patience.Milliseconds()})
	return f
}

func (f *firefox) read() ([]byte, error) {
	_ = f.conn.SetDeadline(time.Now().Add(2 * patience))
	length, err := f.in.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil || n < 0 || n > 16<<20 {
		return nil, fmt.Errorf("marionette: length %q", length)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(f.in, b)
	return b, err
}

func (f *firefox) call(command string, params any) (json.RawMessage, error) {
	f.id++
	b, err := json.Marshal([]any{0, f.id, command, params})
	if err != nil {
		return nil, err
	}
	_ = f.conn.SetDeadline(time.Now().Add(2 * patience))
	if _, err := fmt.Fprintf(f.conn, "%d:%s", len(b), b); err != nil {
		return nil, err
	}
	if b, err = f.read(); err != nil {
		return nil, err
	}
	var answer [4]json.RawMessage
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, err
	}
	if string(answer[2]) != "null" {
		return nil, errors.New(string(answer[2]))
	}
	return answer[3], nil
}

func (f *firefox) must(command string, params any) json.RawMessage {
	f.t.Helper()
	result, err := f.call(command, params)
	if err != nil {
		f.t.Fatalf("%s: %v", command, err)
	}
	return result
}

func (f *firefox) open(address string) {
	f.t.Helper()
	f.must("WebDriver:Navigate", map[string]any{"url": address})
}

func (f *firefox) script(code string) {
	f.t.Helper()
	f.must("WebDriver:ExecuteScript", map[string]any{"script": code, "args": []any{}})
}

// days is how long a cookie of the open page will live, 0 for one that ends with the browser, -1 if there is none.
func (f *firefox) days(name string) int {
	f.t.Helper()
	var cookies []struct {
		Name   string
		Expiry int64
	}
	if err := json.Unmarshal(f.must("WebDriver:GetCookies", map[string]any{}), &cookies); err != nil {
		f.t.Fatal(err)
	}
	for _, c := range cookies {
		if c.Name == name {
			return daysFromNow(c.Expiry)
		}
	}
	return -1
}

func (f *firefox) version() string { return f.said }
