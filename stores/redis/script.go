package redisstore

import (
	"crypto/fips140"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"strings"

	"github.com/redis/rueidis"
)

//go:embed lua/*.lua
var lua embed.FS

// script is one of the scripts in folder lua. Each declares every key that it writes, and makes every check before its
// first write: the engine does not undo what a script did before it failed.
type script struct {
	text string
	sha  string
	read bool // it writes nothing
}

type scripts struct {
	save, update, patch, touch, delete *script // of one session; save and update also of a subject's index beside it
	list, end                          *script // of an index and its sessions
	enter, condemn, drop, keep         *script // of an index alone
	kill                               *script // of one session
}

func newScripts() scripts {
	s := scripts{
		save: newScript("save"), update: newScript("update"), patch: newScript("patch"), touch: newScript("touch"),
		delete: newScript("delete"), list: newScript("list"), end: newScript("end"), enter: newScript("enter"),
		condemn: newScript("condemn"), drop: newScript("drop"), keep: newScript("keep"), kill: newScript("kill"),
	}
	s.list.read = true
	return s
}

func newScript(name string) *script {
	var b strings.Builder
	for line := range strings.Lines(file(name)) {
		if included, ok := strings.CutPrefix(line, "--include "); ok {
			line = file(strings.TrimSpace(included))
		}
		b.WriteString(line)
	}
	text := b.String()
	var sum [sha1.Size]byte
	fips140.WithoutEnforcement(func() { sum = sha1.Sum([]byte(text)) }) // the engine's name for it
	return &script{text: text, sha: hex.EncodeToString(sum[:])}
}

func file(name string) string {
	text, err := lua.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic("redisstore: no script " + name) // embedded beside this file
	}
	return string(text)
}

// commands makes the command that runs the script, by its name or whole: the engine forgets scripts when it restarts.
func (s *script) command(b rueidis.Builder, whole bool, keys, args []string) rueidis.Completed {
	n := int64(len(keys))
	switch {
	case s.read && whole:
		return b.EvalRo().Script(s.text).Numkeys(n).Key(keys...).Arg(args...).Build()
	case s.read:
		return b.EvalshaRo().Sha1(s.sha).Numkeys(n).Key(keys...).Arg(args...).Build()
	case whole:
		return b.Eval().Script(s.text).Numkeys(n).Key(keys...).Arg(args...).Build()
	}
	return b.Evalsha().Sha1(s.sha).Numkeys(n).Key(keys...).Arg(args...).Build()
}
