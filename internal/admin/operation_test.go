package admin_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/internal/account"
	"mpauth/internal/admin"
	"mpauth/internal/fault"
	"mpauth/internal/keyfile"
	"mpauth/internal/wechat/wechatfake"
)

func read(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

// addEvents writes a trail of its own: n events, three a second, from noon on.
func addEvents(t *testing.T, w *world, n int) (noon time.Time) {
	t.Helper()
	noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	var rows []*ent.AuditEventCreate
	for i := range n {
		action := []string{"login", "session.replace", "session.evict", "account.close", "consent.give"}[i%5]
		rows = append(rows, w.db.Ent().AuditEvent.Create().SetAt(noon.Add(time.Duration(i/3)*time.Second)).
			SetAction(action).SetAppID([]string{shop, club}[i%2]).SetDetail(map[string]string{"n": "x", "by": "<code>"}))
		if len(rows) == 500 || i == n-1 {
			require.NoError(t, w.db.Ent().AuditEvent.CreateBulk(rows...).Exec(t.Context()))
			rows = nil
		}
	}
	return noon
}

func TestTheTrailIsReadByEachFilter(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		noon := addEvents(t, w, 20)
		_, ann := w.login(t, shop, "ann", "ann.1")
		_, err := w.User(t.Context(), sue, ann.UserID, why)
		require.NoError(t, err)
		end := noon.Add(5 * time.Second)
		for _, test := range []struct {
			name   string
			filter admin.AuditFilter
			want   int
		}{
			{"whole action", admin.AuditFilter{Action: new("account.close")}, 4},
			{"whole action that every login writes", admin.AuditFilter{Action: new("login")}, 5},
			{"beginning", admin.AuditFilter{Action: new("session."), Before: &end}, 6},
			{"beginning without a dot is a whole action", admin.AuditFilter{Action: new("session")}, 0},
			{"user", admin.AuditFilter{UserID: &ann.UserID}, 3},
			{"actor", admin.AuditFilter{Actor: new("key:sue"), Action: new("admin.user.")}, 1},
			{"another actor", admin.AuditFilter{Actor: new("oidc:sue")}, 0},
			{"app", admin.AuditFilter{AppID: new(club)}, 10},
			{"from", admin.AuditFilter{From: &end, Before: new(noon.Add(time.Hour))}, 5},
			{"before", admin.AuditFilter{Before: &end}, 15},
		} {
			got, err := w.AuditLog(t.Context(), sue, &test.filter, 100, nil)
			require.NoError(t, err, test.name)
			require.Len(t, got.Edges, test.want, test.name)
			for i := 1; i < len(got.Edges); i++ {
				require.False(t, got.Edges[i].Node.At.After(got.Edges[i-1].Node.At), "the latest is first")
			}
		}
		deed := w.lastDeed(t)
		require.Equal(t, "admin.audit.read", deed.Action)
		require.Equal(t, map[string]string{"found": "15", "before": "2026-01-31T12:00:05Z"}, deed.Detail)
	})
}

func TestTheTrailIsWalkedWithoutGapWhileItGrows(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		addEvents(t, w, 25)
		seen := map[string]bool{}
		var after *string
		for {
			// Each reading adds an event of now, which is before the page.
			page, err := w.AuditLog(t.Context(), sue, nil, 4, after)
			require.NoError(t, err)
			for _, edge := range page.Edges {
				require.False(t, seen[edge.Node.ID])
				seen[edge.Node.ID] = true
			}
			if after = page.PageInfo.EndCursor; !page.PageInfo.HasNextPage {
				break
			}
		}
		require.Len(t, seen, 25)
	})
}

func TestTheTrailRefusesWhatIsNoFilter(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		for name, filter := range map[string]*admin.AuditFilter{
			"no action": {Action: new("")}, "no actor": {Actor: new("")}, "no app": {AppID: new("")},
			"a long action": {Action: new(strings.Repeat("a", 257))}, "no letter": {Actor: new("key:\x00")},
		} {
			_, err := w.AuditLog(t.Context(), sue, filter, 20, nil)
			require.Equal(t, fault.BadInput, fault.CodeOf(err), name)
			_, err = w.ExportAuditLog(t.Context(), sue, filter, nil)
			require.Equal(t, fault.BadInput, fault.CodeOf(err), name)
		}
		_, err := w.AuditLog(t.Context(), sue, nil, 0, nil)
		requireFault(t, fault.BadInput, err)
		_, err = w.AuditLog(t.Context(), sue, nil, 20, new("nonsense"))
		requireFault(t, fault.BadInput, err)
		_, err = w.ExportAuditLog(t.Context(), sue, nil, new("nonsense"))
		requireFault(t, fault.BadInput, err)
	})
}

func TestAnExportHoldsEveryEventOnce(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		const n = 12_345
		noon := addEvents(t, w, n)
		for sealed := 1; sealed > 0; {
			var err error
			sealed, err = w.chain.Seal(t.Context())
			require.NoError(t, err)
		}
		ended := noon.Add(24 * time.Hour)
		period := &admin.AuditFilter{Before: &ended}
		var last time.Time
		var sizes []int
		seen := map[string]bool{}
		var after *string
		for {
			part, err := w.ExportAuditLog(t.Context(), sue, period, after)
			require.NoError(t, err)
			size := 0
			for lines := bufio.NewScanner(strings.NewReader(part.Lines)); lines.Scan(); size++ {
				var line struct {
					ID, Action, AppID string
					At                time.Time
					Detail            map[string]string
					Seal              int
				}
				require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
				require.False(t, seen[line.ID])
				require.False(t, line.At.Before(last), "the oldest is first")
				require.Equal(t, "<code>", line.Detail["by"])
				require.Positive(t, line.Seal)
				seen[line.ID], last = true, line.At
			}
			sizes = append(sizes, size)
			if after = part.EndCursor; after == nil {
				break
			}
		}
		require.Len(t, seen, n)
		require.Equal(t, []int{10_000, 2_345}, sizes)
		require.Equal(t, "admin.audit.export", w.lastDeed(t).Action)
		require.Equal(t, "2345", w.lastDeed(t).Detail["found"])
	})
}

func TestEventsShowTheirPlaceInTheChainOnceTheyHaveOne(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		addEvents(t, w, 3)
		first, err := w.AuditLog(t.Context(), sue, &admin.AuditFilter{AppID: new(shop)}, 1, nil)
		require.NoError(t, err)
		require.Nil(t, first.Edges[0].Node.Seal)
		_, err = w.chain.Seal(t.Context())
		require.NoError(t, err)
		first, err = w.AuditLog(t.Context(), sue, &admin.AuditFilter{AppID: new(shop)}, 1, nil)
		require.NoError(t, err)
		require.Positive(t, *first.Edges[0].Node.Seal)
		require.Equal(t, []string{"by=<code>", "n=x"}, first.Edges[0].Node.Detail)
	})
}

func TestVerifyTellsWhatWasChanged(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		addEvents(t, w, 10)
		_, err := w.chain.Seal(t.Context())
		require.NoError(t, err)
		good, err := w.VerifyAuditLog(t.Context(), sue)
		require.NoError(t, err)
		require.Equal(t, admin.AuditVerification{Ok: true, Sealed: 10}, *good)
		off := "DROP TRIGGER audit_events_update"
		if w.db.Dialect == dialect.Postgres {
			off = "ALTER TABLE audit_events DISABLE TRIGGER USER"
		}
		if _, err := w.db.SQL.ExecContext(t.Context(), off); err != nil {
			dropTriggers(t, w)
		}
		_, err = w.db.SQL.ExecContext(t.Context(), "UPDATE audit_events SET action = 'logout' WHERE action = 'account.close'")
		require.NoError(t, err)
		bad, err := w.VerifyAuditLog(t.Context(), sue)
		require.NoError(t, err)
		require.False(t, bad.Ok)
		require.Len(t, bad.Problems, 2)
		require.Equal(t, map[string]string{"sealed": "10", "problems": "2"}, w.lastDeed(t).Detail)
	})
}

// dropTriggers takes the protection of the trail away, as the owner of the tables can.
func dropTriggers(t *testing.T, w *world) {
	t.Helper()
	rows, err := w.db.SQL.QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'trigger'")
	require.NoError(t, err)
	var names []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	for _, name := range names {
		_, err := w.db.SQL.ExecContext(t.Context(), "DROP TRIGGER "+name)
		require.NoError(t, err)
	}
}

func TestStatsCountWhatPeopleDid(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, _ = w.login(t, shop, "ann", "ann.1")
		_, ann := w.login(t, shop, "ann", "ann.1")
		w.name(t, ann, "Ann")
		w.phone(t, ann, "ann", "13800000001")
		_, cat := w.login(t, club, "cat", "cat.1")
		w.phone(t, cat, "cat", "13800000003")
		_, err := w.account.UnbindPhone(t.Context(), cat)
		require.NoError(t, err)
		w.phone(t, cat, "cat", "13800000003")
		w.stats.Refused(shop, fault.PhoneTaken)
		today := w.clock.Now().Format("2006-01-02")
		got, err := w.Stats(t.Context(), sue, today, today, nil)
		require.NoError(t, err)
		var counts []admin.DailyCount
		for _, c := range got {
			counts = append(counts, *c)
		}
		require.Equal(t, []admin.DailyCount{
			{today, club, admin.CountLogin, "", 1},
			{today, club, admin.CountRegister, "", 1},
			{today, club, admin.CountStep, "ONE", 1},
			{today, club, admin.CountStep, "THREE", 1},
			{today, shop, admin.CountFailure, "PHONE_TAKEN", 1},
			{today, shop, admin.CountLogin, "", 2},
			{today, shop, admin.CountRegister, "", 1},
			{today, shop, admin.CountStep, "ONE", 1},
			{today, shop, admin.CountStep, "THREE", 1},
			{today, shop, admin.CountStep, "TWO", 1},
		}, counts)
		_, err = w.Stats(t.Context(), sue, "yesterday", today, nil)
		requireFault(t, fault.BadInput, err)
		_, err = w.Stats(t.Context(), sue, today, today, new("wx\x00"))
		requireFault(t, fault.BadInput, err)
	})
}

func TestAppsAndWeChatAreShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, shop, "ann", "ann.1")
		w.phone(t, ann, "ann", "13800000001")
		apps, err := w.Apps(t.Context(), sue)
		require.NoError(t, err)
		require.Equal(t, []*admin.App{
			{AppID: club, Flow: []string{"PHONE"}, Group: club, CreateOnSilentLogin: true, PhoneConflict: "reject"},
			{AppID: mall, Flow: []string{"PHONE"}, Group: "market", CreateOnSilentLogin: true, PhoneConflict: "merge"},
			{AppID: shop, Flow: []string{"PROFILE", "PHONE"}, Group: shop, EncryptedData: true, CreateOnSilentLogin: true, PhoneConflict: "reject"},
			{AppID: stand, Flow: []string{"PHONE"}, Group: "market", PhoneConflict: "merge"},
		}, apps)
		w.clock.advance(2 * time.Second)
		status, err := w.WechatStatus(t.Context(), sue)
		require.NoError(t, err)
		require.Equal(t, &admin.WechatStatus{AppID: club, Endpoints: []*admin.WechatEndpoint{}}, status[0])
		require.Len(t, status, 4)
		asked := status[2]
		require.Equal(t, shop, asked.AppID)
		require.Equal(t, 2, *asked.TokenAgeSeconds)
		require.Positive(t, *asked.TokenExpiresInSeconds)
		var names []string
		for _, e := range asked.Endpoints {
			require.Equal(t, "closed", e.Breaker)
			names = append(names, e.Name)
		}
		require.Equal(t, []string{"getuserphonenumber", "jscode2session", "stable_token"}, names)
		require.Nil(t, asked.Endpoints[1].Misconfigured)
		require.NoError(t, w.wechat.SetFault(wechatfake.Fault{Endpoint: "jscode2session", Kind: wechatfake.FaultErrCode, ErrCode: 40125, Count: 1}))
		_, err = w.tryLogin(t.Context(), shop, "ann", "ann.2")
		requireFault(t, fault.Internal, err)
		status, err = w.WechatStatus(t.Context(), sue)
		require.NoError(t, err)
		require.Regexp(t, `^the AppSecret is wrong: .* \(40125: invalid appsecret, rid: .*\)$`, *status[2].Endpoints[1].Misconfigured)
		require.Empty(t, w.trail(t), "this tells of nobody")
	})
}

func TestKeysAreRotatedInTheFile(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		for _, kind := range []admin.ServerKey{admin.SigningKey, admin.RefreshKey, admin.SessionKey, admin.PhoneKey} {
			got, err := w.RotateKeys(t.Context(), sue, kind, "quarterly")
			require.NoError(t, err, kind)
			require.Equal(t, w.clock.Now().Add(keyfile.PublishAhead), got.UseFrom)
			deed := w.lastDeed(t)
			require.Equal(t, "admin.keys.rotate", deed.Action)
			require.Equal(t, "quarterly", *deed.Reason)
			require.Equal(t, strings.ToLower(string(kind)), deed.Detail["key"])
		}
		file, err := keyfile.Load(w.keys)
		require.NoError(t, err)
		waiting := 0
		for _, key := range file.Summary(w.clock.Now()) {
			if key.State == keyfile.Waiting {
				waiting++
			}
		}
		require.Equal(t, 4, waiting)
		before := len(w.trail(t))
		_, err = w.RotateKeys(t.Context(), sue, admin.SigningKey, "again")
		requireFault(t, fault.BadInput, err)
		_, err = w.RotateKeys(t.Context(), sue, admin.SigningKey, "")
		requireFault(t, fault.BadInput, err)
		_, err = w.RotateKeys(t.Context(), sue, "AUDIT", "the chain could not be read any more")
		requireFault(t, fault.BadInput, err)
		require.Len(t, w.trail(t), before)
	})
}

func TestAKeyFileThatCannotBeChangedNamesTheCommand(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		require.NoError(t, os.Remove(w.keys))
		_, err := w.RotateKeys(t.Context(), sue, admin.PhoneKey, "quarterly")
		requireFault(t, fault.Unavailable, err)
		require.ErrorContains(t, err, "`mpauth keys rotate phone`")
		require.Empty(t, w.trail(t))
	})
}

func TestActorsAreKnownByKindAndName(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, err := w.Users(t.Context(), account.Actor{Kind: "oidc", Name: "sue@example.com"}, nil, 1, nil, why)
		require.NoError(t, err)
		require.Equal(t, "oidc:sue@example.com", *w.lastDeed(t).Actor)
	})
}
