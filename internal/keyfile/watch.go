package keyfile

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"
)

// Watch gives apply the key file anew whenever its text has changed, and whenever one of its keys takes over. It looks at each tick, whose value
// it takes for the time, and returns when ctx ends. Start it with the file that is in use since the given moment.
//
// The whole text is read and compared at each tick: it is a few KB, while size, date and inode can all stay the same over a change. A file that
// cannot be read or that apply refuses leaves the present keys in use and is tried again at the next tick; onError hears of the same fault once.
func Watch(ctx context.Context, path string, inUse *File, since time.Time, ticks <-chan time.Time, apply func(*File) error, onError func(error)) {
	w := watcher{path: path, inUse: inUse, last: since, apply: apply}
	fault := ""
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks:
			err := w.look(now)
			if err != nil && err.Error() != fault {
				onError(err)
			}
			fault = ""
			if err != nil {
				fault = err.Error()
			}
		}
	}
}

type watcher struct {
	path  string
	inUse *File
	last  time.Time // when inUse was applied
	apply func(*File) error
}

func (w *watcher) look(now time.Time) error {
	next := w.inUse
	raw, err := read(w.path)
	if err != nil {
		err = fmt.Errorf("key file %s: %w", w.path, withoutPath(err))
	} else if w.inUse.digest == nil || sha256.Sum256(raw) != *w.inUse.digest {
		if next, err = parse(w.path, raw); err != nil {
			next = w.inUse
		}
	}
	// A key takes over at its time also while the file cannot be read: other replicas rely on it.
	if next != w.inUse || w.inUse.TakesOver(w.last, now) {
		if refused := w.apply(next); refused != nil {
			return fmt.Errorf("key file %s: %w", w.path, refused)
		}
		w.inUse, w.last = next, now
	}
	return err
}
