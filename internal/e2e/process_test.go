package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait for something that should happen soon, on the slowest machine.
const patience = 3 * time.Minute

// settings are MPAUTH_… variables by name, without the prefix.
type settings map[string]string

// with returns a copy with more settings.
func (s settings) with(more settings) settings {
	all := maps.Clone(s)
	if all == nil {
		all = settings{}
	}
	maps.Copy(all, more)
	return all
}

// command prepares a run of the program that sees these settings and nothing else of our environment.
func command(s settings, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GORACE=halt_on_error=1"}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		cmd.Env = append(cmd.Env, "MPAUTH_"+name+"="+s[name])
	}
	return cmd
}

// output is what a process has written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// result is how a run ended.
type result struct {
	code           int // -1: by a signal
	stdout, stderr string
}

// run runs a command to its end.
func run(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	p := launch(t, cmd)
	return p.wait(t, patience)
}

// process is a running program.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	ended          chan struct{}
	address        string // host:port, once known
}

// launch starts a command. Whatever happens, it is gone when the test ends, and never died of a race
// or a panic.
func launch(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stderr
	require.NoError(t, cmd.Start())
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
		log := p.stderr.String()
		if t.Failed() && log != "" {
			t.Logf("%v wrote to stderr:\n%s", cmd.Args[1:], log[max(0, len(log)-6000):])
		}
		if crashed.MatchString(log) {
			t.Errorf("the program crashed:\n%s", log)
		}
	})
	return p
}

// wait returns how the process ended; it must do so in time.
func (p *process) wait(t testing.TB, limit time.Duration) result {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		require.FailNow(t, "the process did not end", "after %s:\n%s%s", limit, p.stdout.String(), p.stderr.String())
	}
	return result{p.cmd.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()}
}

// signal sends a signal; a process that has ended already gets none.
func (p *process) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); !errors.Is(err, os.ErrProcessDone) {
		require.NoError(t, err)
	}
}

// kill ends the process without warning and waits until it is gone.
func (p *process) kill(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.ended
}

// stop ends the process with its consent.
func (p *process) stop(t testing.TB) result {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	return p.wait(t, patience)
}

func (p *process) url() string { return "http://" + p.address }

var (
	announced = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)`)
	crashed   = regexp.MustCompile(`(?m)^(WARNING: DATA RACE|panic: |fatal error: )`)
)

// begin runs a command that listens on a free port.
func begin(t testing.TB, s settings, args ...string) *process {
	t.Helper()
	s = s.with(nil)
	if s["LISTEN"] == "" {
		s["LISTEN"] = "127.0.0.1:0"
	}
	if s["ADMIN_LISTEN"] == "" {
		s["ADMIN_LISTEN"] = "off" // the port after ours may be somebody else's
	}
	if s["REQUEST_TIMEOUT"] == "" {
		s["REQUEST_TIMEOUT"] = "20s" // a busy machine is no fault
	}
	if s["DATA"] == "" {
		s["DATA"] = t.TempDir()
	}
	return launch(t, command(s, args...))
}

// start is begin, and waits until the program has said where it listens.
func start(t testing.TB, s settings, args ...string) *process {
	t.Helper()
	p := begin(t, s, args...)
	p.listens(t)
	return p
}

// listens waits for the program's address.
func (p *process) listens(t testing.TB) {
	t.Helper()
	eventually(t, func() bool {
		select {
		case <-p.ended:
			require.FailNow(t, "the program did not start", "%s%s", p.stdout.String(), p.stderr.String())
		default:
		}
		found := announced.FindStringSubmatch(p.stdout.String())
		if found != nil {
			p.address = found[1]
		}
		return found != nil
	}, "the program says where it listens")
}

// startFake runs WeChat as a process of its own, for one app with the usual id and secret.
func startFake(t testing.TB) *process {
	t.Helper()
	return start(t, settings{"WECHAT_APPID": appID, "WECHAT_SECRET": appSecret}, "fakewechat")
}

// eventually polls until a condition holds.
func eventually(t testing.TB, condition func() bool, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			require.FailNow(t, "it did not happen", "%s, within %s", what, patience)
		case <-ticker.C:
		}
	}
}
