package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"entgo.io/ent/dialect"

	"mpauth/internal/config"
	"mpauth/internal/database"
	"mpauth/internal/lockfile"
)

const (
	reachTimeout = 10 * time.Second // for the database to answer at all
	startTimeout = time.Minute      // for bringing the tables up to date, or reading what is kept in memory, at the start
)

// usesSQLite tells whether the database is a file in the data directory.
func usesSQLite(c *config.Config) bool { return !c.DatabaseURL.IsSet() }

// takeDataDirectory makes the directory for what is kept in files, sees that it can be written, and
// claims it where it holds the database: two processes on one SQLite file would each believe that
// they know of every logout. A server that keeps nothing in files needs no directory.
func takeDataDirectory(c *config.Config) (release func(), err error) {
	if !usesSQLite(c) && c.Avatars != config.AvatarsDir && c.Environment == config.Production {
		return func() {}, nil
	}
	if err := makeDataDirectory(c.Data); err != nil {
		return nil, fmt.Errorf("MPAUTH_DATA: cannot write to %s: %w; make the directory writable, or set another one", c.Data, cause(err))
	}
	if !usesSQLite(c) {
		return func() {}, nil
	}
	lock, err := lockfile.Acquire(filepath.Join(c.Data, "mpauth.lock"))
	if errors.Is(err, lockfile.ErrHeld) {
		return nil, fmt.Errorf("MPAUTH_DATA: another mpauth is using the database in %s; stop it, set another directory, or set MPAUTH_DATABASE_URL to a PostgreSQL database, which many can share", c.Data)
	}
	if err != nil {
		return nil, fmt.Errorf("MPAUTH_DATA: cannot lock %s: %w; set a directory on a file system that knows locks", c.Data, cause(err))
	}
	return func() { _ = lock.Release() }, nil
}

func makeDataDirectory(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(path, ".write-*")
	if err != nil {
		return err
	}
	_ = probe.Close()
	return os.Remove(probe.Name())
}

// cause drops operation, path and address from an error of the operating system: the messages here
// name the setting and its value.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	if netError, ok := errors.AsType[*net.OpError](err); ok {
		return netError.Err
	}
	return err
}

// openDatabase reaches the database and sees that its tables are right, or says in one line why not.
func openDatabase(ctx context.Context, c *config.Config, observe func(driver.Connector) driver.Connector) (*database.DB, error) {
	o := databaseOptions(c)
	o.Wrap = observe
	db, err := reachDatabase(ctx, c, o)
	if err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := prepareSchema(limit, c, db); err != nil {
		return nil, databaseProblem(c, err)
	}
	return db, refuseLossy(limit, c, db)
}

// reachDatabase opens the database and has it answer.
func reachDatabase(ctx context.Context, c *config.Config, o database.Options) (*database.DB, error) {
	db, err := database.Open(o)
	if err != nil {
		return nil, databaseProblem(c, err)
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	err = db.Ping(ctx)
	switch {
	case err == nil:
		return db, nil
	case db.Dialect == dialect.SQLite:
		return nil, fmt.Errorf("%w; restore the file from a backup, or move it away to begin with an empty one", databaseProblem(c, err))
	default:
		return nil, fmt.Errorf("%w; check that it runs and that address, user and password are right", databaseProblem(c, err))
	}
}

// databaseProblem names the setting that a problem with the database leads to.
func databaseProblem(c *config.Config, err error) error {
	if usesSQLite(c) {
		return fmt.Errorf("MPAUTH_DATA: %w", err)
	}
	return fmt.Errorf("MPAUTH_DATABASE_URL: %w", err)
}

func databaseOptions(c *config.Config) database.Options {
	options := database.Options{MaxConns: c.DBMaxConns}
	if usesSQLite(c) {
		options.SQLitePath = filepath.Join(c.Data, "mpauth.db")
	} else {
		options.PostgresURL = c.DatabaseURL.Reveal()
	}
	return options
}

func prepareSchema(ctx context.Context, c *config.Config, db *database.DB) error {
	if c.Migrate {
		return db.Migrate(ctx)
	}
	state, err := db.SchemaState(ctx)
	if err != nil {
		return err
	}
	return state.Err()
}

// refuseLossy keeps production off a database that may lose what it has confirmed.
func refuseLossy(ctx context.Context, c *config.Config, db *database.DB) error {
	if c.Environment != config.Production {
		return nil
	}
	setting, err := db.LossySetting(ctx)
	if err != nil {
		return databaseProblem(c, err)
	}
	if setting != "" {
		return fmt.Errorf("MPAUTH_DATABASE_URL: the database is set to %s and may lose what it has confirmed; set it to on", setting)
	}
	return nil
}
