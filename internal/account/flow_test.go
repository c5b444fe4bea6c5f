package account_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
)

const (
	profile = account.FactProfile
	phone   = account.FactPhone
)

// Every flow with every set of facts: what the article's three business scenarios come down to.
func TestStepOfEveryFlowWithEverySetOfFacts(t *testing.T) {
	t.Parallel()
	type facts = []account.AuthFact
	cases := []struct {
		flow    string
		facts   facts
		step    account.AuthStep
		missing facts
	}{
		{"profile,phone", facts{}, account.StepOne, facts{profile, phone}},
		{"profile,phone", facts{profile}, account.StepTwo, facts{phone}},
		{"profile,phone", facts{phone}, account.StepOne, facts{profile}},
		{"profile,phone", facts{profile, phone}, account.StepThree, facts{}},

		{"phone,profile", facts{}, account.StepOne, facts{phone, profile}},
		{"phone,profile", facts{profile}, account.StepOne, facts{phone}},
		{"phone,profile", facts{phone}, account.StepTwo, facts{profile}},
		{"phone,profile", facts{profile, phone}, account.StepThree, facts{}},

		{"phone", facts{}, account.StepOne, facts{phone}},
		{"phone", facts{profile}, account.StepOne, facts{phone}},
		{"phone", facts{phone}, account.StepThree, facts{}},
		{"phone", facts{profile, phone}, account.StepThree, facts{}},

		{"profile", facts{}, account.StepOne, facts{profile}},
		{"profile", facts{profile}, account.StepThree, facts{}},
		{"profile", facts{phone}, account.StepOne, facts{profile}},
		{"profile", facts{profile, phone}, account.StepThree, facts{}},
	}
	for _, c := range cases {
		flow, err := account.ParseFlow(c.flow)
		require.NoError(t, err)
		require.Equal(t, c.step, flow.Step(c.facts), "%s with %v", c.flow, c.facts)
		require.Equal(t, c.missing, flow.Missing(c.facts), "%s with %v", c.flow, c.facts)
		// What reaching a step asks for is what has the person reach it.
		for _, step := range []account.AuthStep{account.StepOne, account.StepTwo, account.StepThree} {
			require.GreaterOrEqual(t, flow.Step(flow.UpTo(step)), step, "%s up to %s", c.flow, step)
		}
	}
}

func TestFlowIsOneOfFour(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "email", "phone,phone", "profile,phone,profile", "profile;phone", ","} {
		_, err := account.ParseFlow(text)
		require.ErrorContains(t, err, "want profile,phone or phone,profile or phone or profile", "%q", text)
	}
	flow, err := account.ParseFlow(" Phone , profile ")
	require.NoError(t, err)
	require.Equal(t, account.Flow{phone, profile}, flow)
}
