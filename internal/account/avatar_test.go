package account_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/avatar"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

const avatarBase = "https://auth.example.com/avatars/"

// album is a store that can be told to fail. Its zero value is empty and works.
type album struct {
	mu       sync.Mutex
	pictures map[string]string
	refuse   func(verb, key string) error
}

func (a *album) do(verb, key string, change func()) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse != nil {
		if err := a.refuse(verb, key); err != nil {
			return err
		}
	}
	if a.pictures == nil {
		a.pictures = map[string]string{}
	}
	change()
	return nil
}

// Put implements avatar.Store.
func (a *album) Put(_ context.Context, key string, picture []byte) error {
	return a.do("put", key, func() { a.pictures[key] = string(picture) })
}

// Get implements avatar.Store.
func (a *album) Get(_ context.Context, key string) (picture []byte, err error) {
	err = a.do("get", key, func() { picture = []byte(a.pictures[key]) })
	if err == nil && len(picture) == 0 {
		err = avatar.ErrNotFound
	}
	return picture, err
}

// Delete implements avatar.Store.
func (a *album) Delete(_ context.Context, key string) error {
	return a.do("delete", key, func() { delete(a.pictures, key) })
}

// fail has the store refuse what the function says, until the next call; nil is nothing.
func (a *album) fail(refuse func(verb, key string) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = refuse
}

// keys are the pictures there are.
func (a *album) keys() (keys []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.pictures {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

var errAway = errors.New("the store is away")

func always(string, string) error { return errAway }

func sorted(keys ...string) []string {
	slices.Sort(keys)
	return keys
}

// upload adds a picture.
func (w *world) upload(t testing.TB, who account.Caller) string {
	t.Helper()
	key, err := w.AddAvatar(t.Context(), who, []byte("a picture"))
	require.NoError(t, err)
	return key
}

func pictured(key string) account.UpdateUserInput { return account.UpdateUserInput{AvatarKey: &key} }

// requireAvatars wants as many rows, and these files.
func (w *world) requireAvatars(t testing.TB, rows int, files ...string) {
	t.Helper()
	require.Equal(t, rows, w.db.Ent().Avatar.Query().CountX(context.WithoutCancel(t.Context())))
	require.Equal(t, sorted(files...), w.album.keys())
}

func TestUploadBecomesThePicture(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, ann := w.login(t, "ann")
		require.Nil(t, login.User.AvatarURL)
		key := w.upload(t, ann)
		require.True(t, avatar.IsKey(key))
		require.Equal(t, [2]string{}, w.profileOf(t, ann), "an upload alone changes nothing")

		given, err := w.UpdateUser(t.Context(), ann, pictured(key))
		require.NoError(t, err)
		require.Equal(t, avatarBase+key, *given.AvatarURL)
		require.False(t, given.HasProfile(), "a profile is a nickname")
		require.Equal(t, [2]string{"", avatarBase + key}, w.profileOf(t, ann))
		again, _ := w.login(t, "ann")
		require.Equal(t, avatarBase+key, *again.User.AvatarURL, "a login tells it too")
		require.Zero(t, w.checks())

		_, ann = w.login(t, "ann")
		next := w.upload(t, ann)
		given, err = w.UpdateUser(t.Context(), ann, account.UpdateUserInput{Nickname: new(" Ann "), AvatarKey: &next})
		require.NoError(t, err)
		require.True(t, given.HasProfile())
		require.Equal(t, [2]string{"Ann", avatarBase + next}, w.profileOf(t, ann))
		require.Equal(t, 2, countOf(w.actions(t), "profile.update"))
		w.requireAvatars(t, 1, next)
	})
}

func TestRepeatOfAPictureChangesNothing(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		key := w.upload(t, ann)
		copies, errs := atOnce(8, func(int) (*account.User, error) { return w.UpdateUser(t.Context(), ann, pictured(key)) })
		for i := range copies {
			require.NoError(t, errs[i])
			require.Equal(t, avatarBase+key, *copies[i].AvatarURL)
		}
		w.trips.Reset()
		_, err := w.UpdateUser(t.Context(), ann, pictured(key))
		require.NoError(t, err)
		require.NotContains(t, w.trips.String(), "UPDATE")
		w.requireAvatars(t, 1, key)
	})
}

func TestPicturesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		_, bob := w.login(t, "bob")
		used := w.upload(t, bob)
		_, err := w.UpdateUser(t.Context(), bob, pictured(used))
		require.NoError(t, err)
		present, waiting := w.upload(t, ann), w.upload(t, bob)
		_, err = w.UpdateUser(t.Context(), ann, account.UpdateUserInput{Nickname: new("Ann"), AvatarKey: &present})
		require.NoError(t, err)
		replaced, old := present, w.upload(t, ann)
		w.clock.advance(time.Hour + time.Second)
		require.NoError(t, w.Sweep(t.Context()))
		present = w.upload(t, ann)
		_, err = w.UpdateUser(t.Context(), ann, pictured(present))
		require.NoError(t, err)

		for name, c := range map[string]struct {
			key  string
			want fault.Code
		}{
			"never uploaded":   {strings.Repeat("a", 32), fault.NotFound},
			"somebody else's":  {waiting, fault.NotFound},
			"in use elsewhere": {used, fault.NotFound},
			"replaced":         {replaced, fault.NotFound},
			"too old":          {old, fault.NotFound},
			"empty":            {"", fault.BadInput},
			"an address":       {avatarBase + present, fault.BadInput},
			"another address":  {"https://example.org/a.png", fault.BadInput},
			"a temporary file": {"wxfile://tmp_a.png", fault.BadInput},
			"a path":           {"../../" + present[6:], fault.BadInput},
			"NUL":              {present[:31] + "\x00", fault.BadInput},
		} {
			for _, in := range []account.UpdateUserInput{pictured(c.key), {Nickname: new("Anna"), AvatarKey: &c.key}} {
				_, err := w.UpdateUser(t.Context(), ann, in)
				require.Equal(t, c.want, fault.CodeOf(err), name)
				require.Equal(t, [2]string{"Ann", avatarBase + present}, w.profileOf(t, ann), "all or nothing: %s", name)
			}
		}
		encrypted := byProfile(w.encrypted(t, "ann", wechatfake.KindProfile, nil)).Encrypted
		for _, in := range []account.UpdateUserInput{{AvatarKey: &present, Encrypted: encrypted}, {AvatarKey: &present, RemoveProfile: new(true)}} {
			_, err := w.UpdateUser(t.Context(), ann, in)
			requireFault(t, fault.BadInput, err)
		}
		_, err = w.UpdateUser(t.Context(), ann, account.UpdateUserInput{Nickname: new("a risky name"), AvatarKey: new(w.upload(t, ann))})
		requireFault(t, fault.ContentRisky, err)
		require.Equal(t, [2]string{"Ann", avatarBase + present}, w.profileOf(t, ann))
	})
}

// Whoever changes the picture from many devices at once has one in the end, and no file is left over.
func TestPicturesChangedAtOnce(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		keys := make([]string, 8)
		for i := range keys {
			keys[i] = w.upload(t, ann)
		}
		_, errs := atOnce(len(keys), func(i int) (*account.User, error) { return w.UpdateUser(t.Context(), ann, pictured(keys[i])) })
		require.NoError(t, errors.Join(errs...))
		shown := w.profileOf(t, ann)[1]
		w.requireAvatars(t, 1, strings.TrimPrefix(shown, avatarBase))
		_, err := w.UpdateUser(t.Context(), ann, account.UpdateUserInput{RemoveProfile: new(true)})
		require.NoError(t, err)
		w.requireAvatars(t, 0)
	})
}

func TestPictureGoesWithItsFile(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		key, waiting := w.upload(t, ann), w.upload(t, ann)
		_, err := w.UpdateUser(t.Context(), ann, pictured(key))
		require.NoError(t, err)
		_, err = w.UpdateUser(t.Context(), ann, account.UpdateUserInput{RemoveProfile: new(true)})
		require.NoError(t, err)
		require.Equal(t, [2]string{}, w.profileOf(t, ann), "a picture alone can be taken back, too")
		w.requireAvatars(t, 1, waiting)

		_, err = w.UpdateUser(t.Context(), ann, pictured(waiting))
		require.NoError(t, err)
		_, err = w.UpdateUser(t.Context(), ann, byProfile(w.encrypted(t, "ann", wechatfake.KindProfile, nil)))
		require.NoError(t, err)
		require.Equal(t, [2]string{w.wechat.Nickname("ann"), w.wechat.AvatarURL("ann")}, w.profileOf(t, ann), "the last one counts")
		w.requireAvatars(t, 0)

		last := w.upload(t, ann)
		_, err = w.UpdateUser(t.Context(), ann, pictured(last))
		require.NoError(t, err)
		require.Equal(t, [2]string{w.wechat.Nickname("ann"), avatarBase + last}, w.profileOf(t, ann))
		require.NoError(t, w.db.Ent().User.DeleteOneID(ann.UserID).Exec(t.Context()))
		require.NoError(t, w.Sweep(t.Context()))
		w.requireAvatars(t, 0) // nobody is left who has it
	})
}

func TestSweepRemovesPicturesThatNobodyUsed(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		used, orphan := w.upload(t, ann), w.upload(t, ann)
		_, err := w.UpdateUser(t.Context(), ann, pictured(used))
		require.NoError(t, err)
		w.clock.advance(time.Hour)
		require.NoError(t, w.Sweep(t.Context()))
		w.requireAvatars(t, 2, used, orphan)
		w.clock.advance(time.Microsecond)
		require.NoError(t, w.Sweep(t.Context()))
		w.requireAvatars(t, 1, used)
		w.clock.advance(20 * day)
		require.NoError(t, w.Sweep(t.Context()))
		w.requireAvatars(t, 1, used)
	})
}

// Wherever the process dies or the store fails, a row leads to the file until the file is gone.
func TestStoreThatFailsLosesNothingAndLeaksNothing(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		first := w.upload(t, ann)
		_, err := w.UpdateUser(t.Context(), ann, pictured(first))
		require.NoError(t, err)

		w.album.fail(always)
		_, err = w.AddAvatar(t.Context(), ann, []byte("a picture"))
		requireFault(t, fault.Unavailable, err)
		require.ErrorIs(t, err, errAway)
		w.requireAvatars(t, 2, first)
		w.album.fail(func(verb, key string) error { // what was put, but not answered
			if verb == "put" {
				w.album.pictures[key] = "half a picture"
				return errAway
			}
			return nil
		})
		_, err = w.AddAvatar(t.Context(), ann, []byte("a picture"))
		requireFault(t, fault.Unavailable, err)
		require.Len(t, w.album.keys(), 2)

		w.album.fail(nil)
		second := w.upload(t, ann)
		w.album.fail(always)
		given, err := w.UpdateUser(t.Context(), ann, pictured(second))
		require.NoError(t, err, "the new picture does not wait for the old one to go")
		require.Equal(t, avatarBase+second, *given.AvatarURL)
		require.Len(t, w.album.keys(), 3)
		w.clock.advance(2 * time.Hour)
		for range 2 {
			require.ErrorIs(t, w.Sweep(t.Context()), errAway)
			require.Equal(t, 4, w.db.Ent().Avatar.Query().CountX(t.Context()), "no row goes before its file")
		}
		_, err = w.UpdateUser(t.Context(), ann, pictured(first))
		requireFault(t, fault.NotFound, err)        // it is on its way out, though its file is still there
		w.album.fail(func(verb, key string) error { // one file cannot be removed
			if key == first {
				return errAway
			}
			return nil
		})
		require.ErrorIs(t, w.Sweep(t.Context()), errAway)
		w.requireAvatars(t, 2, first, second) // and does not stand in the way of the others
		w.album.fail(nil)
		require.NoError(t, w.Sweep(t.Context()))
		w.requireAvatars(t, 1, second)

		w.album.fail(func(_, key string) error { delete(w.album.pictures, key); return nil }) // gone already: died before the row went
		_, err = w.UpdateUser(t.Context(), ann, account.UpdateUserInput{RemoveProfile: new(true)})
		require.NoError(t, err)
		w.requireAvatars(t, 0)
	})
}

func TestSweepRemovesManyPictures(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		var stuck string
		for range 250 {
			stuck = max(stuck, w.upload(t, ann))
		}
		w.clock.advance(2 * time.Hour)
		w.album.fail(func(_, key string) error {
			if key == stuck {
				return errAway
			}
			return nil
		})
		require.ErrorIs(t, w.Sweep(t.Context()), errAway)
		w.requireAvatars(t, 1, stuck)
	})
}

func TestUploadOfSomebodyWhoIsGone(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		require.NoError(t, w.db.Ent().User.DeleteOneID(ann.UserID).Exec(t.Context()))
		_, err := w.AddAvatar(t.Context(), ann, []byte("a picture"))
		requireFault(t, fault.SessionRevoked, err)
		w.requireAvatars(t, 0)
	})
}

// A server that no longer serves pictures keeps the rows for one that does.
func TestSweepWithoutAStore(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		key := w.upload(t, ann)
		w.clock.advance(2 * time.Hour)
		without := w.variant(t, func(o *account.Options) { o.Avatars = nil })
		require.NoError(t, without.Sweep(t.Context()))
		w.requireAvatars(t, 1, key)
		require.NoError(t, w.Sweep(t.Context()))
		w.requireAvatars(t, 0)
	})
}
