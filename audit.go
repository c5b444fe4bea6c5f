package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"mpauth/internal/audit"
	"mpauth/internal/config"
	"mpauth/internal/database"
	"mpauth/internal/keyfile"
)

// newChain makes the chain over the audit trail.
func newChain(db *database.DB, file *keyfile.File, log *slog.Logger) *audit.Chain {
	return audit.New(audit.Options{DB: db, Key: file.Audit(), Now: time.Now, Log: log})
}

// errTrail ends `mpauth audit verify` when the trail does not hold. What is wrong has been told.
var errTrail = errors.New("the audit trail is not as it was written")

// verifyAudit carries out `mpauth audit verify`. It only reads, so it may run beside a server.
func verifyAudit(ctx context.Context, c *config.Config, log *slog.Logger, stdout io.Writer) error {
	var expected *audit.Place
	if c.Checkpoint != "" {
		place, err := audit.ParsePlace(c.Checkpoint)
		if err != nil {
			return fmt.Errorf("--checkpoint: %w", err)
		}
		expected = &place
	}
	file, err := loadKeys(c)
	if err != nil {
		return err
	}
	db, err := reachDatabase(ctx, c, databaseOptions(c))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // it was only read
	report, err := newChain(db, file, log).Verify(ctx, expected)
	if err != nil {
		return databaseProblem(c, err)
	}
	for _, problem := range report.Problems {
		fmt.Fprintln(stdout, problem)
	}
	if !report.OK() {
		return errTrail
	}
	_, err = fmt.Fprintf(stdout, "ok: %d events are as they were written; %s\n", report.Sealed, reach(report))
	return err
}

// reach says from where to where the chain goes.
func reach(r *audit.Report) string {
	text := "nothing is sealed yet"
	if r.End.Seal > 0 {
		text = "the chain reaches " + r.End.String()
	}
	if r.Removed > 0 {
		text += fmt.Sprintf(", and begins after %d that were removed when their time was over", r.Removed)
	}
	if r.Pending > 0 {
		text += fmt.Sprintf("; %d more are about to be sealed", r.Pending)
	}
	return text
}
