package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/ent/identity"
	"mpauth/ent/user"
	"mpauth/internal/account"
	"mpauth/internal/admin"
	"mpauth/internal/fault"
)

// crowd is people who differ in everything that can be looked for.
type crowd struct {
	ann, bob, cat, dan account.Caller
	names              map[uuid.UUID]string
}

// newCrowd has ann (shop, named, phone), bob (shop, named, shut out), cat (club, phone, closing) and
// dan (shop, merged into ann) come in this order.
func newCrowd(t *testing.T, w *world) crowd {
	t.Helper()
	var c crowd
	_, c.ann = w.login(t, shop, "ann", "ann.1")
	w.name(t, c.ann, "Ännchen 小明")
	w.phone(t, c.ann, "ann", "13800000001")
	_, c.bob = w.login(t, shop, "bob", "bob.1")
	w.name(t, c.bob, "ännE_%")
	require.NoError(t, w.account.Disable(t.Context(), sue, c.bob.UserID, "spam", nil))
	_, c.cat = w.login(t, club, "cat", "cat.1")
	w.phone(t, c.cat, "cat", "13800000001") // the same number, in another group
	_, c.dan = w.login(t, shop, "dan", "dan.1")
	users := w.db.Ent().User
	require.NoError(t, users.UpdateOneID(c.cat.UserID).SetClosesAt(w.clock.Now().Add(time.Hour)).Exec(t.Context()))
	require.NoError(t, users.UpdateOneID(c.dan.UserID).SetMergedInto(c.ann.UserID).Exec(t.Context()))
	c.names = map[uuid.UUID]string{c.ann.UserID: "ann", c.bob.UserID: "bob", c.cat.UserID: "cat", c.dan.UserID: "dan"}
	return c
}

// found are the names of the people of a page.
func (c crowd) found(connection *admin.UserConnection) string {
	names := make([]string, len(connection.Edges))
	for i, edge := range connection.Edges {
		names[i] = c.names[edge.Node.ID]
	}
	return strings.Join(names, " ")
}

func TestUsersAreFoundByEachFilter(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		c := newCrowd(t, w)
		openID := w.identity(t, c.bob).OpenID
		unionID := *w.identity(t, c.bob).UnionID
		bobsTime := w.user(t, c.bob).CreatedAt
		status := func(s admin.UserStatus) *admin.UserFilter { return &admin.UserFilter{Status: &s} }
		for _, test := range []struct {
			name   string
			filter *admin.UserFilter
			want   string
		}{
			{"nothing", nil, "dan cat bob ann"},
			{"an empty filter", &admin.UserFilter{}, "dan cat bob ann"},
			{"id", &admin.UserFilter{ID: &c.cat.UserID}, "cat"},
			{"id of nobody", &admin.UserFilter{ID: new(uuid.New())}, ""},
			{"openid", &admin.UserFilter{OpenID: &openID}, "bob"},
			{"the beginning of an openid", &admin.UserFilter{OpenID: new(openID[:10])}, ""},
			{"unionid", &admin.UserFilter{UnionID: &unionID}, "bob"},
			{"phone in any app", &admin.UserFilter{Phone: new("+8613800000001")}, "cat ann"},
			{"phone as dialled in China", &admin.UserFilter{Phone: new("138 0000-0001")}, "cat ann"},
			{"phone in one app", &admin.UserFilter{Phone: new("13800000001"), AppID: new(club)}, "cat"},
			{"phone of nobody", &admin.UserFilter{Phone: new("13800000002")}, ""},
			{"nickname in another case", &admin.UserFilter{Nickname: new("änN")}, "bob ann"},
			{"nickname in decomposed letters", &admin.UserFilter{Nickname: new("A\u0308nnchen")}, "ann"},
			{"whole nickname", &admin.UserFilter{Nickname: new("ännchen 小明")}, "ann"},
			{"the middle of a nickname", &admin.UserFilter{Nickname: new("小明")}, ""},
			{"wildcards are letters", &admin.UserFilter{Nickname: new("änne_%")}, "bob"},
			{"a wildcard finds nothing else", &admin.UserFilter{Nickname: new("%")}, ""},
			{"app", &admin.UserFilter{AppID: new(shop)}, "dan bob ann"},
			{"active", status(admin.UserActive), "ann"},
			{"disabled", status(admin.UserDisabled), "bob"},
			{"closing", status(admin.UserClosing), "cat"},
			{"merged", status(admin.UserMerged), "dan"},
			{"with a phone", &admin.UserFilter{HasPhone: new(true)}, "cat ann"},
			{"without a phone", &admin.UserFilter{HasPhone: new(false)}, "dan bob"},
			{"from", &admin.UserFilter{CreatedFrom: &bobsTime}, "dan cat bob"},
			{"before", &admin.UserFilter{CreatedBefore: &bobsTime}, "ann"},
			{"two that agree", &admin.UserFilter{Nickname: new("änn"), AppID: new(shop), HasPhone: new(true)}, "ann"},
			{"two that do not", &admin.UserFilter{OpenID: &openID, Nickname: new("Ännchen")}, ""},
		} {
			got, err := w.Users(t.Context(), sue, test.filter, 100, nil, why)
			require.NoError(t, err, test.name)
			require.Equal(t, test.want, c.found(got), test.name)
		}
	})
}

func TestUsersRefusesWhatCannotBeLookedFor(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		for name, filter := range map[string]*admin.UserFilter{
			"no openid":            {OpenID: new("")},
			"no unionid":           {UnionID: new("")},
			"a long unionid":       {UnionID: new(strings.Repeat("x", 257))},
			"what no openid has":   {OpenID: new("a\x00b")},
			"what is no text":      {UnionID: new("\xff")},
			"no phone":             {Phone: new("")},
			"part of a phone":      {Phone: new("138")},
			"no nickname":          {Nickname: new("")},
			"an unseen nickname":   {Nickname: new("\u200b ")},
			"an app of a stranger": {AppID: new("wx0")},
		} {
			_, err := w.Users(t.Context(), sue, filter, 20, nil, why)
			require.Equal(t, fault.BadInput, fault.CodeOf(err), name)
		}
		for _, first := range []int{-1, 0, 101} {
			_, err := w.Users(t.Context(), sue, nil, first, nil, why)
			requireFault(t, fault.BadInput, err)
		}
		eventCursor := "ZQAAAAAAAAAAAAAAAAAAAAA"
		for _, cursor := range []string{"", "x", "dQ", eventCursor, strings.Repeat("A", 34), "dQ==", "dYAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			_, err := w.Users(t.Context(), sue, nil, 20, &cursor, why)
			require.Equal(t, fault.BadInput, fault.CodeOf(err), cursor)
		}
		require.Empty(t, w.trail(t), "nobody was shown")
	})
}

// The list is walked while people come and go: who was there all the time is seen exactly once.
func TestCursorsStayGoodWhilePeopleComeAndGo(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		moment := w.clock.Now()
		var all []uuid.UUID
		for i := range 20 {
			id := uuid.New()
			// Four at a time have the same moment, so that the id decides.
			at := moment.Add(time.Duration(i/4) * time.Microsecond)
			require.NoError(t, w.db.Ent().User.Create().SetID(id).SetAppGroup(shop).SetCreatedAt(at).Exec(t.Context()))
			all = append(all, id)
		}
		seen := map[uuid.UUID]int{}
		var after *string
		gone := map[uuid.UUID]bool{}
		for pages := 0; ; pages++ {
			require.Less(t, pages, 20)
			page, err := w.Users(t.Context(), sue, nil, 3, after, why)
			require.NoError(t, err)
			require.Equal(t, after != nil, page.PageInfo.HasPreviousPage)
			for _, edge := range page.Edges {
				seen[edge.Node.ID]++
			}
			if !page.PageInfo.HasNextPage {
				break
			}
			require.Len(t, page.Edges, 3)
			require.Equal(t, page.Edges[0].Cursor, *page.PageInfo.StartCursor)
			after = page.PageInfo.EndCursor
			// Whoever the cursor stands at leaves, and somebody newer comes.
			last := page.Edges[2].Node.ID
			gone[last] = true
			require.NoError(t, w.db.Ent().User.DeleteOneID(last).Exec(t.Context()))
			require.NoError(t, w.db.Ent().User.Create().SetID(uuid.New()).SetAppGroup(shop).
				SetCreatedAt(moment.Add(time.Hour)).Exec(t.Context()))
		}
		for _, id := range all {
			require.Equal(t, 1, seen[id], "gone: %v", gone[id])
		}
		require.Len(t, seen, len(all), "who came later is before the page")
		empty, err := w.Users(t.Context(), sue, &admin.UserFilter{ID: new(uuid.New())}, 3, nil, why)
		require.NoError(t, err)
		require.Equal(t, admin.PageInfo{}, *empty.PageInfo)
	})
}

func TestAPersonIsShownWithWhatHangsOnThem(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, shop, "ann", "old")
		_, _ = w.login(t, shop, "ann", "new")
		w.name(t, ann, "Ann")
		w.phone(t, ann, "ann", "13800000001")
		_, err := w.account.RecordConsent(t.Context(), ann, account.ConsentInput{Purpose: "privacy-policy", Version: "1", Granted: true})
		require.NoError(t, err)
		w.clock.advance(time.Second)
		_, err = w.account.RecordConsent(t.Context(), ann, account.ConsentInput{Purpose: "privacy-policy", Version: "1"})
		require.NoError(t, err)
		_, _ = w.login(t, shop, "bob", "bob.1")

		got, err := w.User(t.Context(), sue, ann.UserID, why)
		require.NoError(t, err)
		require.Equal(t, "Ann", *got.Nickname)
		require.Equal(t, "138****0001", *got.Phone, "only phoneNumber has it in full")
		require.Equal(t, admin.UserActive, got.Status)
		identities, err := got.Identities(t.Context())
		require.NoError(t, err)
		require.Len(t, identities, 1)
		require.Equal(t, w.identity(t, ann).OpenID, identities[0].OpenID)
		require.True(t, identities[0].HasSessionKey)
		sessions, err := got.Sessions(t.Context())
		require.NoError(t, err)
		require.Len(t, sessions, 2)
		require.Equal(t, ann.SessionID, sessions[1].ID, "the most recently seen is first")
		require.Equal(t, "phone of ann", sessions[1].DeviceName)
		consents, err := got.Consents(t.Context())
		require.NoError(t, err)
		require.Len(t, consents, 2)
		require.False(t, consents[0].Granted, "the latest is first")
		events, err := got.Events(t.Context())
		require.NoError(t, err)
		var actions []string
		for _, e := range events {
			actions = append(actions, e.Action)
		}
		require.Equal(t, []string{
			"admin.user.read", "consent.withdraw", "consent.give", "phone.bind", "profile.update", "login", "login", "register",
		}, actions)
		require.Contains(t, events[3].Detail, "by=code")

		w.clock.advance(31 * 24 * time.Hour)
		got, err = w.User(t.Context(), sue, ann.UserID, why)
		require.NoError(t, err)
		sessions, err = got.Sessions(t.Context())
		require.NoError(t, err)
		require.NoError(t, w.account.Logout(t.Context(), ann, account.LogoutAll))
		identities, err = got.Identities(t.Context())
		require.NoError(t, err)
		require.False(t, identities[0].HasSessionKey, "the last session took it along")
		require.Empty(t, sessions, "their time is over, whether or not somebody has swept")
		nobody, err := w.User(t.Context(), sue, uuid.New(), why)
		require.NoError(t, err)
		require.Nil(t, nobody)
	})
}

// A number that cannot be read hides nobody: not its owner, not the others on the page, and not the way to mend it.
func TestAnUnreadableNumberIsSaidToBe(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		c := newCrowd(t, w)
		damaged := []byte("\x00\x00\x00\x63damaged, sealed with a key of which nobody knows")
		require.NoError(t, w.db.Ent().User.UpdateOneID(c.cat.UserID).SetPhoneSealed(damaged).Exec(t.Context()))
		page, err := w.Users(t.Context(), sue, &admin.UserFilter{HasPhone: new(true)}, 20, nil, why)
		require.NoError(t, err)
		require.Equal(t, "cat ann", c.found(page))
		require.Equal(t, "unreadable", *page.Edges[0].Node.Phone)
		require.Equal(t, "138****0001", *page.Edges[1].Node.Phone)
		require.Contains(t, w.log.String(), "a phone number cannot be read")
		require.Contains(t, w.log.String(), c.cat.UserID.String())
		require.NotContains(t, w.log.String(), "13800000001")
		got, err := w.User(t.Context(), sue, c.cat.UserID, why)
		require.NoError(t, err)
		require.Equal(t, "unreadable", *got.Phone)
		_, err = w.PhoneNumber(t.Context(), sue, c.cat.UserID, why)
		require.ErrorContains(t, err, "open the phone number of user")
		without, err := w.UnbindPhone(t.Context(), sue, admin.UserReasonInput{UserID: c.cat.UserID, Reason: why})
		require.NoError(t, err)
		require.Nil(t, without.User.Phone)
	})
}

func TestADisabledPersonIsShownAsSuchUntilTheTimeIsOver(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, shop, "ann", "ann.1")
		until := w.clock.Now().Add(time.Hour)
		require.NoError(t, w.account.Disable(t.Context(), sue, ann.UserID, "spam", &until))
		disabled := admin.UserDisabled
		for _, step := range []struct {
			wait time.Duration
			want admin.UserStatus
			n    int
		}{{0, admin.UserDisabled, 1}, {time.Hour, admin.UserActive, 0}} {
			w.clock.advance(step.wait)
			got, err := w.User(t.Context(), sue, ann.UserID, why)
			require.NoError(t, err)
			require.Equal(t, step.want, got.Status)
			require.Equal(t, step.want == admin.UserDisabled, got.DisabledReason != nil)
			found, err := w.Users(t.Context(), sue, &admin.UserFilter{Status: &disabled}, 20, nil, why)
			require.NoError(t, err)
			require.Len(t, found.Edges, step.n)
		}
	})
}

// A page costs the same few statements whoever and whatever is on it.
func TestAPageCostsAFewStatements(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		for range 100 {
			addPerson(t, w, 3)
		}
		w.trips.Reset()
		page, err := w.Users(t.Context(), sue, nil, 100, nil, why)
		require.NoError(t, err)
		require.Len(t, page.Edges, 100)
		require.LessOrEqual(t, w.trips.Count(), 2, "the people, and the record:\n%s", w.trips)
		w.trips.Reset()
		for _, edge := range page.Edges {
			identities, err := edge.Node.Identities(t.Context())
			require.NoError(t, err)
			require.Len(t, identities, 1)
			sessions, err := edge.Node.Sessions(t.Context())
			require.NoError(t, err)
			require.Len(t, sessions, 1)
			consents, err := edge.Node.Consents(t.Context())
			require.NoError(t, err)
			require.Len(t, consents, 3)
			events, err := edge.Node.Events(t.Context())
			require.NoError(t, err)
			require.Len(t, events, 3)
			require.Equal(t, edge.Node.ID, *events[0].UserID)
		}
		require.LessOrEqual(t, w.trips.Count(), 6, "%s", w.trips)
	})
}

func TestWhatHangsOnAPersonIsBounded(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		many := addPerson(t, w, 130)
		few := addPerson(t, w, 2)
		page, err := w.Users(t.Context(), sue, nil, 20, nil, why)
		require.NoError(t, err)
		for _, edge := range page.Edges {
			want := map[uuid.UUID]int{many: 100, few: 2}[edge.Node.ID]
			consents, err := edge.Node.Consents(t.Context())
			require.NoError(t, err)
			require.Len(t, consents, want)
			events, err := edge.Node.Events(t.Context())
			require.NoError(t, err)
			require.Len(t, events, want)
			require.True(t, events[0].At.After(events[1].At))
			require.True(t, consents[0].At.After(consents[1].At))
		}
	})
}

// addPerson puts somebody into the tables, with so many consents and events.
func addPerson(t *testing.T, w *world, hanging int) uuid.UUID {
	t.Helper()
	ctx, now, id, identityID := t.Context(), w.clock.Now(), uuid.New(), uuid.New()
	client := w.db.Ent()
	require.NoError(t, client.User.Create().SetID(id).SetAppGroup(shop).SetCreatedAt(now).Exec(ctx))
	require.NoError(t, client.Identity.Create().SetID(identityID).SetUserID(id).SetAppID(shop).SetOpenID("o"+id.String()).
		SetCreatedAt(now).SetLastLoginAt(now).Exec(ctx))
	hash := make([]byte, 32)
	copy(hash, id[:])
	require.NoError(t, client.Session.Create().SetID(uuid.New()).SetUserID(id).SetIdentityID(identityID).SetAppID(shop).SetDeviceID("d").
		SetRefreshedAt(now).SetCreatedAt(now).SetIdleExpiresAt(now.Add(time.Hour)).SetExpiresAt(now.Add(time.Hour)).
		SetLoginCodeHash(hash).SetFirstLogin(true).Exec(ctx))
	consents := make([]*ent.ConsentCreate, hanging)
	events := make([]*ent.AuditEventCreate, hanging)
	for i := range hanging {
		at := now.Add(time.Duration(i) * time.Second)
		consents[i] = client.Consent.Create().SetUserID(id).SetAppID(shop).SetPurpose("terms").SetVersion("1").SetGranted(true).SetAt(at)
		events[i] = client.AuditEvent.Create().SetUserID(id).SetAppID(shop).SetAction("login").SetAt(at)
	}
	require.NoError(t, client.Consent.CreateBulk(consents...).Exec(ctx))
	require.NoError(t, client.AuditEvent.CreateBulk(events...).Exec(ctx))
	return id
}

func (w *world) identity(t testing.TB, of account.Caller) *ent.Identity {
	t.Helper()
	row, err := w.db.Ent().Identity.Query().Where(identity.UserID(of.UserID)).Only(t.Context())
	require.NoError(t, err)
	return row
}

func (w *world) user(t testing.TB, of account.Caller) *ent.User {
	t.Helper()
	row, err := w.db.Ent().User.Query().Where(user.ID(of.UserID)).Only(t.Context())
	require.NoError(t, err)
	return row
}
