//go:build ignore

// Command main writes the migration that leads from the files in ent/migrate/migrations to what
// ent/schema says now, for both databases. It is run by scripts/new-migration, which names the
// PostgreSQL that the files are replayed on.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	_ "github.com/lib/pq"
	_ "modernc.org/sqlite"

	"mpauth/ent/migrate"
)

const root = "ent/migrate/migrations"

func main() {
	initial := flag.Bool("initial", false, "rewrite 0001_initial.sql in place; only before the first release")
	hash := flag.Bool("hash", false, "record files that were written by hand")
	flag.Parse()
	write := diff
	switch {
	case *initial:
		write = rewriteInitial
	case *hash:
		write = rehash
	}
	if err := run(context.Background(), write, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "new-migration:", err)
		os.Exit(1)
	}
}

// change is the migration to be written.
type change struct{ version, name string }

// writer brings one folder up to date, with driver as the place to replay on.
type writer func(ctx context.Context, driver *entsql.Driver, folder string, next change) error

func run(ctx context.Context, write writer, name string) error {
	scratch, err := os.MkdirTemp("", "mpauth-migration")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	targets := []struct{ folder, dialect, driver, dsn string }{
		{"sqlite", dialect.SQLite, "sqlite", "file:" + filepath.Join(scratch, "replay.db") + "?_pragma=foreign_keys(1)"},
		{"postgres", dialect.Postgres, "postgres", os.Getenv("MPAUTH_TEST_POSTGRES_URL")},
	}
	version, err := nextVersion()
	if err != nil {
		return err
	}
	next := change{version, name}
	for _, target := range targets {
		db, err := sql.Open(target.driver, target.dsn)
		if err != nil {
			return err
		}
		err = write(ctx, entsql.OpenDB(target.dialect, db), filepath.Join(root, target.folder), next)
		if err := errors.Join(err, db.Close()); err != nil {
			return fmt.Errorf("%s: %w", target.folder, err)
		}
	}
	return nil
}

// diff adds one file to folder, or none where the folder already builds what ent/schema says.
func diff(ctx context.Context, driver *entsql.Driver, folder string, next change) error {
	if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(next.name) {
		return errors.New("name the change in lower case, as in add_user_locale")
	}
	return plan(ctx, driver, folder, next)
}

// rewriteInitial derives the first file anew and leaves those after it alone.
func rewriteInitial(ctx context.Context, driver *entsql.Driver, folder string, _ change) error {
	scratch, err := os.MkdirTemp("", "mpauth-initial")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := plan(ctx, driver, scratch, change{"0001", "initial"}); err != nil {
		return err
	}
	const name = "0001_initial.sql"
	text, err := os.ReadFile(filepath.Join(scratch, name))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
		return err
	}
	return rehash(ctx, driver, folder, change{})
}

// rehash writes the checksums of what is in folder.
func rehash(_ context.Context, _ *entsql.Driver, folder string, _ change) error {
	dir, err := atlas.NewLocalDir(folder)
	if err != nil {
		return err
	}
	sum, err := dir.Checksum()
	if err != nil {
		return err
	}
	return atlas.WriteSumFile(dir, sum)
}

func plan(ctx context.Context, driver *entsql.Driver, folder string, next change) error {
	dir, err := atlas.NewLocalDir(folder)
	if err != nil {
		return err
	}
	planner, err := schema.NewMigrate(driver,
		schema.WithDir(dir),
		schema.WithMigrationMode(schema.ModeReplay),
		schema.WithFormatter(numbered(next.version)),
		schema.WithIndent("  "),
		schema.WithDropColumn(true),
		schema.WithDropIndex(true),
	)
	if err != nil {
		return err
	}
	return planner.NamedDiff(ctx, next.name, migrate.Tables...)
}

// nextVersion is one more than the highest number in either folder, so that a change has the same
// number in both.
func nextVersion() (string, error) {
	files, err := filepath.Glob(root + "/*/[0-9]*.sql")
	if err != nil {
		return "", err
	}
	last := 0
	for _, file := range files {
		n := 0
		if _, err := fmt.Sscanf(filepath.Base(file), "%04d_", &n); err != nil {
			return "", fmt.Errorf("%s: the name does not begin with a number: %w", file, err)
		}
		last = max(last, n)
	}
	return fmt.Sprintf("%04d", last+1), nil
}

// numbered names files by a running number instead of the time: two branches that both add one
// collide in the open.
type numbered string

func (n numbered) Format(plan *atlas.Plan) ([]atlas.File, error) {
	plan.Version = string(n)
	return atlas.DefaultFormatter.Format(plan)
}
