package ratelimit_test

import (
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/ratelimit"
)

// perAddress is a limit of the kind that sees the most names.
var perAddress = ratelimit.Rule{Name: "everything per address", Events: 600, Per: time.Minute}

// The table is all the memory there is: a name that was never seen before takes none. This test is
// not parallel because allocations are counted for the whole process.
func TestNewNamesTakeNoMemory(t *testing.T) {
	names := make([]string, 100_000)
	for i := range names {
		names[i] = "2001:db8::" + strconv.Itoa(i)
	}
	l := ratelimit.New(1000, newClock().Now)
	i := 0
	allocations := testing.AllocsPerRun(len(names)-1, func() {
		l.Check(perAddress, names[i])
		l.Take(perAddress, names[i])
		i++
	})
	require.Zero(t, allocations)
}

// The full size, so that the figures can be read: nanoseconds for each name, bytes for each entry,
// and megabytes after ten million names.
func BenchmarkTenMillionNames(b *testing.B) {
	const capacity, names = 1 << 20, 10_000_000
	for b.Loop() {
		before := heap()
		l := ratelimit.New(capacity, time.Now)
		name := make([]byte, 0, 32)
		began := time.Now()
		for i := range names {
			name = strconv.AppendInt(name[:0], int64(i), 10)
			l.Take(perAddress, string(name))
		}
		took := time.Since(began)
		grown := heap() - before
		b.ReportMetric(float64(took.Nanoseconds())/names, "ns/name")
		b.ReportMetric(float64(grown)/capacity, "B/entry")
		b.ReportMetric(float64(grown)/(1<<20), "MB")
		runtime.KeepAlive(l)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkTake(b *testing.B) {
	names := make([]string, 1<<17)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	for _, kind := range []struct {
		name  string
		among int
	}{{"one caller", 1}, {"many callers", len(names)}} {
		b.Run(kind.name, func(b *testing.B) {
			l := ratelimit.New(1<<20, time.Now)
			var next atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := int(next.Add(1)) * 7919
				for pb.Next() {
					i++
					l.Take(perAddress, names[i%kind.among])
				}
			})
		})
	}
}
