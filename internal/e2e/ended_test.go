package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireRefused: whoever asks more than a second after an end was acknowledged is not let in, and is
// told the code soon. What was sent earlier may be answered late by a busy machine; that proves nothing.
func requireRefused(t *testing.T, ended time.Time, code, what string, ask func() string) {
	t.Helper()
	eventually(t, func() bool {
		sent := time.Since(ended)
		got := ask()
		if got == "" && sent > time.Second {
			require.FailNow(t, "still let in", "%s, sent %s after the end", what, sent)
		}
		return got == code
	}, what+": "+code)
}

// unauthorized is what verifying answers for a token that is not accepted.
var unauthorized = http.StatusText(http.StatusUnauthorized)

// verifying asks the gateway's question with a token; the code is that of the status.
func verifying(t *testing.T, p *process, token string) func() string {
	return func() string {
		status := get(t, p.url()+"/verify", "Authorization", "Bearer "+token).status
		if status == http.StatusNoContent {
			return ""
		}
		return http.StatusText(status)
	}
}
