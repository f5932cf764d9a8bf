// Package enginetest starts real database servers for tests: the programs that Debian packages bring, each on a free
// loopback port, with its files in a folder of its own under the system's temporary one, and ended by process ID.
//
//	var server = sync.OnceValues(func() (*enginetest.Server, error) { return enginetest.Redis() })
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		if s, err := server(); err == nil {
//			s.Close()
//		}
//		os.Exit(code)
//	}
//
//	func TestStore(t *testing.T) {
//		s, err := server()
//		enginetest.Require(t, err) // skips where the program is not installed
//		…
//	}
//
// A server ends with the process that started it, even if that is killed. As root, servers that refuse to run as root run
// as the user that their package made.
//
// It is for tests alone, and runs on Linux. Unlike the rest of the module it promises no compatibility between releases.
package enginetest
