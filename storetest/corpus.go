package storetest

import "strings"

// The texts that engines have been known to change, fold, cut, refuse or execute.

// oddNames are names that the manager lets pass: UTF-8 without NUL.
func oddNames() []string {
	return []string{
		"a", "A", "á", "a\u0301", "a ", " a", "a\t", "a\n", "a\r", "a\r\n", "a.b", "a\\.b", "$", "$.a", "$a", "a[0]", "[0]", "*", "a*", "?",
		"%", "_", "a%", `"`, `a"`, `"]`, "'", "a'", "''", "`", "a`b", ";", "a;--", "--", "/", "a/b", "../a", "..", ".", "\\", "a\\", "{", "}",
		"{a}", "}{", "a:b", "a,b", "a=b", "a b", "#", "@", "&", "|", "~", "^", "<a>", "0", "-1", "1e3", "null", "true", "NaN", "\x01", "\x1f",
		"\x7f", "\u0080", "\u0085", "\u00a0", "\u200b", "\u2028", "\u2029", "\u202e", "\ufdd0", "\ufeff", "\ufeffa", "\ufffd", "\ufffe", "\uffff",
		"\U0001ffff", "\U0010ffff", "ß", "ss", "İ", "i", "ı", "ſ", "K", "k", "日本", "🦊", "👩‍👩‍👧", "e\u0301", "é", "SELECT", "DROP TABLE",
		strings.Repeat("x", 255), "a:a", "a::", ":", "a\x02", `\u0000`, `\x00`, "base64:", "base64:YQ==", "0x61",
	}
}

// oddTexts are texts that the manager lets pass: JSON, and so UTF-8.
func oddTexts() []string {
	return []string{
		`1`, `1.0`, `1.00`, `1e2`, `1E2`, `1e+2`, `-0`, `-0.0`, `0.1`, `null`, `true`, `""`, `" "`, `[]`, `{}`, `[ 1 , 2 ]`,
		`{ "b": 1, "a": 2 }`, `{"b":1,"a":2,"a":3}`, `{"":1," ":2}`, "{\n\t\"a\": 1\n}\n", "[1,\r\n2]\r\n", " 1 ", "\t1", "1\n",
		`"\u0000"`, `"\u00e9"`, `"\u00E9"`, `"é"`, `"e\u0301"`, "\"e\u0301\"", `"\ud83e\udd8a"`, `"🦊"`, `"\ud800"`, `"\udc00"`, `"\udc00\ud800"`,
		`"\ud800a"`, `"\ufffd"`, "\"\ufffd\"", "\"\ufffe\"", "\"\uffff\"", "\"\U0010ffff\"", `"\/"`, `"/"`, `"</script>"`, `"\u003c"`, "\"\u2028\"", "\"\u2029\"",
		`"\u2028"`, "\"\u0085\"", "\"\u00a0\"", "\"\u200b\"", "\"\u202e\"", "\"\ufeff\"", `"'; DROP TABLE s; --"`, `"%s%d%n"`, `"${x}"`, `"{{.}}"`, `"\\"`,
		`"\\u0000"`, `"\""`, `"\b\f\n\r\t"`, `"a   b"`, `"a "`, `"2026-01-02T03:04:05Z"`, `"0x10"`, `"NaN"`, `"base64:YQ=="`, "\"\x7f\"",
		strings.Repeat("[", 32) + strings.Repeat("]", 32),
	}
}

// oddBytes are names and texts that the manager lets nobody set.
func oddBytes() []string {
	return []string{
		"\x00", "a\x00", "a\x00b", "\x00a", "\"\x00\"", "\xff", "\xfe\xff", "a\xff", "a\xfe", "\xff\x00\xff", "\x80", "\xbf", "\xc3", "\xc3(", "\xe9",
		"\"\xe9\"", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe2\x28\xa1", "\xed\xa0\x80", "\xed\xb0\x80", "\xed\xa0\xbd\xed\xb8\x80", "\xf0\x28\x8c\xbc",
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\x1b[31m", "\b", "\x1a", "{", "[1,", `"`, `"a`, "hello", "'", "\\", "\r", "\n", " ", "\t",
	}
}

// oddSubjects are all different users, however alike they look to a collation. Like the manager's they are UTF-8 without NUL.
func oddSubjects() []string {
	stem := strings.Repeat("s", 254)
	return []string{
		"bob", "Bob", "BOB", "bob ", " bob", "bób", "bo\u0301b", "bob\t", "bob\n", "bob\r", "bob\r\n", "bob\x01", "b*b", "b?b", "b%", "b_b", "[bob]",
		"bob}{", "{bob}", "}{*?[\\", "bob:1", "bob/1", "../bob", "bob'--", `bob"`, "bob;", "bob,alice", "bob\\", `bob\u0000`, "straße", "strasse",
		"STRASSE", "İ", "i", "0", "00", "0.0", "null", "NULL", "日本", "🦊", "\ufeffbob", "bob\u200b", "bob\u2028", "bob\ufffd", "bob\uffff",
		"bob\U0010ffff", "ﬁ", "fi", "a|b", "a\\b", stem, stem + "a", stem + "b", strings.Repeat("é", 127), strings.Repeat("é", 126) + "è",
	}
}
