package account_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/ent/user"
	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

// Any order of binding, unbinding, logging in and repeating does what a table of numbers and owners
// would.
func TestNumberHasOneOwnerInAnyOrder(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		require.NoError(t, w.wechat.Configure(func(s *wechatfake.Settings) { s.Unlimited = true }))
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // not a secret
		var people [3]owner
		for i := range people {
			people[i].name = fmt.Sprintf("person-%d", i)
			_, people[i].caller = w.login(t, people[i].name)
		}
		var trail []string
		for range 200 {
			who, number := random.IntN(3), fmt.Sprintf("1390013900%d", random.IntN(3))
			does := []string{"bind by code", "bind by ciphertext", "unbind", "log in", "repeat the last code"}[random.IntN(5)]
			trail = append(trail, fmt.Sprintf("%s: %s %s", people[who].name, does, number))
			if !w.follow(t, &people, who, does, number) {
				require.Fail(t, "not what the table says", "after\n%s", strings.Join(trail, "\n"))
			}
			w.clock.advance(time.Millisecond)
		}
	})
}

// owner is a person in the table, with the number that they have and the last code that brought one.
type owner struct {
	name      string
	caller    account.Caller
	has, code string
}

// follow has a person do something and tells whether the outcome is what the table says.
func (w *world) follow(t testing.TB, people *[3]owner, who int, does, number string) bool {
	t.Helper()
	p, taken := &people[who], false
	for other := range people {
		taken = taken || other != who && people[other].has == number
	}
	good := true
	switch does {
	case "bind by code", "bind by ciphertext":
		in := byCode(w.wechat.PhoneCode(shop, p.name, number))
		if does == "bind by ciphertext" {
			in = byCiphertext(w.encrypted(t, p.name, wechatfake.KindPhone, otherNumber(number)))
		}
		bound, err := w.UpdatePhone(t.Context(), p.caller, in)
		if taken {
			return fault.CodeOf(err) == fault.PhoneTaken
		}
		good = err == nil && bound.Phone.Number == "+86"+number
		p.has, p.code = number, ""
		if in.Code != nil {
			p.code = *in.Code
		}
	case "unbind":
		_, err := w.UnbindPhone(t.Context(), p.caller)
		p.has, good = "", err == nil
	case "log in":
		var login *account.Login
		login, p.caller = w.login(t, p.name)
		good = login.User.HasPhone() == (p.has != "")
	case "repeat the last code":
		if p.code == "" {
			return true
		}
		_, err := w.UpdatePhone(t.Context(), p.caller, byCode(p.code))
		good = err == nil
		if p.has == "" {
			good = fault.CodeOf(err) == fault.PhoneCodeInvalid
		}
	}
	stored := w.number(t, p.caller)
	return good && (p.has == "" && stored == "" || stored == "+86"+p.has)
}

// Everybody does everything at once, on two replicas: no answer but those that the schema promises,
// and no number with two owners.
func TestNumberHasOneOwnerUnderLoad(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		require.NoError(t, w.wechat.Configure(func(s *wechatfake.Settings) { s.Unlimited = true }))
		replicas := []*world{w, w.shared.replica(t)}
		var callers []account.Caller
		for i := range 4 {
			_, caller := w.login(t, fmt.Sprintf("person-%d", i))
			callers = append(callers, caller)
		}
		var bound, taken, unbound atomic.Int64
		_, errs := atOnce(8, func(worker int) (struct{}, error) {
			random := rand.New(rand.NewPCG(uint64(worker), 0)) //nolint:gosec // not a secret
			for range 20 {
				w, who := replicas[random.IntN(2)], random.IntN(4)
				name, number := fmt.Sprintf("person-%d", who), fmt.Sprintf("1390000000%d", random.IntN(3))
				var err error
				switch random.IntN(5) {
				case 0:
					_, err = w.UnbindPhone(t.Context(), callers[who])
					unbound.Add(1)
				case 1:
					_, err = w.SilentLogin(t.Context(), w.proof(shop, name, "another-device"))
				case 2:
					e, sealErr := w.wechat.Encrypt(shop, name, wechatfake.KindPhone, otherNumber(number))
					if sealErr != nil {
						return struct{}{}, sealErr
					}
					_, err = w.UpdatePhone(t.Context(), callers[who], byCiphertext(e))
				default:
					_, err = w.UpdatePhone(t.Context(), callers[who], byCode(w.wechat.PhoneCode(shop, name, number)))
				}
				switch {
				case err == nil:
					bound.Add(1)
				case fault.CodeOf(err) == fault.PhoneTaken:
					taken.Add(1)
				default:
					return struct{}{}, fmt.Errorf("worker %d: %w", worker, err)
				}
			}
			return struct{}{}, nil
		})
		for _, err := range errs {
			require.NoError(t, err)
		}
		t.Logf("done %d, taken %d, unbound %d", bound.Load(), taken.Load(), unbound.Load())
		require.Positive(t, taken.Load(), "there was a race")
		owners := map[string]int{}
		for _, caller := range callers {
			if number := w.number(t, caller); number != "" {
				owners[number]++
				row := w.db.Ent().User.GetX(t.Context(), caller.UserID)
				require.Equal(t, w.shared.index.Of("phone|"+shop, number), *row.PhoneIndex, "the index is that of the number")
			}
		}
		for number, n := range owners {
			require.Equal(t, 1, n, number)
		}
		require.Equal(t, len(owners), w.db.Ent().User.Query().Where(user.PhoneIndexNotNil()).CountX(context.WithoutCancel(t.Context())))
	})
}

// Two who want each other's number hold up one another in the database. Both are told what holds.
func TestTwoWhoSwapTheirNumbers(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		people, numbers := []string{"ann", "bob"}, []string{"13800138000", "13900139000"}
		var callers []account.Caller
		for i, name := range people {
			_, caller := w.login(t, name)
			callers = append(callers, caller)
			w.bind(t, caller, name, numbers[i])
		}
		for range 4 {
			_, errs := atOnce(2, func(i int) (*account.User, error) {
				return w.UpdatePhone(t.Context(), callers[i], byCode(w.wechat.PhoneCode(shop, people[i], numbers[1-i])))
			})
			for i, err := range errs {
				requireFault(t, fault.PhoneTaken, err)
				require.Equal(t, "+86"+numbers[i], w.number(t, callers[i]))
			}
		}
	})
}
