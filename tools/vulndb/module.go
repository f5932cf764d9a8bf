package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// modulePath is the module of the database's source. Its folder data/osv has every report in OSV form, which is specified;
// the YAML files beside it may change their form at any time.
const modulePath = "golang.org/x/vulndb"

// module is a version of modulePath in the module cache.
type module struct {
	Version string
	Time    time.Time // of its last commit: every report in it is as old or older
	dir     string
}

func (m module) reports() string { return filepath.Join(m.dir, "data", "osv") }

// downloadModule fetches the newest version, from where GOPROXY says, or finds it in the module cache.
func downloadModule(ctx context.Context) (module, error) {
	// Outside any module, so that none takes up the requirement.
	outside, err := os.MkdirTemp("", "vulndb")
	if err != nil {
		return module{}, err
	}
	defer os.RemoveAll(outside)
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", modulePath+"@latest")
	cmd.Dir = outside
	cmd.Env = append(os.Environ(), "PWD="+outside, "GOWORK=off")
	out, err := cmd.Output()
	var got struct{ Dir, Info, Error string }
	if unmarshalErr := json.Unmarshal(out, &got); unmarshalErr != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return module{}, fmt.Errorf("go mod download: %w: %s", err, exit.Stderr)
		}
		if err != nil {
			return module{}, err
		}
		return module{}, fmt.Errorf("go mod download: %w", unmarshalErr)
	}
	if got.Error != "" {
		return module{}, fmt.Errorf("go mod download: %s", got.Error)
	}
	info, err := os.ReadFile(got.Info)
	if err != nil {
		return module{}, err
	}
	m := module{dir: got.Dir}
	if err := json.Unmarshal(info, &m); err != nil {
		return module{}, fmt.Errorf("%s: %w", got.Info, err)
	}
	return m, nil
}
