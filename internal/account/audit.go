package account

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/auditevent"
)

// Action names what happened to an account, in the audit trail.
type Action string

// The actions.
const (
	ActionLogin          Action = "login"            // a device logged in
	ActionRegister       Action = "register"         // a first login created the person
	ActionAttach         Action = "attach"           // a first login in this app of a person whom another app of the group knows
	ActionReplaced       Action = "session.replace"  // a newer login on the device ended a session
	ActionEvicted        Action = "session.evict"    // too many sessions: the oldest was ended
	ActionLogout         Action = "logout"           // the person ended sessions
	ActionExpired        Action = "session.expire"   // the time of a session was over
	ActionReuse          Action = "session.reuse"    // a spent refresh token came back: the session was ended
	ActionBindPhone      Action = "phone.bind"       // WeChat proved a number
	ActionUnbindPhone    Action = "phone.unbind"     // the person took the number back
	ActionUpdateProfile  Action = "profile.update"   // the person gave a profile
	ActionRemoveProfile  Action = "profile.remove"   // the person took the profile back
	ActionDropKeys       Action = "sessionkey.drop"  // too many failed decryptions: the keys were dropped
	ActionForeignNonce   Action = "login.nonce"      // a login code came back with another nonce
	ActionBlocked        Action = "login.block"      // WeChat refused a login as high-risk
	ActionDisableAccount Action = "account.disable"  // the operator disabled the account
	ActionEnableAccount  Action = "account.enable"   // the operator enabled the account again
	ActionRevoke         Action = "session.revoke"   // an administrator ended sessions
	ActionReadPhone      Action = "admin.phone.read" // an administrator was shown a number in full
	ActionClose          Action = "account.close"    // the person asked to close the account
	ActionRestore        Action = "account.restore"  // the person took that back
	ActionErase          Action = "account.erase"    // the account and everything about the person was erased
	ActionExport         Action = "account.export"   // the person took their data with them
	ActionConsent        Action = "consent.give"     // the person agreed to a text
	ActionMergeOffer     Action = "merge.offer"      // two users were found to be one person
	ActionMergeFrom      Action = "merge.from"       // the user became part of another
	ActionMergeInto      Action = "merge.into"       // another user became part of this one
	ActionUndoMerge      Action = "merge.undo"       // that was taken back
	ActionWithdraw       Action = "consent.withdraw" // the person withdrew
)

// Actor is an administrator who does something to somebody else's account; the zero Actor is nobody.
type Actor struct {
	Kind string // how they proved who they are: key or oidc
	Name string
}

// String is how the audit trail names them.
func (a Actor) String() string { return a.Kind + ":" + a.Name }

// event is one row of the audit trail to be. It holds no personal data.
type event struct {
	at      time.Time
	action  Action
	appID   string
	user    *uuid.UUID
	session *uuid.UUID
	revokes auditevent.Revokes // empty: nothing
	epoch   int64
	detail  map[string]string
	by      Actor  // the administrator who did it; zero: the person, or the server by its own rules
	reason  string // why the administrator did it
	first   bool   // not recorded; see [Event]
	step    AuthStep
}

// endsSession is the event that a session ended.
func endsSession(at time.Time, action Action, appID string, user, session uuid.UUID) event {
	return event{at: at, action: action, appID: appID, user: &user, session: &session, revokes: auditevent.RevokesSession}
}

// endsTokens is the event that all of a user's tokens up to an epoch ended.
func endsTokens(at time.Time, action Action, appID string, user uuid.UUID, epoch int64) event {
	return event{at: at, action: action, appID: appID, user: &user, revokes: auditevent.RevokesUser, epoch: epoch}
}

// record writes the events in the transaction that they tell of, in one statement.
func (s *Service) record(ctx context.Context, tx *ent.Tx, events []event) error {
	rows := make([]*ent.AuditEventCreate, len(events))
	for i, e := range events {
		row := tx.AuditEvent.Create().SetAt(e.at).SetAction(string(e.action)).SetAppID(e.appID).
			SetNillableUserID(e.user).SetNillableSessionID(e.session).SetEpoch(e.epoch)
		if e.revokes != "" {
			row.SetRevokes(e.revokes)
		}
		if e.by != (Actor{}) {
			row.SetActor(e.by.String()).SetReason(e.reason)
		}
		if e.detail != nil {
			row.SetDetail(e.detail)
		}
		rows[i] = row
	}
	if len(rows) == 0 {
		return nil
	}
	if err := tx.AuditEvent.CreateBulk(rows...).Exec(ctx); err != nil {
		return fmt.Errorf("record audit events: %w", err)
	}
	return nil
}

// publish has this replica refuse at once what the events revoke; the other replicas read the rows.
// The events have been committed.
func (s *Service) publish(events []event) {
	s.observe(events)
	for _, e := range events {
		switch e.revokes {
		case auditevent.RevokesSession:
			s.Revocations.EndSession(*e.session, e.at)
		case auditevent.RevokesUser:
			s.Revocations.EndUser(*e.user, e.epoch, e.at)
		}
	}
}
