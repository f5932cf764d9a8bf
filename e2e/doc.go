// Package e2e tests the demo in a real browser: what a person does with it, and what a browser, other than a test's cookie
// jar, really stores, sends, refuses and says.
//
// It holds tests only. They build the demo, run it as a process of its own on a free port of this machine with a database
// in a temporary folder, and drive Chromium (the Debian package chromium) against it. Each browser has a profile of its own
// in a temporary folder: two browsers are two devices. TestBrowsers asks Chromium and Firefox (firefox-esr) what they do with
// cookies, and holds docs/browsers.md to their answers. Where no browser is installed the tests skip;
// SOJOURN_TEST_REQUIRE=all makes that a failure.
//
//	go test ./e2e
//	SOJOURN_E2E_SCREENSHOTS=/some/folder go test -run TestPages_lookRight ./e2e
//
// The second command keeps a picture of each page, on a phone and on a desktop, light and dark.
//
// # The library that drives the browser
//
// github.com/chromedp/chromedp (MIT). It speaks the DevTools protocol over a pipe, so no debugging port is open to other
// programs of the machine, needs no driver program beside the browser, and drags in two modules: the protocol's types
// (github.com/chromedp/cdproto, MIT) and a JSON package (github.com/go-json-experiment/json, BSD). It follows Chromium's
// releases. github.com/go-rod/rod was the other candidate; its last release is of July 2024, and it brings seven modules,
// one of which unpacks and runs a helper program.
//
// Firefox is driven by Marionette, which is in every Firefox: a length and a JSON array over a port of this machine, with the
// standard library alone (marionette_test.go). geckodriver, which speaks the same to the browser, is in no Debian 12, and WebDriver
// BiDi would need a WebSocket client.
package e2e
