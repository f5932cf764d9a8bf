package storetest

import "strings"

// The texts that engines have been known to change, fold, cut, refuse or execute.

func oddNames() []string {
	return []string{
		"a", "A", "á", "a\u0301", "a ", " a", "a\t", "a\n", "a.b", "a\\.b", "$", "$.a", "$a", "a[0]", "[0]", "*", "a*", "?", "%", "_",
		"a%", `"`, `a"`, `"]`, "'", "a'", "''", "`", "a`b", ";", "a;--", "--", "/", "a/b", "../a", "..", ".", "\\", "a\\", "{", "}", "{a}",
		"}{", "a:b", "a,b", "a=b", "a b", "#", "@", "&", "|", "~", "^", "<a>", "0", "-1", "1e3", "null", "true", "NaN", "\x01", "\x1f",
		"\x7f", "\u0085", "\u00a0", "\u200b", "\u2028", "\u202e", "\ufeff", "\uffff", "\ufffd", "ß", "ss", "İ", "i", "ı", "ſ", "K", "k",
		"日本", "🦊", "👩‍👩‍👧", "e\u0301", "é", "SELECT", "DROP TABLE", strings.Repeat("x", 255), "a:a", "a::", ":", "a\x02",
	}
}

func oddTexts() []string {
	return []string{
		`1`, `1.0`, `1.00`, `1e2`, `1E2`, `1e+2`, `-0`, `0.1`, `null`, `true`, `""`, `" "`, `[]`, `{}`, `[ 1 , 2 ]`, `{ "b": 1, "a": 2 }`,
		`{"b":1,"a":2,"a":3}`, "{\n\t\"a\": 1\n}\n", " 1 ", `"\u0000"`, `"\u00e9"`, `"é"`, `"e\u0301"`, "\"e\u0301\"", `"\ud83e\udd8a"`,
		`"🦊"`, `"\ud800"`, `"\/"`, `"/"`, `"</script>"`, `"\u003c"`, "\"\u2028\"", "\"\u200b\"", "\"\ufeff\"", `"'; DROP TABLE s; --"`,
		`"%s%d%n"`, `"${x}"`, `"{{.}}"`, `"\\"`, `"\""`, `"a   b"`, `"a "`, `"2026-01-02T03:04:05Z"`, `"0x10"`, `"NaN"`, "\"\x7f\"",
	}
}

// oddSubjects are all different users, however alike they look to a collation.
func oddSubjects() []string {
	stem := strings.Repeat("s", 254)
	return []string{
		"bob", "Bob", "BOB", "bob ", " bob", "bób", "bo\u0301b", "bob\t", "bob\n", "bob\x01", "b*b", "b?b", "b%", "b_b", "[bob]", "bob}{",
		"{bob}", "}{*?[\\", "bob:1", "bob/1", "../bob", "bob'--", `bob"`, "bob;", "bob,alice", "straße", "strasse", "STRASSE", "İ", "i", "0",
		"00", "0.0", "null", "日本", "🦊", "\ufeffbob", "bob\u200b", "a|b", "a\\b", stem, stem + "a", stem + "b",
	}
}
