package database

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	// grace is how long after its context an exchange may still end by itself: the time in which a
	// server that is alive answers the request to cancel.
	grace = 150 * time.Millisecond
	// cancelTimeout bounds that request, which travels on a connection of its own. lib/pq may wait for
	// it, so it is part of the half second that a caller may have to wait beyond its deadline.
	cancelTimeout = 200 * time.Millisecond
)

// wire is the network connection under a lib/pq connection. lib/pq reads and writes without looking
// at the context of the statement, so the wire does: each read and each write gets a deadline.
type wire struct {
	net.Conn
	now func() time.Time
	// silence is how long a single read or write may take; 0 means as long as limit allows.
	silence time.Duration

	mu      sync.Mutex
	limit   time.Time // when the exchange must be over; zero: no such time
	expired bool      // limit was set because a context ended, and stays
	sent    bool      // the exchange has sent something
}

// begin starts an exchange that has until limit.
func (w *wire) begin(limit time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = false
	if !w.expired {
		w.limit = limit
	}
}

// expire ends the exchange, and every later one, soon. It is called when the context has ended.
func (w *wire) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.expired {
		return
	}
	w.expired = true
	w.limit = w.now().Add(grace)
	if w.Conn != nil {
		_ = w.Conn.SetDeadline(w.limit) // reaches a read that is already waiting
	}
}

// reached says whether any byte of the exchange may have arrived at the server.
func (w *wire) reached() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

// attach puts the wire on a connection that was just dialled, instead of the one of an earlier
// attempt.
func (w *wire) attach(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Conn != nil {
		_ = w.Conn.Close() // lib/pq forgets it when it tries again without TLS
	}
	w.Conn = conn
}

func (w *wire) Read(p []byte) (int, error) {
	w.arm(w.Conn.SetReadDeadline)
	return w.Conn.Read(p)
}

func (w *wire) Write(p []byte) (int, error) {
	w.arm(w.Conn.SetWriteDeadline)
	n, err := w.Conn.Write(p)
	if n > 0 {
		w.mu.Lock()
		w.sent = true
		w.mu.Unlock()
	}
	return n, err
}

// arm sets the deadline of the next operation. Under the lock, or it could undo what expire does.
func (w *wire) arm(set func(time.Time) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	deadline := w.limit
	if w.silence > 0 && !w.expired {
		if rolling := w.now().Add(w.silence); deadline.IsZero() || rolling.Before(deadline) {
			deadline = rolling
		}
	}
	_ = set(deadline) // of a closed connection, which the operation itself reports
}

// The deadlines that lib/pq and crypto/tls set are theirs, not the statement's.
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// quiet says whether an idle connection is still good: open, and with nothing to read. A server that
// went away has left its farewell there. Asking before something is sent is the last moment at which
// another connection can be taken without the risk of running a statement twice.
func (w *wire) quiet() bool {
	conn, ok := w.Conn.(syscall.Conn)
	if !ok {
		return true
	}
	w.begin(time.Time{})
	w.arm(w.Conn.SetReadDeadline)
	return nothingToRead(conn)
}

type wireKey struct{}

// dialer connects lib/pq's connections to their wires. A connection that carries no wire in its
// context is one that lib/pq opens by itself, to cancel a statement.
type dialer struct {
	tcp net.Dialer
	now func() time.Time
}

// DialContext is what lib/pq calls.
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	w, ok := ctx.Value(wireKey{}).(*wire)
	if !ok {
		w = &wire{now: d.now, limit: d.now().Add(cancelTimeout)}
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, cancelTimeout)
		defer stop()
	}
	conn, err := d.tcp.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.attach(conn)
	return w, nil
}

// Dial and DialTimeout complete pq.Dialer; lib/pq prefers DialContext.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout see Dial.
func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, stop := context.WithTimeout(context.Background(), timeout)
	defer stop()
	return d.DialContext(ctx, network, address)
}
