package database

import "io/fs"

// MaxStatements is the number of statements that a connection remembers.
const MaxStatements = maxStatements

// UseMigrations makes db expect other migrations.
func UseMigrations(db *DB, files fs.FS) error {
	schema, err := readSchema(files)
	db.schema = schema
	return err
}
