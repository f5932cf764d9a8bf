package demo_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

func TestSignUp_keepsTheCartUnderANewSecret(t *testing.T) {
	c := newSite(t).client(t)
	c.goesTo(c.post("/cart/add", "tea", "keemun"), "/")
	visitor := c.cookie
	c.goesTo(c.post("/signup", "name", "Ada", "password", password, "next", "/cart"), "/cart")

	if c.cookie == visitor {
		t.Error("the sign-up left the visitor's token in place")
	}
	if page := c.get("/cart").body; !strings.Contains(page, `data-test="line-keemun"`) || !strings.Contains(page, `data-test="who">ada<`) {
		t.Errorf("got a page without the tea or the name:\n%s", page)
	}
	c.cookie = visitor
	if page := c.get("/cart").body; strings.Contains(page, "Keemun") || strings.Contains(page, ">ada<") {
		t.Error("the visitor's token still opens the session")
	}
}

func TestSignUp_refusesWhatCannotBeAnAccount(t *testing.T) {
	c := newSite(t).client(t)
	c.signUp("taken")
	for _, tt := range []struct{ name, password, fault string }{
		{"", password, "2 to 32 letters"},
		{"a", password, "2 to 32 letters"},
		{strings.Repeat("a", 33), password, "2 to 32 letters"},
		{"аda", password, "2 to 32 letters"}, // Cyrillic
		{"<b>", password, "2 to 32 letters"},
		{"bob", "qwertz", "at least 15 characters"},
		{"bob", strings.Repeat("é", 14), "at least 15 characters"},
		{"bob", strings.Repeat("ab", 10), "repeats"},
		{"abcdefgh", "abcdefghABCDEFGH", "is your name"},
		{"bob", strings.Repeat("abcdef", 200), "longer than 1024"},
		{"bob", "not text \xff\xfe\xfd and more", "not readable text"},
		{"taken", password, "name is taken"},
		{" TAKEN ", password, "name is taken"},
	} {
		v := c.site.client(t)
		got := v.want(v.post("/signup", "name", tt.name, "password", tt.password), http.StatusUnprocessableEntity)
		if !strings.Contains(got.body, tt.fault) {
			t.Errorf("%q: got no %q on the page", tt.name, tt.fault)
		}
		if strings.Contains(got.body, tt.password) {
			t.Errorf("%q: the page shows the password", tt.name)
		}
		if v.cookie != "" {
			t.Errorf("%q: a refused sign-up began a session", tt.name)
		}
	}
}

func TestSignIn_andOut(t *testing.T) {
	st := newSite(t)
	st.client(t).signUp("ada")
	c := st.client(t)
	c.want(c.post("/signin", "name", "ada", "password", "not my password"), http.StatusUnprocessableEntity)
	if c.signedIn() {
		t.Fatal("a wrong password opened the account")
	}
	c.signIn("ada")
	if !c.signedIn() {
		t.Fatal("the right password did not open the account")
	}
	token := c.cookie
	c.goesTo(c.post("/signout"), "/signedout")
	if c.cookie != "" {
		t.Error("the sign-out leaves a cookie")
	}
	if page := c.get("/signedout").body; !strings.Contains(page, "You are signed out") {
		t.Error("no farewell")
	}
	if c.cookie != "" {
		t.Error("the farewell begins a session")
	}
	if c.signedIn() {
		t.Error("signed in after the sign-out")
	}
	c.cookie = token
	if c.signedIn() {
		t.Error("the token of the session that ended opens it")
	}
}

func TestSignIn_showsItsNoticeOnce(t *testing.T) {
	c := newSite(t).client(t)
	c.signUp("ada")
	c.do("GET", "/", nil, http.Header{"Sec-Purpose": {"prefetch"}})
	c.do("HEAD", "/", nil, nil)
	if page := c.get("/").body; !strings.Contains(page, "Your account is ready") {
		t.Error("no notice; a prefetch or HEAD took it")
	}
	if page := c.get("/").body; strings.Contains(page, "Your account is ready") {
		t.Error("the notice came twice")
	}
}

func TestSignIn_remembersOnlyIfAsked(t *testing.T) {
	st := newSite(t)
	st.client(t).signUp("ada")
	for _, tt := range []struct {
		remember string
		want     bool
	}{{"", false}, {"1", true}} {
		c := st.client(t)
		got := c.post("/signin", "name", "ada", "password", password, "remember", tt.remember)
		set := got.Header.Get("Set-Cookie")
		if strings.Contains(set, "Max-Age=") != tt.want {
			t.Errorf("remember %q: got %q", tt.remember, strings.ReplaceAll(set, c.cookie, "…"))
		}
		for _, part := range []string{"__Host-id=", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"} {
			if !strings.Contains(set, part) {
				t.Errorf("the cookie lacks %q", part)
			}
		}
	}
}

// An answer's time must not tell which names exist. Times are noise; hashes are what the time is made of.
func TestSignIn_unknownNameCostsWhatAWrongPasswordCosts(t *testing.T) {
	st := newSite(t)
	st.client(t).signUp("adalovelace")
	hashes := demo.CountHashes(st.app)
	var bodies []string
	for _, name := range []string{"adalovelace", "adalovelice"} {
		before := hashes.Load()
		c := st.client(t)
		got := c.want(c.post("/signin", "name", name, "password", "not my password"), http.StatusUnprocessableEntity)
		if n := hashes.Load() - before; n != 1 {
			t.Errorf("%s: got %d hashes, want 1", name, n)
		}
		bodies = append(bodies, strings.ReplaceAll(got.body, name, "NAME"))
	}
	if bodies[0] != bodies[1] {
		t.Error("the pages of an unknown name and a wrong password differ")
	}
}

func TestSignIn_hugePasswordIsNotHashed(t *testing.T) {
	st := newSite(t)
	st.client(t).signUp("ada")
	hashes := demo.CountHashes(st.app)
	c := st.client(t)
	for _, path := range []string{"/signin", "/signup"} {
		c.want(c.post(path, "name", "ada", "password", strings.Repeat("ab cd efg", demo.MaxPassword)), http.StatusUnprocessableEntity)
	}
	c.want(c.post("/signin", "name", "ada", "password", strings.Repeat("x", 1<<20)), http.StatusUnprocessableEntity)
	if n := hashes.Load(); n != 0 {
		t.Errorf("got %d hashes of passwords over the limit", n)
	}
}

func TestSignIn_goesOnlyToPathsOfThisSite(t *testing.T) {
	st := newSite(t)
	st.client(t).signUp("ada")
	for _, next := range []string{"//evil.example/", `/\evil.example`, "https://evil.example/", "javascript:alert(1)", "/\t/evil.example"} {
		c := st.client(t)
		c.goesTo(c.post("/signin", "name", "ada", "password", password, "next", next), "/")
	}
	c := st.client(t)
	c.goesTo(c.get("/devices"), "/signin?next=%2Fdevices")
	c.goesTo(c.post("/signin", "name", "ada", "password", password, "next", "/devices"), "/devices")
}

func TestAccounts_surviveARestart(t *testing.T) {
	path := t.TempDir() + "/demo.db"
	first := openSite(t, path)
	c := first.client(t)
	c.post("/cart/add", "tea", "mint")
	c.signUp("ada")

	c.site = openSite(t, path) // beside the first one, which was never closed
	if page := c.get("/cart").body; !strings.Contains(page, "Nana Mint") || !strings.Contains(page, ">ada<") {
		t.Error("the session or its cart is gone")
	}
	other := c.site.client(t)
	other.signIn("ada")
}
