package token_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/c2sp/wycheproof"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"mpauth/internal/token"
)

func TestJWKSIsWhatOthersExpect(t *testing.T) {
	t.Parallel()
	// The key pair of RFC 8037 appendix A.
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	require.NoError(t, err)
	rfc := token.SigningKey{ID: "rfc8037", Private: ed25519.NewKeyFromSeed(seed), SignFrom: start()}
	ring := keyRing(t, &clock{at: start()}, rfc)
	require.Equal(t, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"rfc8037","use":"sig","alg":"EdDSA"}]}`,
		string(ring.JWKS()))
}

// A rotation as an operator runs it: publish, wait, sign, keep the predecessor until its last token is dead. At no moment is a good token refused.
func TestRotationRefusesNoGoodToken(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	takeover := start().Add(24 * time.Hour)
	before := signingKey("k1", 1)
	before.VerifyUntil = takeover.Add(ttl + leeway)
	after := signingKey("k2", 2)
	after.SignFrom = takeover
	ring := keyRing(t, c, signingKey("k1", 1))
	o := options(t, c)
	o.Keys = ring
	a := access(t, o)

	type minted struct {
		raw  string
		good time.Time
	}
	var live []minted
	kids := map[string]bool{}
	for step := range 30 * 20 {
		if step == 10 {
			require.NoError(t, ring.Replace(after, before))
		}
		raw := mint(t, a)
		live = append(live, minted{raw, c.at.Add(ttl + leeway)})
		kids[kidOf(t, raw)] = true
		for _, m := range live {
			_, err := a.Verify(m.raw)
			require.NoError(t, err, "at %v, minted %v before its end", c.at, m.good.Sub(c.at))
		}
		c.advance(3 * time.Minute)
		live = slices.DeleteFunc(live, func(m minted) bool { return !c.at.Before(m.good) })
		want := "k1"
		if !c.at.Before(takeover) {
			want = "k2"
		}
		require.Equal(t, want, kidOf(t, mint(t, a)), "at %v", c.at)
	}
	require.Len(t, kids, 2)
}

func kidOf(t testing.TB, raw string) string {
	t.Helper()
	var header struct{ Kid string }
	require.NoError(t, json.Unmarshal([]byte(decode(t, raw[:bytes.IndexByte([]byte(raw), '.')])), &header))
	return header.Kid
}

func TestKeysComeAndGoByTheClock(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	old, present, next := signingKey("old", 1), signingKey("present", 2), signingKey("next", 3)
	old.SignFrom, old.VerifyUntil = start().Add(-48*time.Hour), start().Add(time.Minute)
	next.SignFrom = start().Add(time.Hour)
	ring := keyRing(t, c, next, old, present)
	o := options(t, c)
	o.Keys = ring
	a := access(t, o)

	require.Equal(t, []string{"old", "present", "next"}, published(t, ring), "the next key is published before it signs")
	require.Equal(t, "present", kidOf(t, mint(t, a)))
	_, err := a.Verify(forge(`{"alg":"EdDSA","kid":"old","typ":"at+jwt"}`, goodPayload(), old))
	require.NoError(t, err)
	_, err = a.Verify(forge(`{"alg":"EdDSA","kid":"next","typ":"at+jwt"}`, goodPayload(), next))
	require.NoError(t, err, "another replica's clock may be ahead")

	c.advance(time.Minute)
	require.Equal(t, []string{"present", "next"}, published(t, ring))
	_, err = a.Verify(forge(`{"alg":"EdDSA","kid":"old","typ":"at+jwt"}`, goodPayload(), old))
	require.Equal(t, token.ErrInvalid, err)

	c.advance(time.Hour)
	require.Equal(t, "next", kidOf(t, mint(t, a)))
}

func published(t testing.TB, ring *token.KeyRing) (kids []string) {
	t.Helper()
	var set struct{ Keys []struct{ Kid string } }
	require.NoError(t, json.Unmarshal(ring.JWKS(), &set))
	for _, key := range set.Keys {
		kids = append(kids, key.Kid)
	}
	return kids
}

func TestOrderOfKeysInTheFileDoesNotMatter(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	a, b := signingKey("a", 1), signingKey("b", 2) // one SignFrom
	for _, keys := range [][]token.SigningKey{{a, b}, {b, a}} {
		o := options(t, c)
		o.Keys = keyRing(t, c, keys...)
		require.Equal(t, []string{"a", "b"}, published(t, o.Keys))
		require.Equal(t, "b", kidOf(t, mint(t, access(t, o))))
	}
}

func TestKeyRingRefusesBadKeysAndKeepsTheOldOnes(t *testing.T) {
	t.Parallel()
	good := signingKey("good", 9)
	future, lapsed, mixed := good, good, good
	future.SignFrom = start().Add(time.Second)
	lapsed.VerifyUntil = start()
	mixed.Private = append(ed25519.PrivateKey(good.Private.Seed()), publicOf(signingKey("x", 8))...)
	for name, keys := range map[string][]token.SigningKey{
		"no keys":                 {},
		"none that may sign yet":  {future},
		"none that verifies":      {lapsed},
		"identifier twice":        {good, signingKey("good", 8)},
		"identifier empty":        {signingKey("", 9)},
		"identifier with a space": {signingKey("a b", 9)},
		"identifier too long":     {signingKey(string(bytes.Repeat([]byte("k"), 65)), 9)},
		"no private key":          {{ID: "k1", SignFrom: start()}},
		"a seed":                  {{ID: "k1", Private: good.Private[:32], SignFrom: start()}},
		"someone's public half":   {mixed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{at: start()}
			_, err := token.NewKeyRing(c.now, keys...)
			require.Error(t, err)

			ring := keyRing(t, c, signingKey("k1", 1))
			require.Error(t, ring.Replace(keys...))
			require.Equal(t, []string{"k1"}, published(t, ring))
		})
	}
	_, err := token.NewKeyRing(nil, good)
	require.Error(t, err)
}

func TestReplaceDuringTraffic(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	o := options(t, c)
	a := access(t, o)
	var traffic sync.WaitGroup
	for range 2 {
		traffic.Go(func() {
			for range 100 {
				raw, _, err := a.Mint(user, appID, session, 0)
				if err == nil {
					_, err = a.Verify(raw)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 100 {
		require.NoError(t, o.Keys.Replace(signingKey("k1", 1), signingKey("k2", 2)))
		require.NoError(t, o.Keys.Replace(signingKey("k2", 2), signingKey("k1", 1), signingKey("k0", 3)))
	}
	traffic.Wait()
}

// The published Ed25519 vectors, through the verification that the parser looks up for our algorithm.
func TestWycheproofEd25519(t *testing.T) {
	t.Parallel()
	raw, err := fs.ReadFile(wycheproof.TestVectors, "ed25519_test.json")
	require.NoError(t, err)
	var vectors struct {
		TestGroups []struct {
			PublicKey struct{ PK string }
			Tests     []struct {
				TcID                      int
				Comment, Msg, Sig, Result string
			}
		}
	}
	require.NoError(t, json.Unmarshal(raw, &vectors))
	method := jwt.GetSigningMethod("EdDSA")
	good, bad := 0, 0
	for _, group := range vectors.TestGroups {
		public, err := hex.DecodeString(group.PublicKey.PK)
		require.NoError(t, err)
		for _, v := range group.Tests {
			message, err := hex.DecodeString(v.Msg)
			require.NoError(t, err)
			signature, err := hex.DecodeString(v.Sig)
			require.NoError(t, err)
			err = method.Verify(string(message), signature, ed25519.PublicKey(public))
			if v.Result == "valid" {
				require.NoError(t, err, "vector %d: %s", v.TcID, v.Comment)
				good++
			} else {
				require.Error(t, err, "vector %d: %s", v.TcID, v.Comment)
				bad++
			}
		}
	}
	require.Greater(t, good, 50)
	require.Greater(t, bad, 50)
}
