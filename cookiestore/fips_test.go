package cookiestore_test

import (
	"crypto/aes"
	"crypto/cipher"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// All of it in Go's FIPS 140-3 only mode (SEC-66), in a process of its own, because the mode is chosen at its start.
func TestFIPS_onlyMode(t *testing.T) {
	const marker = "SOJOURN_TEST_FIPS"
	if os.Getenv(marker) != "" {
		block, err := aes.NewCipher(randomSecret(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cipher.NewGCM(block); err == nil { // with nonces of the caller's: not allowed in this mode
			t.Fatal("the mode is not on")
		}
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^(Test(FIPS|Format|Seal|Damage|Rotation|Lease|Replay|Irrevocable|Actix)|Fuzz)", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", marker+"=1", "SOJOURN_TEST_COOKIES=1", "SOJOURN_TEST_SPLICES=1000")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	passed := strings.Count(string(out), "\n--- PASS: ")
	for _, name := range []string{"TestFIPS_onlyMode", "TestFormat_vectorsOpenAndAreSealedAnew", "TestDamage_isAnsweredLikeNoCookie", "FuzzDecode"} {
		if !strings.Contains(string(out), "--- PASS: "+name+" ") {
			t.Errorf("%s did not run:\n%s", name, out)
		}
	}
	t.Logf("%d tests passed under GODEBUG=fips140=only", passed)
}
