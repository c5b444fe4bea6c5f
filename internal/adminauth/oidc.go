package adminauth

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"

	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// algorithms are those that a token may be signed with: nobody but the identity provider can make one.
func algorithms() []string {
	return []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}
}

const (
	maxToken      = 8 << 10         // bytes
	maxSubject    = 128             // characters
	askAgainAfter = 5 * time.Second // when the provider did not answer
)

// OIDCOptions say which tokens are believed.
type OIDCOptions struct {
	Issuer     string            // of the tokens, exactly; its discovery document names the keys
	Audience   string            // that a token must be for
	RolesClaim string            // the claim that lists what somebody is; a.b means b inside a
	Roles      map[string][]Role // what that means here
	HTTP       *http.Client      // asks the provider; it bounds how long that takes
	Now        func() time.Time
}

// OIDC believes the tokens of an identity provider (OpenID Connect Core 1.0, section 3.1.3.7, or
// access tokens of RFC 9068). The provider is first asked when the first token comes, so that the
// server starts without it.
type OIDC struct {
	OIDCOptions
	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until the provider has answered
	failed   time.Time             // when it last did not
}

// NewOIDC makes an OIDC.
func NewOIDC(o OIDCOptions) *OIDC { return &OIDC{OIDCOptions: o} }

// find is the administrator whose token it is.
func (o *OIDC) find(ctx context.Context, raw string) (Administrator, error) {
	if len(raw) > maxToken || strings.Count(raw, ".") != 2 {
		return Administrator{}, refused("what is neither a key nor a token")
	}
	verifier, err := o.ready(ctx)
	if err != nil {
		return Administrator{}, unreachable(err)
	}
	var fetch error
	token, err := verifier.Verify(context.WithValue(ctx, fetchKey{}, &fetch), raw)
	if fetch != nil {
		return Administrator{}, unreachable(fetch)
	}
	if err != nil {
		return Administrator{}, refused("a token that does not hold: " + err.Error())
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return Administrator{}, refused("a token without claims")
	}
	if token.Subject == "" || len(token.Subject) > maxSubject || strings.ContainsFunc(token.Subject, unicode.IsControl) {
		return Administrator{}, refused("a token without a usable subject")
	}
	administrator := Administrator{account.Actor{Kind: "oidc", Name: token.Subject}, o.rolesOf(claims)}
	if len(administrator.Roles) == 0 {
		return Administrator{}, fault.New(fault.Forbidden, "the token carries no role of an administrator")
	}
	return administrator, nil
}

func unreachable(err error) error {
	return fault.Wrap(fault.Unavailable, "the identity provider does not answer; try again", err)
}

// ready is what verifies tokens, once the provider has told where its keys are.
func (o *OIDC) ready(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.verifier != nil {
		return o.verifier, nil
	}
	now := o.Now()
	if !o.failed.IsZero() && now.Sub(o.failed) < askAgainAfter {
		return nil, fmt.Errorf("%s did not answer a moment ago", o.Issuer)
	}
	// Not given up with the request: whoever leaves would have the provider taken for one that is away.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.HTTP), o.Issuer)
	if err != nil {
		o.failed = now
		return nil, fmt.Errorf("ask %s who it is: %w", o.Issuer, err)
	}
	var document struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, fmt.Errorf("read the discovery document of %s: %w", o.Issuer, err)
	}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), o.HTTP), document.Keys)
	o.verifier = oidc.NewVerifier(o.Issuer, keySet{keys}, &oidc.Config{
		ClientID: o.Audience, SupportedSigningAlgs: algorithms(), Now: o.Now,
	})
	return o.verifier, nil
}

type fetchKey struct{}

// keySet tells a token that is not good from keys that could not be fetched, which the verifier does
// not: an outage of the provider is nobody's wrong token.
type keySet struct{ *oidc.RemoteKeySet }

// VerifySignature is that of [oidc.KeySet].
func (k keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.RemoteKeySet.VerifySignature(ctx, jwt)
	if fetch, ok := ctx.Value(fetchKey{}).(*error); ok && err != nil && strings.HasPrefix(err.Error(), "fetching keys") {
		*fetch = err
	}
	return payload, err
}

// rolesOf is what somebody may do, by the claim that says what they are.
func (o *OIDC) rolesOf(claims map[string]any) []Role {
	value, ok := claims[o.RolesClaim]
	if !ok {
		value = inside(claims, o.RolesClaim)
	}
	var names []any
	switch value := value.(type) {
	case string:
		names = []any{value}
	case []any:
		names = value
	}
	var roles []Role
	for _, role := range Roles() { // in their order, each once
		for _, name := range names {
			if text, ok := name.(string); ok && slices.Contains(o.Roles[text], role) {
				roles = append(roles, role)
				break
			}
		}
	}
	return roles
}

// inside follows a path such as realm_access.roles.
func inside(claims map[string]any, path string) any {
	var node any = claims
	for name := range strings.SplitSeq(path, ".") {
		object, _ := node.(map[string]any)
		node = object[name]
	}
	return node
}
