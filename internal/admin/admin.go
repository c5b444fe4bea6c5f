// Package admin owns what administrators may see of people and do to them, and how they learn what the
// server does.
//
// Who an administrator is and what their role allows is decided above; what a change means, below, in
// internal/account. What belongs here is that nobody is looked at without a trace: every verb that
// shows personal data records who asked, whom it showed and the reason, and shows nothing when it cannot.
package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"mpauth/internal/account"
	"mpauth/internal/audit"
	"mpauth/internal/database"
	"mpauth/internal/fault"
	"mpauth/internal/keyfile"
	"mpauth/internal/stats"
	"mpauth/internal/wechat"
)

// KeyFile is where the server's keys are, and how they change.
type KeyFile struct {
	Path    string
	Overlap keyfile.Overlap
}

// Options are what a Service needs; all of them are required.
type Options struct {
	DB      *database.DB
	Account *account.Service
	Chain   *audit.Chain
	WeChat  *wechat.Client
	Stats   *stats.Counter
	Keys    KeyFile
	Now     func() time.Time
	Rand    io.Reader
	Log     *slog.Logger
}

// Service carries out what administrators ask for. It is safe for concurrent use.
type Service struct {
	Options
	rotation sync.Mutex // one rotation at a time in this process
}

// New makes a Service.
func New(o Options) *Service { return &Service{Options: o} }

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// What administrators do that changes nobody's account, in the audit trail. The rest is among the
// actions of internal/account.
const (
	actionSearch      = "admin.user.search"
	actionReadUser    = "admin.user.read"
	actionReadAudit   = "admin.audit.read"
	actionExportAudit = "admin.audit.export"
	actionVerifyAudit = "admin.audit.verify"
	actionRotateKeys  = "admin.keys.rotate"
)

// deed is a row of the audit trail to be. It holds no personal data but ids.
type deed struct {
	action string
	user   *uuid.UUID
	reason string
	detail map[string]string
}

// record writes what an administrator has done, or is about to be shown.
func (s *Service) record(ctx context.Context, by account.Actor, d deed) error {
	row := s.DB.Ent().AuditEvent.Create().SetAt(s.now()).SetAction(d.action).SetAppID("").
		SetActor(by.String()).SetReason(d.reason).SetNillableUserID(d.user)
	if d.detail != nil {
		row.SetDetail(d.detail)
	}
	if err := row.Exec(ctx); err != nil {
		return outward(fmt.Errorf("record %s: %w", d.action, err))
	}
	return nil
}

// outward gives a failure of the database the code that its caller may see; faults stay as they are.
func outward(err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if database.IsUnavailable(err) || database.IsRetryable(err) {
		return fault.Wrap(fault.Unavailable, "the database does not answer; try again", err)
	}
	return err
}

// maxPage is how many entries a page of a list may have.
const maxPage = 100

func checkFirst(first int) error {
	if first < 1 || first > maxPage {
		return fault.New(fault.BadInput, fmt.Sprintf("first must be 1 to %d", maxPage))
	}
	return nil
}
