package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	maxAccessToken = 4096             // bytes, checked before anything is parsed
	maxLeeway      = 30 * time.Second // more would make expiry an opinion
)

var (
	// ErrInvalid is the one answer to a token that is not ours, is damaged, or is meant for somebody else.
	ErrInvalid = errors.New("token is invalid")

	// ErrExpired says that an access token is ours, unaltered and meant for us, and has expired: the client should refresh.
	ErrExpired = errors.New("token has expired")
)

// Claims is all that an access token says. There is no personal data in it, because whoever holds a JWT can read it.
type Claims struct {
	Issuer    string    // iss
	Audience  string    // aud: the one API it is meant for
	Subject   string    // sub: the user's identifier with us, not WeChat's
	ClientID  string    // client_id: the Mini Program's AppID
	SessionID string    // sid
	ID        string    // jti: differs for each token
	Version   int64     // ver: the user's epoch; raising it ends every session at once
	IssuedAt  time.Time // iat, whole seconds
	ExpiresAt time.Time // exp, whole seconds
}

// AccessOptions says how access tokens are made and checked. Everything but Leeway and Rand is required.
type AccessOptions struct {
	Issuer   string
	Audience string
	TTL      time.Duration // at least a second
	Leeway   time.Duration // tolerated difference of clocks, at most 30 s
	Keys     *KeyRing
	Now      func() time.Time
	Rand     io.Reader // makes token identifiers; nil is crypto/rand
}

// Access makes and checks access tokens. It is safe for concurrent use.
type Access struct {
	options AccessOptions
	parser  *jwt.Parser
}

// NewAccess returns an Access, or says which option is missing or out of range.
func NewAccess(o AccessOptions) (*Access, error) {
	switch {
	case o.Issuer == "":
		return nil, errors.New("access tokens: no issuer")
	case o.Audience == "":
		return nil, errors.New("access tokens: no audience")
	case o.TTL < time.Second:
		return nil, fmt.Errorf("access tokens: lifetime %v is under a second", o.TTL)
	case o.Leeway < 0 || o.Leeway > maxLeeway:
		return nil, fmt.Errorf("access tokens: leeway %v is not within 0–%v", o.Leeway, maxLeeway)
	case o.Keys == nil:
		return nil, errors.New("access tokens: no keys")
	case o.Now == nil:
		return nil, errors.New("access tokens: no clock")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Access{options: o, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{algorithm}),
		jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithIssuer(o.Issuer),
		jwt.WithAudience(o.Audience),
		jwt.WithLeeway(o.Leeway),
		jwt.WithTimeFunc(o.Now),
	)}, nil
}

// Mint signs an access token for a user's session in a Mini Program. Version is the user's epoch, 0 or more. It also returns how long the token
// lives, for the client. It fails when an argument is missing, when no key may sign now, or when randomness fails.
func (a *Access) Mint(subject, clientID, sessionID string, version int64) (raw string, ttl time.Duration, err error) {
	if subject == "" || clientID == "" || sessionID == "" || version < 0 {
		return "", 0, errors.New("mint access token: subject, client, session and a version of 0 or more are required")
	}
	key, found := a.options.Keys.signer()
	if !found {
		return "", 0, errors.New("mint access token: no key may sign now")
	}
	id, err := uuid.NewRandomFromReader(a.options.Rand)
	if err != nil {
		return "", 0, fmt.Errorf("mint access token: %w", err)
	}
	now := a.options.Now()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, &payload{
		Issuer: a.options.Issuer, Audience: a.options.Audience, Subject: subject, ClientID: clientID, SessionID: sessionID, ID: id.String(),
		Version: version, IssuedAt: now.Unix(), ExpiresAt: now.Add(a.options.TTL).Unix(),
	})
	unsigned.Header = header(key.ID)
	raw, err = unsigned.SignedString(key.Private)
	if err != nil {
		return "", 0, fmt.Errorf("mint access token: %w", err)
	}
	if len(raw) > maxAccessToken {
		return "", 0, fmt.Errorf("mint access token: %d bytes, more than Verify accepts", len(raw))
	}
	return raw, a.options.TTL, nil
}

// Verify returns what the token says, if it is one of ours, meant for us, and good now. Its errors are [ErrExpired] and [ErrInvalid]. Whether the
// session still stands is not in the token: the caller asks the revocation feed.
func (a *Access) Verify(raw string) (Claims, error) {
	key, found := a.keyOf(raw)
	if !found {
		return Claims{}, ErrInvalid
	}
	var p payload
	_, err := a.parser.ParseWithClaims(raw, &p, func(*jwt.Token) (any, error) { return key, nil })
	switch {
	case err == nil:
		return p.claims(), nil
	case onlyExpired(err):
		return Claims{}, ErrExpired
	default:
		return Claims{}, ErrInvalid
	}
}

// keyOf finds the key whose header stands in front of the token. It comes before the library, which would read the last of two equal members
// and ignore crit.
func (a *Access) keyOf(raw string) (ed25519.PublicKey, bool) {
	if len(raw) > maxAccessToken || strings.ContainsFunc(raw, notInToken) {
		return nil, false
	}
	header, _, _ := strings.Cut(raw, ".")
	return a.options.Keys.verifier(header)
}

// notInToken exists because base64 decoders skip line breaks, also the strict one: a signature with a line break in it would verify, and one token
// would have many spellings.
func notInToken(r rune) bool {
	return r > 0x7f || !isAlphanumeric(byte(r)) && r != '-' && r != '_' && r != '.'
}

// onlyExpired reports whether expiry is all that is wrong. The library checks claims only after the signature, and then reports all faults at once.
func onlyExpired(err error) bool {
	others := []error{
		jwt.ErrTokenUsedBeforeIssued, jwt.ErrTokenNotValidYet, jwt.ErrTokenInvalidIssuer, jwt.ErrTokenInvalidAudience,
		jwt.ErrTokenRequiredClaimMissing,
	}
	return errors.Is(err, jwt.ErrTokenExpired) && !slices.ContainsFunc(others, func(other error) bool { return errors.Is(err, other) })
}
