package database_test

import (
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
)

// What a proxy does with what it receives.
const (
	forward int32 = iota
	swallow       // accept and never answer
	cut           // hand the request on, hang up instead of answering, then forward again
)

// proxy stands between the program and its PostgreSQL and can go bad.
type proxy struct{ mode atomic.Int32 }

// newProxy makes a proxy in front of the server that options name, and options that lead through it.
func newProxy(t *testing.T, options database.Options) (*proxy, database.Options) {
	t.Helper()
	address, err := url.Parse(options.PostgresURL)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	p := &proxy{}
	server := address.Host
	address.Host = listener.Addr().String()
	options.PostgresURL = address.String()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			t.Cleanup(func() { _, _ = client.Close(), upstream.Close() })
			go p.pipe(upstream, client, false)
			go p.pipe(client, upstream, true)
		}
	}()
	return p, options
}

func (p *proxy) pipe(to, from net.Conn, replies bool) {
	defer func() { _ = to.Close() }()
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if err != nil || replies && p.mode.CompareAndSwap(cut, forward) {
			return
		}
		if p.mode.Load() == swallow {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
