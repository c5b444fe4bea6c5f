package admin_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/internal/account"
	"mpauth/internal/admin"
	"mpauth/internal/fault"
)

func TestEachChangeIsRecordedWithActorAndReason(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, shop, "ann", "ann.1")
		w.phone(t, ann, "ann", "13800000001")
		why := func(reason string) admin.UserReasonInput {
			return admin.UserReasonInput{UserID: ann.UserID, Reason: reason}
		}
		for _, change := range []struct {
			action string
			do     func() error
		}{
			{"admin.phone.read", func() error {
				number, err := w.PhoneNumber(t.Context(), sue, ann.UserID, "admin.phone.read")
				require.Equal(t, "+8613800000001", *number)
				return err
			}},
			{"account.disable", func() error {
				until := w.clock.Now().Add(time.Hour)
				got, err := w.SetUserStatus(t.Context(), sue, admin.SetUserStatusInput{
					UserID: ann.UserID, Status: admin.ShutOut, Reason: " account.disable ", Until: &until,
				})
				require.Equal(t, admin.UserDisabled, got.User.Status)
				require.Equal(t, "account.disable", *got.User.DisabledReason)
				require.Equal(t, until, got.User.DisabledUntil.UTC())
				return err
			}},
			{"account.enable", func() error {
				got, err := w.SetUserStatus(t.Context(), sue, admin.SetUserStatusInput{
					UserID: ann.UserID, Status: admin.LetIn, Reason: "account.enable",
				})
				require.Equal(t, admin.UserActive, got.User.Status)
				require.Nil(t, got.User.DisabledReason)
				return err
			}},
			{"session.revoke", func() error {
				_, _ = w.login(t, shop, "ann", "ann.1")
				_, _ = w.login(t, shop, "ann", "ann.2")
				got, err := w.RevokeSessions(t.Context(), sue, admin.RevokeSessionsInput{UserID: ann.UserID, Reason: "session.revoke"})
				require.Equal(t, 2, got.Revoked)
				return err
			}},
			{"phone.unbind", func() error {
				got, err := w.UnbindPhone(t.Context(), sue, why("phone.unbind"))
				require.Nil(t, got.User.Phone)
				require.Empty(t, *w.user(t, ann).PhoneIndex)
				return err
			}},
			{"account.erase", func() error {
				got, err := w.EraseUser(t.Context(), sue, why("account.erase"))
				require.Equal(t, ann.UserID, got.UserID)
				return err
			}},
		} {
			before := len(w.trail(t))
			require.NoError(t, change.do(), change.action)
			done := w.trail(t)
			require.Greater(t, len(done), before, change.action)
			recorded := done[before]
			require.Equal(t, change.action, recorded.Action)
			require.Equal(t, "key:sue", *recorded.Actor)
			require.Equal(t, change.action, *recorded.Reason)
			require.Equal(t, ann.UserID, *recorded.UserID)
			for _, more := range done[before+1:] {
				require.Equal(t, "admin.user.read", more.Action, "the answer shows the person, which is recorded too")
			}
		}
	})
}

func TestChangesThatCannotBe(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, shop, "ann", "ann.1")
		_, bob := w.login(t, shop, "bob", "bob.1")
		nobody, past := uuid.New(), w.clock.Now()
		ctx := t.Context()
		status := func(who uuid.UUID, to admin.UserStatusChange, reason string, until *time.Time) error {
			_, err := w.SetUserStatus(ctx, sue, admin.SetUserStatusInput{UserID: who, Status: to, Reason: reason, Until: until})
			return err
		}
		revoke := func(who uuid.UUID, session *uuid.UUID, reason string) error {
			_, err := w.RevokeSessions(ctx, sue, admin.RevokeSessionsInput{UserID: who, SessionID: session, Reason: reason})
			return err
		}
		for name, err := range map[string]error{
			"disable nobody":              status(nobody, admin.ShutOut, "why", nil),
			"enable nobody":               status(nobody, admin.LetIn, "why", nil),
			"revoke of nobody":            revoke(nobody, nil, "why"),
			"revoke somebody else's":      revoke(ann.UserID, &bob.SessionID, "why"),
			"revoke what is not there":    revoke(ann.UserID, new(uuid.New()), "why"),
			"unbind of nobody":            second(w.UnbindPhone(ctx, sue, admin.UserReasonInput{UserID: nobody, Reason: "why"})),
			"erase nobody":                second(w.EraseUser(ctx, sue, admin.UserReasonInput{UserID: nobody, Reason: "why"})),
			"the phone number of nobody ": second(w.PhoneNumber(ctx, sue, nobody, "why")),
		} {
			require.Equal(t, fault.NotFound, fault.CodeOf(err), "%s: %v", name, err)
		}
		for name, err := range map[string]error{
			"until of the past":     status(ann.UserID, admin.ShutOut, "why", &past),
			"until of one let in":   status(ann.UserID, admin.LetIn, "why", new(past.Add(time.Hour))),
			"disable for no reason": status(ann.UserID, admin.ShutOut, " \t", nil),
			"a long reason":         status(ann.UserID, admin.ShutOut, strings.Repeat("字", 201), nil),
			"a reason of two lines": status(ann.UserID, admin.ShutOut, "one\ntwo", nil),
			"revoke for no reason":  revoke(ann.UserID, nil, ""),
			"unbind for no reason":  second(w.UnbindPhone(ctx, sue, admin.UserReasonInput{UserID: ann.UserID})),
			"users for no reason":   second(w.Users(ctx, sue, nil, 20, nil, " ")),
			"user for no reason":    second(w.User(ctx, sue, ann.UserID, "")),
			"erase for no reason":   second(w.EraseUser(ctx, sue, admin.UserReasonInput{UserID: ann.UserID})),
			"a number for none":     second(w.PhoneNumber(ctx, sue, ann.UserID, "")),
		} {
			require.Equal(t, fault.BadInput, fault.CodeOf(err), "%s: %v", name, err)
		}
		require.Empty(t, w.trail(t), "nothing was done")
		require.NoError(t, status(ann.UserID, admin.ShutOut, strings.Repeat("字", 200), nil))
	})
}

func second[T any](_ T, err error) error { return err }

func TestOneSessionCanBeRevokedAlone(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, old := w.login(t, shop, "ann", "ann.1")
		_, young := w.login(t, shop, "ann", "ann.2")
		got, err := w.RevokeSessions(t.Context(), sue, admin.RevokeSessionsInput{UserID: old.UserID, SessionID: &old.SessionID, Reason: "lost"})
		require.NoError(t, err)
		require.Equal(t, 1, got.Revoked)
		require.Equal(t, old.SessionID, *w.lastDeed(t).SessionID)
		_, err = w.account.Me(t.Context(), old)
		requireFault(t, fault.SessionRevoked, err)
		_, err = w.account.Me(t.Context(), young)
		require.NoError(t, err)
	})
}

// What brought the number must not bring it again: the person has to prove it anew.
func TestATakenPhoneIsFreeForOthers(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, shop, "ann", "ann.1")
		_, bob := w.login(t, shop, "bob", "bob.1")
		code := w.wechat.PhoneCode(shop, "ann", "13800000001")
		_, err := w.account.UpdatePhone(t.Context(), ann, account.UpdatePhoneInput{Code: &code})
		require.NoError(t, err)
		_, err = w.UnbindPhone(t.Context(), sue, admin.UserReasonInput{UserID: ann.UserID, Reason: "recycled number"})
		require.NoError(t, err)
		me, err := w.account.UpdatePhone(t.Context(), ann, account.UpdatePhoneInput{Code: &code})
		require.True(t, err != nil || me.Phone == nil, "the spent code brings nothing back")
		w.phone(t, bob, "bob", "13800000001")
		before := len(w.trail(t))
		again, err := w.UnbindPhone(t.Context(), sue, admin.UserReasonInput{UserID: ann.UserID, Reason: "once more"})
		require.NoError(t, err, "there is nothing to take, and that is no failure")
		require.Nil(t, again.User.Phone)
		require.Len(t, w.trail(t), before+1, "the person was shown, and nothing was taken")
	})
}

// Who looks for people leaves which filters they used, and who was shown, but not what was typed.
func TestASearchIsRecordedWithoutItsValues(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, shop, "ann", "ann.1")
		_, bob := w.login(t, shop, "bob", "bob.1")
		w.name(t, ann, "Annabel")
		w.phone(t, ann, "ann", "13800000001")
		_, err := w.Users(t.Context(), sue, &admin.UserFilter{Phone: new("13800000001"), Nickname: new("annab")}, 20, nil, why)
		require.NoError(t, err)
		done := w.lastDeed(t)
		require.Equal(t, "admin.user.search", done.Action)
		require.Equal(t, "key:sue", *done.Actor)
		require.Equal(t, map[string]string{"by": "phone,nickname", "found": "1", "users": ann.UserID.String()}, done.Detail)
		require.Equal(t, ann.UserID, *done.UserID, "it is among what happened to her")

		_, err = w.Users(t.Context(), sue, nil, 20, nil, why)
		require.NoError(t, err)
		done = w.lastDeed(t)
		require.Nil(t, done.UserID)
		require.Equal(t, map[string]string{"by": "", "found": "2", "users": bob.UserID.String() + "," + ann.UserID.String()}, done.Detail)

		nobody := uuid.New()
		_, err = w.User(t.Context(), sue, nobody, why)
		require.NoError(t, err)
		require.Equal(t, nobody, *w.lastDeed(t).UserID, "who was looked for in vain is on record too")
	})
}

func TestWhatCannotBeRecordedIsNotShownOrDone(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, shop, "ann", "ann.1")
		w.phone(t, ann, "ann", "13800000001")
		w.forgetful(t)
		ctx := t.Context()
		in := admin.UserReasonInput{UserID: ann.UserID, Reason: why}
		keyFile := read(t, w.keys)
		for name, verb := range map[string]func() (any, error){
			"users":    func() (any, error) { return w.Users(ctx, sue, nil, 20, nil, why) },
			"user":     func() (any, error) { return w.User(ctx, sue, ann.UserID, why) },
			"phone":    func() (any, error) { return w.PhoneNumber(ctx, sue, ann.UserID, "why") },
			"auditLog": func() (any, error) { return w.AuditLog(ctx, sue, nil, 20, nil) },
			"export":   func() (any, error) { return w.ExportAuditLog(ctx, sue, nil, nil) },
			"verify":   func() (any, error) { return w.VerifyAuditLog(ctx, sue) },
			"unbind":   func() (any, error) { return w.UnbindPhone(ctx, sue, in) },
			"erase":    func() (any, error) { return w.EraseUser(ctx, sue, in) },
			"rotate":   func() (any, error) { return w.RotateKeys(ctx, sue, admin.SigningKey, "why") },
			"setStatus": func() (any, error) {
				return w.SetUserStatus(ctx, sue, admin.SetUserStatusInput{UserID: ann.UserID, Status: admin.ShutOut, Reason: "why"})
			},
			"revoke": func() (any, error) {
				return w.RevokeSessions(ctx, sue, admin.RevokeSessionsInput{UserID: ann.UserID, Reason: "why"})
			},
		} {
			got, err := verb()
			require.ErrorContains(t, err, "forgetful", name)
			require.Nil(t, got, name)
		}
		require.Equal(t, keyFile, read(t, w.keys))
		me, err := w.account.Me(ctx, ann)
		require.NoError(t, err, "she is there, logged in")
		require.NotNil(t, me.Phone)
	})
}

// Whichever of a login and a ban comes first: in the end the person is out, and no session is left.
func TestDisableBesideLogin(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, shop, "ann", "ann.1")
		for range 40 {
			w.clock.advance(time.Minute) // WeChat counts by the minute
			_, err := w.SetUserStatus(t.Context(), sue, admin.SetUserStatusInput{UserID: ann.UserID, Status: admin.LetIn, Reason: "again"})
			require.NoError(t, err)
			var both sync.WaitGroup
			for _, device := range []string{"ann.1", "ann.2"} {
				both.Go(func() {
					_, err := w.tryLogin(context.Background(), shop, "ann", device)
					if err != nil && fault.CodeOf(err) != fault.AccountDisabled {
						t.Errorf("login: %v", err)
					}
				})
			}
			both.Go(func() {
				_, err := w.SetUserStatus(context.Background(), sue, admin.SetUserStatusInput{UserID: ann.UserID, Status: admin.ShutOut, Reason: "out"})
				if err != nil {
					t.Errorf("disable: %v", err)
				}
			})
			both.Wait()
			left, err := w.db.Ent().Session.Query().Count(t.Context())
			require.NoError(t, err)
			require.Zero(t, left)
			_, err = w.tryLogin(t.Context(), shop, "ann", "ann.1")
			requireFault(t, fault.AccountDisabled, err)
		}
	})
}

// Beside logins, all sessions are ended that were there, each once.
func TestRevokeBesideLoginAndErase(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		for range 20 {
			_, ann := w.login(t, shop, "ann", "ann.1")
			reason := admin.UserReasonInput{UserID: ann.UserID, Reason: "race"}
			allowed := func(what string, err error, codes ...fault.Code) {
				for _, code := range codes {
					if fault.CodeOf(err) == code {
						return
					}
				}
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			var all sync.WaitGroup
			all.Go(func() {
				_, err := w.RevokeSessions(context.Background(), sue, admin.RevokeSessionsInput{UserID: ann.UserID, Reason: "race"})
				allowed("revoke", err, fault.NotFound)
			})
			all.Go(func() {
				_, err := w.UnbindPhone(context.Background(), sue, reason)
				allowed("unbind", err, fault.NotFound)
			})
			all.Go(func() { _, err := w.EraseUser(context.Background(), sue, reason); allowed("erase", err) })
			all.Go(func() { _, err := w.tryLogin(context.Background(), shop, "ann", "ann.2"); allowed("login", err) })
			all.Wait()
			_, err := w.db.Ent().User.Get(t.Context(), ann.UserID)
			require.True(t, ent.IsNotFound(err), "she is erased")
			stray, err := w.db.Ent().Session.Query().All(t.Context())
			require.NoError(t, err)
			for _, session := range stray {
				require.NotEqual(t, ann.UserID, session.UserID)
			}
		}
	})
}
