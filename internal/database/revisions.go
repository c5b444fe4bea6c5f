package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
)

// revisionTable holds a row for each migration that was applied. Name and columns are those of
// Atlas, so that its command line can be pointed at the database.
const revisionTable = "atlas_schema_revisions"

// createRevisionTable is written so that both databases accept it.
const createRevisionTable = `CREATE TABLE IF NOT EXISTS atlas_schema_revisions (
	version          varchar(255) NOT NULL PRIMARY KEY,
	description      varchar(255) NOT NULL,
	type             bigint NOT NULL,
	applied          bigint NOT NULL,
	total            bigint NOT NULL,
	executed_at      %s NOT NULL,
	execution_time   bigint NOT NULL,
	error            text,
	error_stmt       text,
	hash             varchar(255) NOT NULL,
	partial_hashes   %s,
	operator_version varchar(255) NOT NULL
)`

// executor is a pool or a transaction.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// revisionStore is where Atlas keeps its account of what was applied.
type revisionStore struct{ db executor }

var _ migrate.RevisionReadWriter = (*revisionStore)(nil)

func (s *revisionStore) create(ctx context.Context, dialectName string) error {
	moment, object := "datetime", "json"
	if dialectName == dialect.Postgres {
		moment, object = "timestamptz", "jsonb"
	}
	_, err := s.db.ExecContext(ctx, fmt.Sprintf(createRevisionTable, moment, object))
	return err
}

// Ident names the table.
func (s *revisionStore) Ident() *migrate.TableIdent {
	return &migrate.TableIdent{Name: revisionTable}
}

const selectRevisions = `SELECT version, description, type, applied, total, executed_at, execution_time,
	coalesce(error, ''), coalesce(error_stmt, ''), hash, coalesce(partial_hashes, 'null'), operator_version
	FROM atlas_schema_revisions`

// ReadRevisions returns all of them, the oldest migration first.
func (s *revisionStore) ReadRevisions(ctx context.Context) (_ []*migrate.Revision, err error) {
	rows, err := s.db.QueryContext(ctx, selectRevisions+" ORDER BY version")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var all []*migrate.Revision
	for rows.Next() {
		r, err := scanRevision(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// ReadRevision returns one, or migrate.ErrRevisionNotExist.
func (s *revisionStore) ReadRevision(ctx context.Context, version string) (*migrate.Revision, error) {
	r, err := scanRevision(s.db.QueryRowContext(ctx, selectRevisions+" WHERE version = $1", version))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, migrate.ErrRevisionNotExist
	}
	return r, err
}

func scanRevision(row interface{ Scan(...any) error }) (*migrate.Revision, error) {
	var (
		r      migrate.Revision
		hashes []byte
	)
	err := row.Scan(&r.Version, &r.Description, &r.Type, &r.Applied, &r.Total, Time(&r.ExecutedAt), &r.ExecutionTime,
		&r.Error, &r.ErrorStmt, &r.Hash, &hashes, &r.OperatorVersion)
	if err != nil {
		return nil, err
	}
	return &r, json.Unmarshal(hashes, &r.PartialHashes)
}

// WriteRevision inserts or replaces one.
func (s *revisionStore) WriteRevision(ctx context.Context, r *migrate.Revision) error {
	hashes, err := json.Marshal(r.PartialHashes)
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, `INSERT INTO atlas_schema_revisions (version, description, type, applied, total,
			executed_at, execution_time, error, error_stmt, hash, partial_hashes, operator_version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (version) DO UPDATE SET applied = excluded.applied, total = excluded.total,
			executed_at = excluded.executed_at, execution_time = excluded.execution_time,
			error = excluded.error, error_stmt = excluded.error_stmt, hash = excluded.hash,
			partial_hashes = excluded.partial_hashes, operator_version = excluded.operator_version`,
		r.Version, r.Description, int64(r.Type), r.Applied, r.Total, r.ExecutedAt.Truncate(time.Microsecond), int64(r.ExecutionTime),
		r.Error, r.ErrorStmt, r.Hash, string(hashes), r.OperatorVersion)
	return err
}

// DeleteRevision forgets one.
func (s *revisionStore) DeleteRevision(ctx context.Context, version string) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM atlas_schema_revisions WHERE version = $1", version)
	return err
}
