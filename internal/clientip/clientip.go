// Package clientip owns which address a request came from.
//
// The connection tells the address of whoever opened it, which behind a proxy is the proxy. A proxy
// says in X-Forwarded-For whom it forwards for, and so can anybody else; the header is worth as much
// as the one who wrote that part of it. So it is read from its end, and only as long as each address
// is that of a proxy the operator has listed: what stands before the first stranger is the
// stranger's own story. Without a list the header means nothing.
//
// Forwarded (RFC 7239) and X-Real-IP are not read: a listed proxy that does not overwrite them would
// pass on what a client made up.
package clientip

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks whose word about the address of a client is believed.
type Proxies []netip.Prefix

type contextKey struct{}

// Middleware finds out where a request came from, for the handlers behind it.
func (p Proxies) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), contextKey{}, p.Client(r))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// FromContext is the address that the request of ctx came from. It is the zero Addr outside of
// [Proxies.Middleware].
func FromContext(ctx context.Context) netip.Addr {
	address, _ := ctx.Value(contextKey{}).(netip.Addr)
	return address
}

// Client is the address that a request came from: the nearest one that is not a listed proxy. If all
// are, or a proxy has written what is not an address, it is the furthest proxy that is known. It has
// no zone and is never IPv4 in the form of IPv6. It is the zero Addr for a connection without one,
// such as a Unix socket's.
func (p Proxies) Client(r *http.Request) netip.Addr {
	client, ok := parse(r.RemoteAddr)
	if !ok {
		return netip.Addr{}
	}
	// A header that is there twice means the same as one with both values, in their order (RFC 9110, 5.3).
	for _, line := range slices.Backward(r.Header.Values("X-Forwarded-For")) {
		for more := true; more; {
			if !p.contain(client) {
				return client
			}
			var last string
			line, last, more = cutLast(line)
			before, ok := parse(strings.Trim(last, " \t"))
			if !ok {
				return client
			}
			client = before
		}
	}
	return client
}

// Forwards tells whether a listed proxy has sent the request, for what else it may be believed about.
func (p Proxies) Forwards(r *http.Request) bool {
	peer, ok := parse(r.RemoteAddr)
	return ok && p.contain(peer)
}

// cutLast takes the last member off a list.
func cutLast(list string) (rest, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

func (p Proxies) contain(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// parse reads an address with or without a port: some proxies write the port too.
func parse(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone(""), true
}

// Network is what belongs to one client when things are counted: an address of IPv4, or 64 bits of
// IPv6, of which a client has all the rest to choose from. It is the zero Prefix for the zero Addr.
func Network(address netip.Addr) netip.Prefix {
	bits := 64
	if address.Is4() {
		bits = 32
	}
	network, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
