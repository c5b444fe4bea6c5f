package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/fault"
)

func TestCodeOf(t *testing.T) {
	t.Parallel()
	taken := fault.New(fault.PhoneTaken, "this number belongs to another account")
	cases := map[string]struct {
		err  error
		want fault.Code
	}{
		"no error":             {nil, ""},
		"a fault":              {taken, fault.PhoneTaken},
		"a wrapped fault":      {fmt.Errorf("update phone: %w", taken), fault.PhoneTaken},
		"anything else":        {errors.New("pq: duplicate key"), fault.Internal},
		"the outermost counts": {fault.Wrap(fault.Unavailable, "try again", taken), fault.Unavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, fault.CodeOf(c.err))
		})
	}
}

func TestEveryCodeSaysWhatToDo(t *testing.T) {
	t.Parallel()
	require.Len(t, fault.Codes(), 20)
	for _, code := range fault.Codes() {
		require.NotEmpty(t, code.Action(), code)
		require.Equal(t, code.Action() == fault.Retry, code.Retryable(), code)
	}
}

func TestTheCauseIsForTheLogOnly(t *testing.T) {
	t.Parallel()
	cause := errors.New("pq: connection refused")
	err := fault.Wrap(fault.Unavailable, "try again", cause)
	require.ErrorIs(t, err, cause)
	require.Contains(t, err.Error(), "pq: connection refused")
	require.NotContains(t, err.Message, "pq:")
}
