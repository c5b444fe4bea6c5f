package account

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"mpauth/internal/fault"
)

// App is one Mini Program.
type App struct {
	AppID         string
	Flow          Flow
	EncryptedData bool   // whether data encrypted with the session_key is accepted, beside codes
	ContentCheck  bool   // whether WeChat's content check must pass a nickname
	AskFirst      bool   // whether a user is created only once the person has agreed to something
	UserGroup     string // the apps of one name share their users; empty: it shares with no other
	MergePhones   bool   // whether a proved number of another user is an offer to merge, rather than refused
}

// Group names the apps that share their users.
func (a App) Group() string { return cmp.Or(a.UserGroup, a.AppID) }

// Apps are the Mini Programs that this server serves.
type Apps struct {
	byID  map[string]App
	usual *App // the one that is meant when nobody names one; nil: one has to
}

// NewApps makes the set of apps. An AppID that is there twice is an error, as is none at all.
func NewApps(apps ...App) (Apps, error) {
	if len(apps) == 0 {
		return Apps{}, errors.New("no app is configured")
	}
	set := Apps{byID: make(map[string]App, len(apps))}
	for _, app := range apps {
		if _, twice := set.byID[app.AppID]; twice {
			return Apps{}, fmt.Errorf("app %s is configured twice", app.AppID)
		}
		set.byID[app.AppID] = app
	}
	if len(apps) == 1 {
		only := apps[0]
		set.usual = &only
	}
	return set, nil
}

// WithDefault makes one of the apps the one that is meant when a caller names none. An AppID that is
// not among them changes nothing.
func (a Apps) WithDefault(appID string) Apps {
	if app, known := a.byID[appID]; known {
		a.usual = &app
	}
	return a
}

// Find is the app of an AppID, or, when the caller names none, the default or the only app there is. The
// failure names no AppID that is configured.
func (a Apps) Find(appID *string) (App, error) {
	if appID == nil {
		if a.usual == nil {
			return App{}, fault.New(fault.BadInput, "appId is needed: this server serves several apps")
		}
		return *a.usual, nil
	}
	app, known := a.byID[*appID]
	if !known {
		return App{}, fault.New(fault.BadInput,
			"this server does not serve that appId: check the AppID of the Mini Program against the server's configuration")
	}
	return app, nil
}

// All lists the apps in the order of their AppIDs.
func (a Apps) All() []App {
	apps := make([]App, 0, len(a.byID))
	for _, id := range a.IDs() {
		apps = append(apps, a.byID[id])
	}
	return apps
}

// IDs lists the AppIDs in order.
func (a Apps) IDs() []string {
	ids := make([]string, 0, len(a.byID))
	for id := range a.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// AuthFlow is what an app asks of the people who use it.
type AuthFlow struct {
	AppID string
	Flow  []AuthFact
}

// AuthFlow is the flow of an app; anyone may know it. Faults: BAD_INPUT.
func (s *Service) AuthFlow(appID *string) (*AuthFlow, error) {
	app, err := s.Apps.Find(appID)
	if err != nil {
		return nil, err
	}
	return &AuthFlow{AppID: app.AppID, Flow: app.Flow}, nil
}
