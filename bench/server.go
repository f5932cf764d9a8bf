package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// Served is what a request took through a real net/http server, of one chain: network, parser and all.
type Served struct {
	Name    string
	Ours    bool
	CPU     []float64 // nanoseconds of processor time, of server and client, in each round
	Objects float64   // allocations
}

// MeasureServed serves, over the loopback interface and one connection that is kept, a handler without sessions and the
// same handler that reads one value of a small session.
func MeasureServed(subjects []subject.Subject, scale Scale) (all []Served, err error) {
	var stops []func() error
	defer func() {
		for _, stop := range stops {
			err = errors.Join(err, stop())
		}
	}()
	var requests []func() error
	for i := range subjects {
		s := &subjects[i]
		w := &Workloads[ReadSmall]
		if w.lacks(s) {
			w = &Workloads[NoCookie]
		}
		request, stop, err := startServer(s, w)
		if err != nil {
			return nil, fmt.Errorf("%s, served: %w", s.Name(), err)
		}
		stops = append(stops, stop)
		requests = append(requests, request)
		all = append(all, Served{Name: s.Name(), Ours: s.Ours()})
	}
	for range scale.Rounds {
		for i, request := range requests {
			if err := all[i].round(request, scale); err != nil {
				return nil, fmt.Errorf("%s, served: %w", all[i].Name, err)
			}
		}
	}
	return all, nil
}

func (s *Served) round(request func() error, scale Scale) (err error) {
	if s.Objects == 0 {
		s.Objects, _ = allocations(scale.Counted, func() { err = errors.Join(err, request()) })
	}
	runtime.GC()
	n := 0
	took := measure(func() {
		for began := time.Now(); time.Since(began) < scale.Serve && err == nil; n++ {
			err = request()
		}
	})
	s.CPU = append(s.CPU, float64(took.cpu)/float64(n))
	return err
}

// startServer returns what makes one request of w.
func startServer(s *subject.Subject, w *Workload) (request func() error, stop func() error, err error) {
	chain, clients, err := w.open(s, 1)
	if err != nil {
		return nil, nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, errors.Join(err, chain.Close())
	}
	server := &http.Server{Handler: chain.Handler(w.Work), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	stop = func() error {
		err := server.Close()
		if conn != nil {
			err = errors.Join(err, conn.Close())
		}
		if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
		return errors.Join(err, chain.Close())
	}
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return talk(conn, clients[0].Cookie()), stop, nil
}

// talk returns what sends a request and reads the response, with as little of its own as can be: the same bytes each time,
// and of the answer the status, the length and the body.
func talk(conn net.Conn, cookie string) func() error {
	header := ""
	if cookie != "" {
		header = "Cookie: " + cookie + "\r\n"
	}
	question := []byte("GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n" + header + "\r\n")
	in := bufio.NewReader(conn)
	return func() error {
		if _, err := conn.Write(question); err != nil {
			return err
		}
		length := 0
		for first := true; ; first = false {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return err
			}
			if first && !strings.HasPrefix(string(line), "HTTP/1.1 200") {
				return fmt.Errorf("answer %q", line)
			}
			if len(line) == 2 {
				break
			}
			if value, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
				if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
					return err
				}
			}
		}
		if length == 0 {
			return io.ErrUnexpectedEOF
		}
		_, err := in.Discard(length)
		return err
	}
}
