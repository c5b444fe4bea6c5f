package account_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// The three business scenarios of the article, and the fourth, through the verbs that people use:
// giving goes forward, taking back goes back, in every order.
func TestStepsFollowWhatIsGivenAndTakenBack(t *testing.T) {
	t.Parallel()
	const none, hasProfile, hasPhone, both = 0, 1, 2, 3
	steps := map[string][4]account.AuthStep{ // with none, a profile, a phone, both
		"profile,phone": {1, 2, 1, 3},
		"phone,profile": {1, 1, 2, 3},
		"phone":         {1, 1, 3, 3},
		"profile":       {1, 3, 1, 3},
	}
	walk := []struct {
		does string
		then int
	}{
		{"gives a profile", hasProfile}, {"gives a phone", both}, {"removes the profile", hasPhone}, {"unbinds the phone", none},
		{"gives a phone", hasPhone}, {"gives a profile", both}, {"unbinds the phone", hasProfile}, {"removes the profile", none},
	}
	inEachWorld(t, func(t *testing.T, w *world) {
		for text, want := range steps {
			flow, err := account.ParseFlow(text)
			require.NoError(t, err)
			s := w.shared
			s.apps = []account.App{{AppID: shop, Flow: flow, EncryptedData: true}}
			w := s.replica(t)
			_, ann := w.login(t, "ann")
			check := func(u *account.User, facts int, what string) {
				t.Helper()
				what = fmt.Sprintf("%s: ann %s", text, what)
				require.Equal(t, want[facts], u.AuthStep(), what)
				require.Equal(t, facts&hasProfile != 0, u.HasProfile(), what)
				require.Equal(t, facts&hasPhone != 0, u.HasPhone(), what)
				missing := []account.AuthFact{}
				for _, fact := range flow {
					if fact == profile && facts&hasProfile == 0 || fact == phone && facts&hasPhone == 0 {
						missing = append(missing, fact)
					}
				}
				require.Equal(t, missing, u.Missing(), what)
				for step := account.StepOne; step <= account.StepThree; step++ {
					_, err := w.MustAuth(t.Context(), ann, &step, nil)
					if u.AuthStep() >= step {
						require.NoError(t, err, "%s, asked for %s", what, step)
						continue
					}
					var lacks *fault.Error
					require.ErrorAs(t, err, &lacks, what)
					require.Equal(t, fault.AuthStepRequired, lacks.Code)
					require.Equal(t, u.AuthStep().String(), lacks.Step.Have, what)
					require.Equal(t, lacks.Step.Need[0], lacks.Step.Next, what)
				}
			}
			me, err := w.Me(t.Context(), ann)
			require.NoError(t, err)
			check(me, none, "has nothing")
			for _, step := range walk {
				var answer *account.User
				switch step.does {
				case "gives a profile":
					answer, err = w.UpdateUser(t.Context(), ann, nicknamed("Ann"))
				case "removes the profile":
					answer, err = w.UpdateUser(t.Context(), ann, account.UpdateUserInput{RemoveProfile: new(true)})
				case "gives a phone":
					answer = w.bind(t, ann, "ann", "")
				case "unbinds the phone":
					answer, err = w.UnbindPhone(t.Context(), ann)
				}
				require.NoError(t, err, step.does)
				check(answer, step.then, step.does)
				me, err := w.Me(t.Context(), ann)
				require.NoError(t, err)
				check(me, step.then, step.does+", and asks")
				var login *account.Login
				login, ann = w.login(t, "ann")
				check(login.User, step.then, step.does+", and logs in again")
				w.clock.advance(time.Second)
			}
		}
	})
}
