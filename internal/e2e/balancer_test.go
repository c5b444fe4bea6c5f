package e2e_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync"
	"testing"
	"time"
)

// balancer is what stands in front of replicas. It asks each of them ten times a second whether it is
// ready, gives up on one that has said no three times, and sends requests to the others, in turn. It sends a request again only when a connection
// was refused, because then nothing has been sent; every other failure is the client's to see, as 502.
// So it hides no fault of the replicas that a real one would not hide.
type balancer struct {
	*httptest.Server
	transport *http.Transport

	mu       sync.Mutex
	replicas []*upstream
	turn     int
}

type upstream struct {
	address string
	ready   bool
	noes    int // in a row
}

func startBalancer(t testing.TB, addresses ...string) *balancer {
	t.Helper()
	b := &balancer{transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second}}
	for _, address := range addresses {
		b.replicas = append(b.replicas, &upstream{address: address})
	}
	b.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "replicas"
			r.SetXForwarded()
		},
		Transport: b,
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	})
	over := make(chan struct{})
	var checks sync.WaitGroup
	for _, replica := range b.replicas {
		checks.Go(func() { b.check(replica, over) })
	}
	t.Cleanup(func() {
		close(over)
		checks.Wait()
		b.Close()
		b.transport.CloseIdleConnections()
	})
	return b
}

// check follows whether a replica is ready.
func (b *balancer) check(replica *upstream, over <-chan struct{}) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		response, err := client.Get("http://" + b.address(replica) + "/readyz")
		if err == nil {
			_ = response.Body.Close()
		}
		if err == nil && response.StatusCode == http.StatusOK {
			b.admit(replica)
		} else {
			b.doubt(replica, 1)
		}
		select {
		case <-over:
			return
		case <-ticker.C:
		}
	}
}

func (b *balancer) address(replica *upstream) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return replica.address
}

func (b *balancer) admit(replica *upstream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	replica.ready, replica.noes = true, 0
}

const patienceOfBalancer = 3 // noes in a row

// doubt counts noes. A busy machine may answer one late and still be ready.
func (b *balancer) doubt(replica *upstream, noes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	replica.noes += noes
	replica.ready = replica.ready && replica.noes < patienceOfBalancer
}

// replace puts another process in the place of a replica; it gets requests once it is ready.
func (b *balancer) replace(i int, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*b.replicas[i] = upstream{address: address}
}

// next is the replica whose turn it is, or nil when none is ready.
func (b *balancer) next() (replica *upstream, address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.replicas {
		b.turn = (b.turn + 1) % len(b.replicas)
		if replica := b.replicas[b.turn]; replica.ready {
			return replica, replica.address
		}
	}
	return nil, ""
}

func (b *balancer) ready() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, replica := range b.replicas {
		if replica.ready {
			n++
		}
	}
	return n
}

// RoundTrip sends a request to the replica whose turn it is.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	for {
		replica, address := b.next()
		if replica == nil {
			return nil, errors.New("no replica is ready")
		}
		again := r.Clone(r.Context())
		again.URL.Host = address
		again.Body = io.NopCloser(bytes.NewReader(body))
		again.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		response, err := b.transport.RoundTrip(again)
		var refused *net.OpError
		if !errors.As(err, &refused) || refused.Op != "dial" {
			return response, err
		}
		b.doubt(replica, patienceOfBalancer)
	}
}
