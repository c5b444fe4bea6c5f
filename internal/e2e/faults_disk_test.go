package e2e_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sqliteDiskFull fills the disk below a server on SQLite.
func (f *faults) sqliteDiskFull(t *testing.T) {
	const fault = "disk full, SQLite"
	disk := f.smallDisk(t, fault, "12m")
	fake := startFake(t)
	control(t, fake.url(), "settings", map[string]any{"unlimited": true})
	shared := shared(t, fake).with(settings{"DATA": disk})
	c := &cluster{settings: shared, fake: fake, replicas: []*process{start(t, shared)}}
	c.balancer = startBalancer(t, c.replicas[0].address)
	s := stage{cluster: c, crowd: newCrowd(c)}
	s.settle(t)
	refused, took := s.fillDisk(t, disk)
	f.add(fault, "a file that takes all room, twice", s.crowd.acknowledged.Load(), 0,
		"%d writes refused, reads go on; back after %s", refused, seconds(took))
}

// postgresDiskFull fills the disk below PostgreSQL. When its log cannot grow, PostgreSQL stops.
func (f *faults) postgresDiskFull(t *testing.T) {
	const fault = "disk full, PostgreSQL"
	disk := f.smallDisk(t, fault, "160m")
	require.NoError(t, os.Chmod(disk, 0o777))
	p := newPostgres(t, disk, "min_wal_size = 32MB", "max_wal_size = 48MB", "wal_recycle = off")
	p.start(t)
	p.accepts(t)
	s := newStage(t, p, nil)
	refused, took := s.fillDisk(t, disk)
	f.add(fault, "a file that takes all room, twice", s.crowd.acknowledged.Load(), 0,
		"%d writes refused; back after %s", refused, seconds(took))
}

// smallDisk is a file system that is easily full.
func (f *faults) smallDisk(t *testing.T, fault, size string) string {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(disk, 0o700))
	for dir := disk; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755)) // PostgreSQL runs as somebody else
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		f.skip(t, fault, "a small file system can only be mounted by root: "+err.Error())
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	return disk
}

// fillDisk fills the disk until writes are refused, and makes room again, twice. It returns how many
// were refused and how long it took until one was acknowledged again.
func (s stage) fillDisk(t *testing.T, disk string) (refused int64, took time.Duration) {
	t.Helper()
	stop := s.crowd.begin(t, writers, 1)
	reader := logIn(t, s.url(), s.fake.url(), "reader")
	for range 2 {
		s.crowd.await(t, 100)
		before := s.crowd.refused.Load()
		filler := filepath.Join(disk, "filler")
		fill(t, filler)
		eventually(t, func() bool { return s.crowd.refused.Load() >= before+50 }, "writes are refused")
		if s.postgres == nil {
			must(t, s.url(), reader.token, me, nil)
		}
		require.NoError(t, os.Remove(filler))
		room := time.Now()
		written := s.crowd.acknowledged.Load()
		eventually(t, func() bool {
			if s.postgres != nil && s.postgres.gone() { // what a supervisor does
				s.postgres.start(t)
			}
			return s.crowd.acknowledged.Load() > written
		}, "writes go on")
		took = max(took, time.Since(room))
		refused += s.crowd.refused.Load() - before
	}
	s.crowd.await(t, 100)
	s.requireKept(t, stop)
	s.settle(t)
	s.crowd.requireEveryAnswerHolds(t)
	return refused, took
}

// fill writes a file until there is no room for more.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(block)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
}
