// Package subject puts the same small application on each session library that bench compares, each as its own
// documentation says, and on its own middleware from the first line of it to the last.
//
// A [Subject] is a library on a store. [Subject.Open] makes it; [Chain.Serve] returns what serves one request of one kind
// of [Work], for a [Client] that keeps its cookie as a browser does. Nothing of a network and no HTTP parser is in between,
// so what is measured is the library, its middleware and its store.
package subject
