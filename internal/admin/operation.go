package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/keyfile"
	"mpauth/internal/wechat"
)

// DailyCount is how often something happened in an app on a day.
type DailyCount struct {
	Day   string
	AppID string
	Kind  CountKind
	Name  string
	Count int
}

// App is one Mini Program that this server serves.
type App struct {
	AppID               string
	Flow                []string
	Group               string
	EncryptedData       bool
	ContentCheck        bool
	CreateOnSilentLogin bool
	PhoneConflict       string // "reject" or "merge"
}

// WechatStatus is how WeChat does for an app, as this replica sees it.
type WechatStatus struct {
	AppID                 string
	TokenAgeSeconds       *int
	TokenExpiresInSeconds *int
	Endpoints             []*WechatEndpoint
}

// WechatEndpoint is one call of WeChat's server API.
type WechatEndpoint struct {
	Name            string
	Breaker         string
	CallsThisMinute int
	HeldBackSeconds int
	Misconfigured   *string
}

// RotateKeysPayload is what rotating did.
type RotateKeysPayload struct{ UseFrom time.Time }

// Stats are the counts of at most 92 days. They name no person, so reading them is not recorded.
// Faults: BAD_INPUT, UNAVAILABLE.
func (s *Service) Stats(ctx context.Context, _ account.Actor, from, to string, appID *string) ([]*DailyCount, error) {
	rows, err := s.Options.Stats.Read(ctx, from, to, appID)
	if err != nil {
		return nil, outward(err)
	}
	counts := make([]*DailyCount, len(rows))
	for i, row := range rows {
		counts[i] = &DailyCount{
			Day: row.Day, AppID: row.AppID, Kind: CountKind(strings.ToUpper(row.Kind)), Name: row.Name, Count: int(row.Count),
		}
	}
	return counts, nil
}

// Apps are the Mini Programs that this server serves, by AppID.
func (s *Service) Apps(context.Context, account.Actor) ([]*App, error) {
	var apps []*App
	for _, app := range s.Account.Apps.All() {
		shown := &App{
			AppID: app.AppID, Group: app.Group(), EncryptedData: app.EncryptedData, ContentCheck: app.ContentCheck,
			CreateOnSilentLogin: !app.AskFirst, PhoneConflict: "reject",
		}
		if app.MergePhones {
			shown.PhoneConflict = "merge"
		}
		for _, fact := range app.Flow {
			shown.Flow = append(shown.Flow, string(fact))
		}
		apps = append(apps, shown)
	}
	return apps, nil
}

// WechatStatus is how WeChat does for each app, as this replica sees it.
func (s *Service) WechatStatus(context.Context, account.Actor) ([]*WechatStatus, error) {
	var all []*WechatStatus
	for _, appID := range s.Account.Apps.IDs() {
		seen := s.WeChat.Status(appID)
		shown := &WechatStatus{AppID: appID, Endpoints: []*WechatEndpoint{}}
		if seen.Token != nil {
			shown.TokenAgeSeconds, shown.TokenExpiresInSeconds = new(seconds(seen.Token.Age)), new(seconds(seen.Token.Left))
		}
		for _, e := range seen.Endpoints {
			shown.Endpoints = append(shown.Endpoints, &WechatEndpoint{
				Name: e.Name, Breaker: e.Breaker, CallsThisMinute: e.Calls, HeldBackSeconds: seconds(e.HeldBack),
				Misconfigured: misconfigured(e.Wrong),
			})
		}
		all = append(all, shown)
	}
	return all, nil
}

// misconfigured says what an operator must mend, with WeChat's own words, which name an address that it does not let in.
func misconfigured(wrong *wechat.Misconfiguration) *string {
	if wrong == nil {
		return nil
	}
	return new(fmt.Sprintf("%s (%d: %s)", wrong.Remedy, wrong.Errcode, wrong.Errmsg))
}

// seconds rounds up, so that what has begun is not 0.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// kinds are the names that the key file has for the server's keys.
var kinds = map[ServerKey]string{
	SigningKey: keyfile.Signing, RefreshKey: keyfile.Refresh, SessionKey: keyfile.Session, PhoneKey: keyfile.Phone,
}

// RotateKeys adds a new key to the key file, where that can be written; all servers that read this
// file take it over. It is recorded beforehand, and again when it did not come to be.
// Faults: BAD_INPUT, when the last rotation still waits; UNAVAILABLE, with the command that does it.
func (s *Service) RotateKeys(ctx context.Context, by account.Actor, which ServerKey, reason string) (*RotateKeysPayload, error) {
	reason, err := account.ReadReason(reason)
	if err != nil {
		return nil, err
	}
	kind, known := kinds[which]
	if !known {
		return nil, fault.New(fault.BadInput, "there is no such kind of key")
	}
	s.rotation.Lock()
	defer s.rotation.Unlock()
	file, err := s.rotated(kind)
	if err != nil {
		return nil, err
	}
	begun := deed{action: actionRotateKeys, reason: reason, detail: map[string]string{"key": kind}}
	if err := s.record(ctx, by, begun); err != nil {
		return nil, err
	}
	if err := file.Save(s.Keys.Path); err != nil {
		begun.detail["outcome"] = "not written"
		return nil, errors.Join(cannotRotate(kind, err), s.record(ctx, by, begun))
	}
	for _, key := range file.Summary(s.now()) {
		if key.Kind == kind && key.State == keyfile.Waiting {
			return &RotateKeysPayload{UseFrom: key.From}, nil
		}
	}
	return nil, fmt.Errorf("rotate %s: the new key is not in the file", kind)
}

// rotated is the key file with the new key, not yet written.
func (s *Service) rotated(kind string) (*keyfile.File, error) {
	file, err := keyfile.Load(s.Keys.Path)
	if err != nil {
		return nil, cannotRotate(kind, err)
	}
	for _, key := range file.Summary(s.now()) {
		if key.Kind == kind && key.State == keyfile.Waiting {
			return nil, fault.New(fault.BadInput,
				"the last new key takes over at "+key.From.UTC().Format(time.RFC3339)+"; rotate again after that")
		}
	}
	if err := file.Rotate(kind, s.now(), s.Rand, s.Keys.Overlap); err != nil {
		return nil, err
	}
	return file, nil
}

func cannotRotate(kind string, err error) error {
	return fault.Wrap(fault.Unavailable,
		"this server cannot change its key file; where the file is kept, run `mpauth keys rotate "+kind+"`", err)
}
