package sojourn_test

import "unsafe"

// aliasing returns a string that shares b, as fasthttp's do.
func aliasing(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
