package e2e_test

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy stands between a server and its database. Told to swallow, it goes on taking connections and
// bytes, and gives nothing back: the silence of a broken network, which no error announces.
type proxy struct {
	listener net.Listener

	mu         sync.Mutex
	target     string
	swallowing bool
	latency    time.Duration // of all that comes back
	conns      []net.Conn
}

// startProxy returns a proxy and the URL of the database behind it.
func startProxy(t testing.TB, database string) (p *proxy, behind string) {
	t.Helper()
	address, err := url.Parse(database)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p = &proxy{listener: listener, target: address.Host}
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
	})
	go p.serve()
	address.Host = listener.Addr().String()
	return p, address.String()
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.leadsTo())
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		go p.relay(server, client, func() {})
		go p.relay(client, server, p.delay)
	}
}

// relay passes bytes on, each time after a delay, while the proxy does not swallow them.
func (p *proxy) relay(to, from net.Conn, delay func()) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		delay()
		if n > 0 && !p.isSwallowing() {
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if !p.isSwallowing() { // a farewell is swallowed as well
		_ = to.Close()
	}
}

func (p *proxy) isSwallowing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.swallowing
}

func (p *proxy) swallow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallowing = true
}

// slow makes every answer of the database take longer.
func (p *proxy) slow(latency time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = latency
}

func (p *proxy) delay() {
	p.mu.Lock()
	latency := p.latency
	p.mu.Unlock()
	if latency > 0 {
		<-time.After(latency)
	}
}

// repoint leads to another server from now on.
func (p *proxy) repoint(address string) {
	p.mu.Lock()
	p.target = address
	p.mu.Unlock()
	p.cut()
}

func (p *proxy) leadsTo() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

// heal lets new connections through again; the old ones have lost bytes and are cut.
func (p *proxy) heal() {
	p.cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallowing = false
}

// cut closes all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
}
