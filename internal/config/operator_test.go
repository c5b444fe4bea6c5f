package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOperatorPort(t *testing.T) {
	t.Parallel()
	c, err := parse(t, nil, nil)
	require.NoError(t, err)
	require.Empty(t, c.OperatorListen, "development opens none that nobody asked for")

	c, err = parse(t, nil, production())
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:9090", c.OperatorListen)

	c, err = parse(t, []string{"--operator-listen=none"}, production())
	require.NoError(t, err)
	require.Empty(t, c.OperatorListen)

	c, err = parse(t, []string{"--operator-listen=127.0.0.1:0", "--listen=127.0.0.1:0"}, nil)
	require.NoError(t, err, "port 0 is another one each time")
	require.Equal(t, "127.0.0.1:0", c.OperatorListen)

	c, err = parse(t, []string{"--operator-listen=:9090"}, production())
	require.NoError(t, err, "a pod has a network of its own")
	require.Equal(t, ":9090", c.OperatorListen)
}

func TestOperatorPortThatIsNone(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"9090":           `"9090" is not host:port; write it like 127.0.0.1:9090, or :9090 for every interface`,
		"127.0.0.1:x":    `"127.0.0.1:x" has no port from 0 to 65535; write it like 127.0.0.1:9090`,
		"127.0.0.1:8080": `"127.0.0.1:8080" is MPAUTH_LISTEN (--listen) too; give it a port of its own`,
		":9090":          `":9090" can be reached by other machines, and MPAUTH_ENV is development; listen on 127.0.0.1, or set MPAUTH_ENV=production`,
	} {
		_, err := parse(t, nil, []string{"MPAUTH_OPERATOR_LISTEN=" + value})
		require.EqualError(t, err, "MPAUTH_OPERATOR_LISTEN (--operator-listen): "+want)
	}
}

func TestOTLPEndpoint(t *testing.T) {
	t.Parallel()
	c, err := parse(t, []string{"--otlp-endpoint=http://collector:4318/", "--trace-one-in=100"}, nil)
	require.NoError(t, err)
	require.Equal(t, "http://collector:4318", c.OTLPEndpoint)
	require.Equal(t, 100, c.TraceOneIn)
	for _, value := range []string{"collector:4318", "http://user:password@collector:4318", "grpc://collector", "http://collector?key=1"} {
		_, err := parse(t, nil, []string{"MPAUTH_OTLP_ENDPOINT=" + value})
		require.ErrorContains(t, err, "is not the address of a server; write it like http://127.0.0.1:4318, without a password")
		require.NotContains(t, err.Error(), "user:password")
	}
}
