package database

import "context"

// turn lets those who write to a SQLite file in one by one, in the order in which they came. SQLite itself has each
// try again after ever longer pauses, until its busy timeout: under load some wait for seconds while others pass by.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for its turn, until ctx ends.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}: // a channel serves its senders in the order in which they came
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) leave() { <-t }
