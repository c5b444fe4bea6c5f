package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
)

func TestConsentLedger(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		for _, granted := range []bool{true, false, true} {
			w.clock.advance(time.Second)
			_, err := w.RecordConsent(t.Context(), ann, account.ConsentInput{Purpose: "privacy-policy", Version: "2", Granted: granted})
			require.NoError(t, err)
		}
		ledger, err := w.Consents(t.Context(), ann.UserID)
		require.NoError(t, err)
		require.Len(t, ledger, 3)
		require.True(t, ledger[0].Granted)
		require.False(t, ledger[1].Granted)
		require.Equal(t, w.clock.Now(), ledger[0].At)
		require.Equal(t, []string{"consent.give", "consent.withdraw", "consent.give"}, w.actions(t)[2:])

		for _, wrong := range []account.ConsentInput{
			{Purpose: "", Version: "1"}, {Purpose: "Privacy", Version: "1"}, {Purpose: "p", Version: ""},
			{Purpose: strings.Repeat("p", 65), Version: "1"}, {Purpose: "p", Version: strings.Repeat("1", 33)}, {Purpose: "p", Version: "1\n"},
		} {
			_, err := w.RecordConsent(t.Context(), ann, wrong)
			requireFault(t, fault.BadInput, err)
			in := w.proof(shop, "ann", "ann-phone")
			in.Consent = &wrong
			_, err = w.SilentLogin(t.Context(), in)
			requireFault(t, fault.BadInput, err)
		}
	})
}

func TestNoRecordBeforeConsent(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"sqlite3", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind)
			shared := w.shared
			shared.apps = []account.App{{AppID: shop, Flow: account.Flow{profile, phone}, AskFirst: true}}
			w = shared.replica(t)
			refused := w.proof(shop, "ann", "phone")
			withdrawn := w.proof(shop, "ann", "phone")
			withdrawn.Consent = &account.ConsentInput{Purpose: "terms", Version: "1"}
			for _, in := range []account.SilentLoginInput{refused, refused, withdrawn} {
				_, err := w.SilentLogin(t.Context(), in)
				requireFault(t, fault.ConsentRequired, err)
			}
			for _, table := range []string{"users", "identities", "sessions", "consents", "audit_events"} {
				require.Equal(t, []string{"0"}, w.column(t, "SELECT COUNT(*) FROM "+table), table)
			}
			agreed := w.proof(shop, "ann", "phone")
			agreed.Consent = &account.ConsentInput{Purpose: "terms", Version: "1", Granted: true}
			login, err := w.SilentLogin(t.Context(), agreed)
			require.NoError(t, err)
			ledger, err := w.Consents(t.Context(), login.User.ID)
			require.NoError(t, err)
			require.Len(t, ledger, 1)
			w.login(t, "ann") // who is known needs none
		})
	}
}
