package token_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/internal/token"
)

// master returns a key whose secret differs for each identifier.
func master(id uint32) token.RefreshKey {
	secret := bytes.Repeat([]byte("master! "), 4)
	binary.BigEndian.PutUint32(secret, id)
	return token.RefreshKey{ID: id, Secret: secret}
}

func refresh(t testing.TB, keys ...token.RefreshKey) *token.Refresh {
	t.Helper()
	r, err := token.NewRefresh(keys...)
	require.NoError(t, err)
	return r
}

// sessions draws session identifiers.
func sessions() *rapid.Generator[uuid.UUID] {
	return rapid.Custom(func(t *rapid.T) uuid.UUID {
		return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
	})
}

// The format written a second time, by its description: tokens live for 90 days, so it must not change by accident.
func TestRefreshTokenFormat(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse(session)
	key := master(7)
	derive := hmac.New(sha256.New, key.Secret)
	derive.Write(append([]byte("mpauth refresh v1"), id[:]...))
	body, err := hex.DecodeString("01" + "00000007" + hex.EncodeToString(id[:]) + "0000000000000003")
	require.NoError(t, err)
	mac := hmac.New(sha256.New, derive.Sum(nil))
	mac.Write(body)
	want := base64.RawURLEncoding.EncodeToString(mac.Sum(body))

	require.Equal(t, want, refresh(t, key).Mint(id, 3))
	require.Equal(t, "AQAAAAcBmLWifB59M5sKPx9fPCoRAAAAAAAAAAMym1PBFh6mVbm-TqHzp-xpIhTSyHfBjs3MJdmNXfsUQQ", want)
	require.Len(t, want, 82)
}

func TestRefreshVerifyReturnsWhatMintWasGiven(t *testing.T) {
	t.Parallel()
	r := refresh(t, master(1))
	rapid.Check(t, func(t *rapid.T) {
		id, counter := sessions().Draw(t, "session"), rapid.Int64Min(0).Draw(t, "counter")
		raw := r.Mint(id, counter)
		gotID, gotCounter, err := r.Verify(raw)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Equal(t, counter, gotCounter)
	})
}

// A client that lost the answer to a refresh sends the predecessor again, and must get the same successor: on any replica, after any restart.
func TestSuccessorIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	here, there := refresh(t, master(2), master(1)), refresh(t, master(2), master(1))
	rapid.Check(t, func(t *rapid.T) {
		id, counter := sessions().Draw(t, "session"), rapid.Int64Range(0, math.MaxInt64-1).Draw(t, "counter")
		require.Equal(t, here.Mint(id, counter+1), there.Mint(id, counter+1))
		require.NotEqual(t, here.Mint(id, counter), here.Mint(id, counter+1))
	})
}

func TestRefreshKeyRotation(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse(session)
	r := refresh(t, master(1))
	before := r.Mint(id, 4)

	require.NoError(t, r.Replace(master(2), master(1)))
	after := r.Mint(id, 4)
	require.NotEqual(t, before, after, "another text")
	for _, raw := range []string{before, after} {
		gotID, counter, err := r.Verify(raw)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Equal(t, int64(4), counter, "of the same meaning")
	}

	require.NoError(t, r.Replace(master(2)))
	_, _, err := r.Verify(before)
	require.Equal(t, token.ErrInvalid, err)
	_, _, err = r.Verify(after)
	require.NoError(t, err)
}

func TestEveryTamperedBitOfARefreshTokenIsRefused(t *testing.T) {
	t.Parallel()
	// The secret of key 1 stands under the identifiers one bit away too, so that only the MAC can refuse an exchanged identifier.
	keys := []token.RefreshKey{master(1)}
	for bit := 1; bit < 32; bit++ {
		keys = append(keys, token.RefreshKey{ID: 1 ^ 1<<bit, Secret: master(1).Secret})
	}
	r := refresh(t, keys...)
	good, err := base64.RawURLEncoding.DecodeString(r.Mint(uuid.MustParse(session), 3))
	require.NoError(t, err)
	for i := range good {
		for bit := range 8 {
			forged := bytes.Clone(good)
			forged[i] ^= 1 << bit
			_, _, err := r.Verify(encode(forged))
			require.Equal(t, token.ErrInvalid, err, "byte %d", i)
		}
	}
}

func TestRefreshTokenHasOneSpelling(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	r := refresh(t, master(1))
	raw := r.Mint(uuid.MustParse(session), 3)
	var accepted []string
	try := func(variant string) {
		if _, _, err := r.Verify(variant); err == nil {
			accepted = append(accepted, variant)
		}
	}
	for _, last := range alphabet {
		try(raw[:len(raw)-1] + string(last))
	}
	for at := range len(raw) + 1 {
		for _, inserted := range []string{"\n", "\r", "\r\n", "=", "==", " ", "A"} {
			try(raw[:at] + inserted + raw[at:])
			if at < len(raw) {
				try(raw[:at] + inserted + raw[at+1:])
			}
		}
	}
	try(raw + "==")
	require.Contains(t, accepted, raw)
	for _, variant := range accepted {
		require.Equal(t, raw, variant)
	}
}

func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	r := refresh(t, master(1))
	id := uuid.MustParse(session)
	for name, raw := range map[string]string{
		"empty":                        "",
		"an access token":              mint(t, access(t, options(t, c))),
		"a cut token":                  r.Mint(id, 3)[:81],
		"82 characters of nothing":     strings.Repeat("A", 82),
		"82 line breaks":               strings.Repeat("\n", 82),
		"a megabyte":                   strings.Repeat("A", 1<<20),
		"a key we do not have":         refresh(t, master(2)).Mint(id, 3),
		"another key under our number": refresh(t, token.RefreshKey{ID: 1, Secret: master(2).Secret}).Mint(id, 3),
		"a negative counter":           r.Mint(id, -1),
		"the smallest counter":         r.Mint(id, math.MinInt64),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gotID, counter, err := r.Verify(raw)
			require.Equal(t, token.ErrInvalid, err)
			require.Zero(t, gotID)
			require.Zero(t, counter)
		})
	}
}

func TestNewRefreshRefusesBadKeysAndKeepsTheOldOnes(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]token.RefreshKey{
		"no keys":          {},
		"identifier 0":     {{ID: 0, Secret: master(1).Secret}},
		"identifier twice": {master(1), master(2), {ID: 1, Secret: master(3).Secret}},
		"short secret":     {{ID: 1, Secret: master(1).Secret[:31]}},
		"long secret":      {{ID: 1, Secret: append(master(1).Secret, 0)}},
		"no secret":        {{ID: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := token.NewRefresh(keys...)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "master!")

			r := refresh(t, master(9))
			raw := r.Mint(uuid.MustParse(session), 3)
			require.Error(t, r.Replace(keys...))
			_, _, err = r.Verify(raw)
			require.NoError(t, err)
		})
	}
}

func FuzzRefreshVerify(f *testing.F) {
	r := refresh(f, master(1))
	f.Add(r.Mint(uuid.MustParse(session), 3))
	f.Add(r.Mint(uuid.Nil, -1))
	f.Add(strings.Repeat("\n", 82))
	f.Fuzz(func(t *testing.T, input string) {
		id, counter, err := r.Verify(input)
		if err == nil {
			require.Equal(t, r.Mint(id, counter), input)
			require.GreaterOrEqual(t, counter, int64(0))
		} else {
			require.Equal(t, token.ErrInvalid, err)
		}
	})
}

func BenchmarkRefreshMint(b *testing.B) {
	r, id := refresh(b, master(1)), uuid.MustParse(session)
	b.ReportAllocs()
	for b.Loop() {
		r.Mint(id, 3)
	}
}

func BenchmarkRefreshVerify(b *testing.B) {
	r := refresh(b, master(1))
	raw := r.Mint(uuid.MustParse(session), 3)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.Verify(raw); err != nil {
			b.Fatal(err)
		}
	}
}
