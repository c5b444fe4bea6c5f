package account

import (
	"errors"
	"fmt"
	"slices"

	"mpauth/internal/fault"
)

// App is one Mini Program.
type App struct {
	AppID         string
	Flow          Flow
	EncryptedData bool // whether data encrypted with the session_key is accepted, beside codes
	ContentCheck  bool // whether WeChat's content check must pass a nickname
	AskFirst      bool // whether a user is created only once the person has agreed to something
}

// Group names the apps that share their users. An app shares with no other.
func (a App) Group() string { return a.AppID }

// Apps are the Mini Programs that this server serves.
type Apps struct {
	byID map[string]App
	only *App
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
		set.only = &only
	}
	return set, nil
}

// Find is the app of an AppID, or, when the caller names none, the only app there is. The failure
// names no AppID that is configured.
func (a Apps) Find(appID *string) (App, error) {
	if appID == nil {
		if a.only == nil {
			return App{}, fault.New(fault.BadInput, "appId is needed: this server serves several apps")
		}
		return *a.only, nil
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
