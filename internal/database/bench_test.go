package database_test

import (
	"database/sql"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/internal/database/databasetest"
)

// What remembering statements and watching deadlines bring and cost: the same statements through lib/pq
// as it is and through this package.
func BenchmarkPostgres(b *testing.B) {
	options := databasetest.Options(b, dialect.Postgres)
	bare, err := sql.Open("postgres", options.PostgresURL)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, bare.Close()) })
	bare.SetMaxIdleConns(20)
	here := databasetest.OpenWith(b, options)
	for name, pool := range map[string]*sql.DB{"bare": bare, "here": here.SQL} {
		b.Run(name, func(b *testing.B) { benchmark(b, dialect.Postgres, pool) })
	}
}

func BenchmarkSQLite(b *testing.B) {
	db := databasetest.Open(b, dialect.SQLite)
	benchmark(b, dialect.SQLite, db.SQL)
}

// How long one of sixteen writers waits until its transaction is stored, at worst and in the middle.
func BenchmarkSQLiteWriters(b *testing.B) {
	db := databasetest.Open(b, dialect.SQLite)
	person := db.Ent().User.Create().SetAppGroup("g").SetCreatedAt(moments[0]).SaveX(b.Context())
	var (
		mu   sync.Mutex
		took []time.Duration
	)
	b.SetParallelism(16 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			begun := time.Now()
			increment(b, db.SQL, person.ID)
			mu.Lock()
			took = append(took, time.Since(begun))
			mu.Unlock()
		}
	})
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "ms-worst")
}

// increment is a transaction that reads and then writes.
func increment(b *testing.B, pool *sql.DB, person uuid.UUID) {
	tx, err := pool.BeginTx(b.Context(), nil)
	require.NoError(b, err)
	var epoch int
	require.NoError(b, tx.QueryRowContext(b.Context(), "SELECT epoch FROM users WHERE id = $1", person).Scan(&epoch))
	_, err = tx.ExecContext(b.Context(), "UPDATE users SET epoch = $2 WHERE id = $1", person, epoch+1)
	require.NoError(b, err)
	require.NoError(b, tx.Commit())
}

func benchmark(b *testing.B, dialectName string, pool *sql.DB) {
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialectName, pool)))
	person := client.User.Create().SetAppGroup("g").SetCreatedAt(moments[0]).SaveX(b.Context())
	b.Run("by hand", func(b *testing.B) {
		for b.Loop() {
			var group string
			err := pool.QueryRowContext(b.Context(), "SELECT app_group FROM users WHERE id = $1", person.ID).Scan(&group)
			require.NoError(b, err)
		}
	})
	b.Run("ent", func(b *testing.B) {
		for b.Loop() {
			client.User.GetX(b.Context(), person.ID)
		}
	})
	b.Run("transaction", func(b *testing.B) {
		for b.Loop() {
			increment(b, pool, person.ID)
		}
	})
	b.Run("parallel by hand", func(b *testing.B) {
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				var n int
				_ = pool.QueryRowContext(b.Context(), "SELECT epoch FROM users WHERE id = $1", uuid.Nil).Scan(&n)
			}
		})
	})
}
