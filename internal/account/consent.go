package account

import (
	"context"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/consent"
	"mpauth/ent/user"
	"mpauth/internal/fault"
)

// ConsentInput is what a person decided about a text.
type ConsentInput struct {
	Purpose string
	Version string
	Granted bool
}

// Consent is one line of a person's ledger.
type Consent struct {
	Purpose string    `json:"purpose"`
	Version string    `json:"version"`
	Granted bool      `json:"granted"`
	At      time.Time `json:"at"`
	AppID   string    `json:"appId"`  // where they decided
	Client  string    `json:"client"` // what showed the text
}

// maxConsents is how much of the ledger is shown at once.
const maxConsents = 100

var purpose = regexp.MustCompile(`^[a-z0-9._-]{1,64}$`)

func (in ConsentInput) check() error {
	switch {
	case !purpose.MatchString(in.Purpose):
		return fault.New(fault.BadInput, "consent.purpose must have 1 to 64 characters of a-z 0-9 . _ -")
	case in.Version == "" || !utf8.ValidString(in.Version) || utf8.RuneCountInString(in.Version) > 32 || !printable.MatchString(in.Version):
		return fault.New(fault.BadInput, "consent.version must have 1 to 32 visible characters")
	}
	return nil
}

func consentRequired() error {
	return fault.New(fault.ConsentRequired, "this app creates no account before the person has agreed to its terms; log in with consent")
}

// RecordConsent adds a decision of the caller to their ledger and returns the ledger. The ledger only
// grows: to withdraw is another line. Faults: BAD_INPUT, SESSION_REVOKED, UNAVAILABLE.
func (s *Service) RecordConsent(ctx context.Context, caller Caller, in ConsentInput) ([]*Consent, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	err := s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		row, err := tx.Session.Get(ctx, caller.SessionID)
		if ent.IsNotFound(err) || err == nil && row.UserID != caller.UserID {
			return nil, sessionEnded()
		}
		if err != nil {
			return nil, fmt.Errorf("read session: %w", err)
		}
		return s.addConsent(ctx, tx, caller.AppID, row.UserID, clientName(row.Platform, row.SdkVersion), in)
	})
	if err != nil {
		return nil, err
	}
	return s.Consents(ctx, caller.UserID)
}

// Consents is the ledger of a person, the latest decision first. What users decided who became part of
// them is in it.
func (s *Service) Consents(ctx context.Context, person uuid.UUID) ([]*Consent, error) {
	ledger, err := readLedger(ctx, s.DB.Ent().Consent, person, maxConsents)
	if err != nil {
		return nil, outward(err)
	}
	return ledger, nil
}

func readLedger(ctx context.Context, consents *ent.ConsentClient, person uuid.UUID, limit int) ([]*Consent, error) {
	rows, err := consents.Query().Where(consent.Or(consent.UserID(person), consent.HasUserWith(user.MergedInto(person)))).
		Order(consent.ByAt(sql.OrderDesc()), consent.ByID()).Limit(limit).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read consents: %w", err)
	}
	ledger := make([]*Consent, len(rows))
	for i, row := range rows {
		ledger[i] = &Consent{row.Purpose, row.Version, row.Granted, row.At.UTC(), row.AppID, row.Client}
	}
	return ledger, nil
}

// addConsent adds a line to the ledger.
func (s *Service) addConsent(ctx context.Context, tx *ent.Tx, appID string, person uuid.UUID, client string, in ConsentInput) ([]event, error) {
	id, err := s.newID()
	if err != nil {
		return nil, err
	}
	now := s.now()
	err = tx.Consent.Create().SetID(id).SetUserID(person).SetAppID(appID).SetPurpose(in.Purpose).SetVersion(in.Version).
		SetGranted(in.Granted).SetClient(client).SetAt(now).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("record consent: %w", err)
	}
	action := ActionConsent
	if !in.Granted {
		action = ActionWithdraw
	}
	detail := map[string]string{"purpose": in.Purpose, "version": in.Version}
	return []event{{at: now, action: action, appID: appID, user: &person, detail: detail}}, nil
}

// clientName is what showed the text, as far as it said what it is.
func clientName(platform, version string) string {
	if platform == "" || version == "" {
		return platform + version
	}
	return platform + " " + version
}

func (a arrival) clientName() string {
	if a.device == nil {
		return ""
	}
	text := func(value *string) string {
		if value == nil {
			return ""
		}
		return *value
	}
	return clientName(text(a.device.Platform), text(a.device.SdkVersion))
}
