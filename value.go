package sojourn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a value may nest (SEC-64).
const maxDepth = 32

// encoded is a value's JSON text, "" if there is no value. A plain string is kept without its quotes and a number in place:
// neither takes an allocation before it is packed.
type encoded struct {
	raw    string
	digits [maxDigits]byte
	size   uint8 // of digits
	form   form
}

// maxDigits is the length of the longest text of an integer.
const maxDigits = 20

type form uint8

const (
	formText   form = iota // raw
	formQuoted             // raw between quotes
	formNumber             // digits
)

func encodedInt(n int64) (e encoded) {
	e.form, e.size = formNumber, uint8(len(strconv.AppendInt(e.digits[:0], n, 10)))
	return e
}

func encodedUint(n uint64) (e encoded) {
	e.form, e.size = formNumber, uint8(len(strconv.AppendUint(e.digits[:0], n, 10)))
	return e
}

func (e *encoded) json() string {
	switch e.form {
	case formQuoted:
		return `"` + e.raw + `"`
	case formNumber:
		return string(e.digits[:e.size])
	}
	return e.raw
}

func (e *encoded) len() int {
	switch e.form {
	case formQuoted:
		return len(e.raw) + 2
	case formNumber:
		return int(e.size)
	}
	return len(e.raw)
}

// is reports whether e's text is text.
func (e *encoded) is(text string) bool {
	switch e.form {
	case formQuoted:
		n := len(text)
		return n == len(e.raw)+2 && text[0] == '"' && text[n-1] == '"' && text[1:n-1] == e.raw
	case formNumber:
		return string(e.digits[:e.size]) == text
	}
	return e.raw == text
}

func (e *encoded) writeTo(b *strings.Builder) {
	switch e.form {
	case formQuoted:
		b.WriteByte('"')
		b.WriteString(e.raw)
		b.WriteByte('"')
	case formNumber:
		b.Write(e.digits[:e.size])
	default:
		b.WriteString(e.raw)
	}
}

// encodeValue returns v's JSON text. The common plain types do not go through reflection.
func encodeValue(v any) (encoded, error) {
	switch v := v.(type) {
	case bool:
		return encoded{raw: strconv.FormatBool(v)}, nil
	case int:
		return encodedInt(int64(v)), nil
	case int64:
		return encodedInt(v), nil
	case uint64:
		return encodedUint(v), nil
	case string:
		if isPlain(v) {
			return encoded{raw: v, form: formQuoted}, nil
		}
	}
	return encodeSlow(v)
}

// encodeField is encodeValue without putting a plain v into an interface that escapes.
func encodeField[T any](v T) (encoded, error) {
	switch p := any(&v).(type) {
	case *bool:
		return encoded{raw: strconv.FormatBool(*p)}, nil
	case *int:
		return encodedInt(int64(*p)), nil
	case *int64:
		return encodedInt(*p), nil
	case *uint64:
		return encodedUint(*p), nil
	case *string:
		if isPlain(*p) {
			return encoded{raw: *p, form: formQuoted}, nil
		}
	}
	return encodeAny(v)
}

// encodeAny is a function of its own so that only its v escapes.
func encodeAny[T any](v T) (encoded, error) { return encodeSlow(v) }

func encodeSlow(v any) (encoded, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return encoded{}, err
	}
	if err := checkJSON(b, false); err != nil {
		return encoded{}, err
	}
	return encoded{raw: string(b)}, nil
}

// isPlain reports whether encoding/json would write s between quotes as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// decodeField returns the value of a JSON text. Plain types are read in place, without an allocation.
func decodeField[T any](text string) (T, error) {
	var v T
	switch p := any(&v).(type) {
	case *bool:
		if text == "true" || text == "false" {
			*p = text == "true"
			return v, nil
		}
	case *int:
		if n, ok := parseInt(text, strconv.IntSize); ok {
			*p = int(n)
			return v, nil
		}
	case *int64:
		if n, ok := parseInt(text, 64); ok {
			*p = n
			return v, nil
		}
	case *string:
		if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' && isPlain(text[1:n-1]) {
			*p = text[1 : n-1]
			return v, nil
		}
	}
	return decodeAny[T](text)
}

// parseInt reads a JSON integer; what it does not read, encoding/json decides.
func parseInt(text string, bits int) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, bits)
	digits := strings.TrimPrefix(text, "-")
	return n, err == nil && text[0] != '+' && (digits[0] != '0' || digits == "0") // JSON has no other zeros in front
}

func decodeAny[T any](text string) (T, error) {
	v := new(T)
	if err := decodeValue(text, v); err != nil {
		var none T
		return none, err
	}
	return *v, nil
}

func decodeValue(text string, dst any) error {
	b := []byte(text)
	if hasStruct(target(dst), 0) {
		if err := checkJSON(b, true); err != nil {
			return err
		}
	}
	return json.Unmarshal(b, dst)
}

// target is the type that encoding/json fills: an interface that holds a pointer already is looked through.
func target(dst any) reflect.Type {
	v := reflect.ValueOf(dst)
	for v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Interface && v.Elem().Elem().Kind() == reflect.Pointer {
		v = v.Elem().Elem()
	}
	if !v.IsValid() {
		return nil
	}
	return v.Type()
}

// hasStruct reports whether decoding into t may fill a struct, whose fields encoding/json finds without regard to case.
func hasStruct(t reflect.Type, depth int) bool {
	if t == nil || depth > maxDepth {
		return depth > maxDepth
	}
	switch t.Kind() {
	case reflect.Struct:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return hasStruct(t.Elem(), depth+1)
	}
	return false
}

// plainError is an error whose text quotes nothing of a value.
type plainError string

func (e plainError) Error() string { return string(e) }

const (
	errDepth plainError = "nests too deep"
	errTwins plainError = "two members of an object have the same name"
	errUTF8  plainError = "not UTF-8"
)

// checkJSON refuses a valid JSON text in which encoding/json would let a second member win over a first (SEC-65): two
// members of the same name or, with fold, of names that differ only in case. It also bounds the depth.
func checkJSON(b []byte, fold bool) error {
	if !utf8.Valid(b) {
		return errUTF8
	}
	if bytes.IndexByte(b, '{') < 0 && bytes.IndexByte(b, '[') < 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	return checkElement(dec, fold, 0)
}

func checkElement(dec *json.Decoder, fold bool, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return errDepth
	}
	var seen map[string]bool
	for dec.More() {
		if open == '{' {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			key := name.(string)
			if fold {
				key = foldName(key)
			}
			if seen[key] {
				return errTwins
			}
			if seen == nil {
				seen = make(map[string]bool)
			}
			seen[key] = true
		}
		if err := checkElement(dec, fold, depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token() // the closing delimiter
	return err
}

// foldName maps names that encoding/json takes for the same field to one text: upper case of lower case also folds the
// Kelvin sign and the long s.
func foldName(name string) string { return strings.ToUpper(strings.ToLower(name)) }

func (s *Session) badValue(name string, err error) {
	s.v.m.observe(withoutVisit{s.v.context()}, Event{EventBadValue, s.ID(), &valueError{name, err}})
}

// valueError is a value that could not be encoded or decoded. Its text does not quote a piece of the value, as encoding/json
// and the methods of a type do; Unwrap has it all.
type valueError struct {
	name string
	err  error
}

func (e *valueError) Error() string {
	return fmt.Sprintf("sojourn: value %.80q: %s", e.name, e.reason())
}

// reason is what may be told: only of errors that are known to quote nothing.
func (e *valueError) reason() string {
	switch err := e.err.(type) {
	case *json.UnmarshalTypeError:
		return "it is no " + err.Type.String()
	case *json.SyntaxError:
		return "it is no JSON"
	case *json.UnsupportedTypeError:
		return "it has no JSON form: " + err.Type.String()
	case *json.UnsupportedValueError:
		return "it has no JSON form"
	case *json.MarshalerError:
		return "its type makes no JSON of it: " + err.Type.String()
	case *json.InvalidUnmarshalError:
		return "its destination must be a pointer that is not nil"
	case plainError:
		return err.Error()
	}
	return "its type refuses it"
}

func (e *valueError) Unwrap() error { return e.err }
