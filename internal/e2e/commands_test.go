package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database/databasetest"
)

// TestCommands runs the scripts in testdata: what a person types, and what they see.
func TestCommands(t *testing.T) {
	t.Parallel()
	postgres := databasetest.EmptyOptions(t, dialect.Postgres).PostgresURL
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("POSTGRES", postgres)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mode":  scriptMode,
			"hides": scriptHides,
		},
	})
}

// scriptMode is `mode FILE PERMISSIONS`.
func scriptMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	want, err := strconv.ParseUint(args[1], 8, 32)
	ts.Check(err)
	if info.Mode().Perm() != os.FileMode(want) {
		ts.Fatalf("%s has mode %04o, want %04o", args[0], info.Mode().Perm(), want)
	}
}

// scriptHides is `hides KEYFILE`: the last output shows none of its secrets.
func scriptHides(ts *testscript.TestScript, _ bool, args []string) {
	secrets, err := secretsOf(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, name := range []string{"stdout", "stderr"} {
		if found := search(ts.ReadFile(name), secrets); found != nil {
			ts.Fatalf("%s shows a secret of the key file", name)
		}
	}
}

// TestFakeWechat is the fake as a program of its own, for a back end that is not ours.
func TestFakeWechat(t *testing.T) {
	t.Parallel()
	exchange := "/sns/jscode2session?grant_type=authorization_code&appid=%s&secret=%s&js_code="
	t.Run("for configured apps", func(t *testing.T) {
		t.Parallel()
		p := startFake(t)
		require.Contains(t, p.stdout.String(), "development only")
		require.Contains(t, p.stdout.String(), appID)
		code := newCode(t, p.url(), "login-code", "alice")
		require.Contains(t, get(t, p.url()+fmt.Sprintf(exchange, appID, "wrong")+code).body, `"errcode":40125`)
		require.Contains(t, get(t, p.url()+fmt.Sprintf(exchange, appID, appSecret)+code).body, `"openid"`)
		require.Contains(t, get(t, p.url()+fmt.Sprintf(exchange, appID, appSecret)+code).body, `"errcode":40163`)
		require.NotContains(t, p.stderr.String(), code)
		require.NotContains(t, p.stderr.String(), appSecret)
	})
	t.Run("for any app, also where the other fake has it", func(t *testing.T) {
		t.Parallel()
		p := start(t, nil, "fakewechat")
		require.Contains(t, p.stdout.String(), "any app is accepted")
		for _, base := range []string{p.url(), p.url() + "/fakewechat"} {
			code, _ := control(t, base, "login-code", map[string]any{"appid": "wx00000000000other", "user": "bob"})["code"].(string)
			require.Contains(t, get(t, base+fmt.Sprintf(exchange, "wx00000000000other", "any")+code).body, `"openid"`)
		}
	})
	t.Run("ends at once though a call hangs", func(t *testing.T) {
		t.Parallel()
		p := startFake(t)
		control(t, p.url(), "faults", map[string]any{"endpoint": "jscode2session", "kind": "hang"})
		hung := make(chan error, 1)
		go func() {
			_, err := tryGet(p.url() + fmt.Sprintf(exchange, appID, appSecret) + "code")
			hung <- err
		}()
		eventually(t, func() bool {
			calls := control(t, p.url(), "calls", map[string]any{"endpoint": "jscode2session"})
			return len(calls) == 1
		}, "the call is there")
		ended := p.stop(t)
		require.Zero(t, ended.code, ended.stderr)
		<-hung
	})
	t.Run("not in production", func(t *testing.T) {
		t.Parallel()
		refused := run(t, command(settings{"ENV": "production"}, "fakewechat"))
		requireRefusal(t, refused, `MPAUTH_ENV \(--env\): the fake of WeChat does not run in production; unset it, or run mpauth serve`)
	})
}

// TestServerOfTheFakeProcess: a server and a WeChat that are two processes.
func TestServerOfTheFakeProcess(t *testing.T) {
	t.Parallel()
	fake := startFake(t)
	p := start(t, settings{"WECHAT_URL": fake.url(), "WECHAT_APPID": appID, "WECHAT_SECRET": appSecret})
	require.Regexp(t, `WeChat +`+fake.url()+"\n", p.stdout.String())
	require.Equal(t, http.StatusNotFound, get(t, p.url()+"/fakewechat/").status)
	require.True(t, logIn(t, p.url(), fake.url(), "alice").isNew)
}
