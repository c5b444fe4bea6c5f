package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// cluster is a service as it is run: replicas that share a database and a key file, and what stands
// in front of them.
type cluster struct {
	settings settings
	fake     *process
	replicas []*process
	balancer *balancer
}

// startCluster starts three replicas. More settings come on top of those that replicas share.
func startCluster(t *testing.T, more settings) *cluster {
	t.Helper()
	fake := startFake(t)
	return startClusterOn(t, fake, replicas(t, fake).with(more))
}

// startClusterOn starts three replicas on a database that is there.
func startClusterOn(t *testing.T, fake *process, shared settings) *cluster {
	t.Helper()
	c := &cluster{fake: fake, settings: settings{"LOG_LEVEL": "warn"}.with(shared)}
	control(t, fake.url(), "settings", map[string]any{"unlimited": true})
	for range 3 {
		c.replicas = append(c.replicas, begin(t, c.settings))
	}
	var addresses []string
	for _, p := range c.replicas {
		p.listens(t)
		addresses = append(addresses, p.address)
	}
	c.balancer = startBalancer(t, addresses...)
	c.settle(t)
	return c
}

// settle waits until all replicas get requests.
func (c *cluster) settle(t testing.TB) {
	t.Helper()
	eventually(t, func() bool { return c.balancer.ready() == len(c.replicas) }, "all replicas are ready")
}

// restart starts a replica anew that has ended, at another address.
func (c *cluster) restart(t testing.TB, i int) {
	t.Helper()
	c.replicas[i] = start(t, c.settings)
	c.balancer.replace(i, c.replicas[i].address)
}

func (c *cluster) url() string { return c.balancer.URL }

// requireNothingLost holds the database against what clients know.
func (c *cluster) requireNothingLost(t *testing.T, crowd *crowd) {
	t.Helper()
	db := openDatabase(t, c.settings)
	require.Empty(t, halfStates(t, db))
	require.Empty(t, crowd.losses(t, db))
}
