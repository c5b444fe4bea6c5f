package e2e_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRollingRestartFailsNoRequest replaces all three replicas, one after the other, under load.
func TestRollingRestartFailsNoRequest(t *testing.T) {
	t.Parallel()
	c := startCluster(t, settings{"DRAIN_DELAY": "3s"})
	crowd := newCrowd(c)
	crowd.pause = 10 * time.Millisecond
	stop := crowd.begin(t, 6, 2)
	crowd.await(t, 20)
	for i, p := range c.replicas {
		ended := p.stop(t)
		require.Zero(t, ended.code, ended.stderr)
		c.restart(t, i)
		c.settle(t)
		crowd.await(t, 20)
	}
	stop()
	require.Zero(t, crowd.failed(), "requests failed")
	c.requireNothingLost(t, crowd)
	crowd.requireEveryAnswerHolds(t)
	t.Logf("%d requests, %d writes acknowledged, %d failed", crowd.asked.Load(), crowd.acknowledged.Load(), crowd.failed())
}

// TestReplicaKilledLosesNothingAcknowledged ends replicas by SIGKILL under load. What was on its way
// fails, and a client that repeats it as it is told to comes to its end.
func TestReplicaKilledLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	c := startCluster(t, nil)
	crowd := newCrowd(c)
	stop := crowd.begin(t, 6, 2)
	c.killReplicas(t, crowd, 6)
	stop()
	c.requireNothingLost(t, crowd)
	db := openDatabase(t, c.settings)
	require.NotEmpty(t, crowd.undo(t, db), "the check does not see a loss")
	t.Logf("%d requests, %d without an answer, %d writes acknowledged", crowd.asked.Load(), crowd.unanswered.Load(), crowd.acknowledged.Load())
}

// killReplicas kills one replica after the other at random moments and starts it again.
func (c *cluster) killReplicas(t *testing.T, crowd *crowd, kills int) {
	t.Helper()
	for kill := range kills {
		crowd.await(t, 10)
		<-time.After(rand.N(40 * time.Millisecond)) // the random point
		i := kill % len(c.replicas)
		c.replicas[i].kill(t)
		crowd.await(t, 5) // the others go on
		c.restart(t, i)
		eventually(t, func() bool { return get(t, c.replicas[i].url()+"/readyz").status == http.StatusOK }, "the replica is ready")
		c.settle(t)
	}
}
