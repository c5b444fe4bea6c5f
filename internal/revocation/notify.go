package revocation

import (
	"log/slog"
	"time"

	"github.com/lib/pq"
)

// channel is what the trigger on audit_events notifies.
const channel = "mpauth_revocations"

// Notifications listens for PostgreSQL's word that something was revoked. Each message, and each new
// connection after a lost one, means: look now. Messages that are lost cost nothing but the time to
// the next poll. Call stop to end the listening.
func Notifications(url string, log *slog.Logger) (wake <-chan struct{}, stop func()) {
	listener := pq.NewListener(url, 100*time.Millisecond, 10*time.Second, func(event pq.ListenerEventType, _ error) {
		if event == pq.ListenerEventDisconnected {
			log.Warn("the notification connection of the revocation feed was lost; the feed polls on")
		}
	})
	signal := make(chan struct{}, 1)
	go func() {
		// Returns when PostgreSQL has agreed, or when the listener is closed.
		if err := listener.Listen(channel); err != nil {
			return
		}
		for range listener.NotificationChannel() {
			select {
			case signal <- struct{}{}:
			default: // a look is due already
			}
		}
	}()
	return signal, func() { _ = listener.Close() }
}
