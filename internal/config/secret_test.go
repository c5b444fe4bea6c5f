package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/config"
)

func TestConfigPrintsWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	c, err := parse(t, nil, production())
	require.NoError(t, err)

	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("configured", "config", c, "value", *c, "app", c.Apps[0], "secret", c.Apps[0].Secret)
	}
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	hidden := struct{ hidden config.Secret }{c.Apps[0].Secret}

	printed := log.String() + string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		printed += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, *c) + fmt.Sprintf(verb, c.Apps) + fmt.Sprintf(verb, c.Apps[0].Secret) + fmt.Sprintf(verb, hidden)
	}
	requireNoSecret(t, printed)
	require.NotContains(t, printed, fmt.Sprintf("%x", appSecret))
	require.Contains(t, printed, "[redacted]")
	require.Contains(t, printed, appID, "what is no secret is there")
}

func TestSecret(t *testing.T) {
	t.Parallel()
	require.Equal(t, "x", config.NewSecret("x").Reveal())
	require.True(t, config.NewSecret("x").IsSet())
	require.Equal(t, config.Secret{}, config.NewSecret(""))
	require.Empty(t, config.Secret{}.Reveal())
	require.Empty(t, config.Secret{}.String(), "nothing to hide")
}
