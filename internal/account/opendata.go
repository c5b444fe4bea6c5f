package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/ciphertextuse"
	"mpauth/ent/decryptfailure"
	"mpauth/ent/identity"
	"mpauth/ent/predicate"
	"mpauth/ent/user"
	"mpauth/internal/fault"
	"mpauth/internal/wechat"
)

// How many pieces of encrypted data may fail to decrypt before the session keys are dropped. Forging
// one block of a phone number takes some two thousand tries.
const (
	sessionFailures       = 5
	sessionFailureWindow  = 10 * time.Minute
	personFailures        = 20
	personFailureWindow   = 24 * time.Hour
	ciphertextUseLife     = 24 * time.Hour
	resetSessionKeyWithin = 5 * time.Second
)

// undecryptable is the one answer to encrypted data that cannot be used. Whatever the cause, the
// answer is the same to the byte: a caller who could tell a bad padding from a bad watermark could
// forge any phone number without the key. Why it was is told to the observer alone.
func (s *Service) undecryptable(app App, why string, cause error) error {
	s.observe([]event{{action: ActionRefuseData, appID: app.AppID, detail: map[string]string{"by": why}}})
	return fault.Wrap(fault.DecryptWxOpenDataFail, "the encrypted data cannot be used: log in again, then ask the person to tap again", cause)
}

const failureCounts = `,
       (SELECT COUNT(*) FROM decrypt_failures f WHERE f.session_id = s.id AND f.at > $2),
       (SELECT COUNT(*) FROM decrypt_failures f WHERE f.user_id = u.id AND f.at > $3)`

// openDataMember is the member who sends encrypted data, if the app takes any and the member's
// failure budget is not spent.
func (s *Service) openDataMember(ctx context.Context, caller Caller) (*member, error) {
	now := s.now()
	var ofSession, ofPerson int
	m, err := s.queryMember(ctx, s.DB.Ent(), memberColumns+failureCounts+memberTables+"s.id = $1 AND s.user_id = $4",
		[]any{caller.SessionID, now.Add(-sessionFailureWindow), now.Add(-personFailureWindow), caller.UserID}, &ofSession, &ofPerson)
	switch {
	case err != nil:
		return nil, outward(err)
	case m == nil:
		return nil, sessionEnded()
	case !m.App.EncryptedData:
		return nil, s.undecryptable(m.App, "off", fmt.Errorf("encrypted data is switched off for app %s", m.App.AppID))
	case ofSession >= sessionFailures || ofPerson >= personFailures:
		return nil, s.undecryptable(m.App, "budget", fmt.Errorf("the failure budget of user %s is spent", m.User.ID))
	}
	return m, nil
}

// decrypt opens encrypted data with the session keys of the member and counts a failure. All keys
// are always tried; when none fits, what the cache said is not believed, and the keys in the
// database are tried once more.
func decrypt[T any](ctx context.Context, s *Service, m *member, open func(key string) (T, error)) (T, error) {
	var none T
	keys, err := s.SessionKeys.Keys(ctx, m.IdentityID, m.KeyPrint)
	if err != nil {
		return none, outward(err)
	}
	value, failure := openWithAny(keys, open)
	if failure == nil {
		return value, nil
	}
	keys, err = s.SessionKeys.Reload(ctx, m.IdentityID)
	if err != nil {
		return none, outward(err)
	}
	if value, failure = openWithAny(keys, open); failure == nil {
		return value, nil
	}
	if err := s.countFailure(ctx, m, keys); err != nil {
		return none, err
	}
	return none, s.undecryptable(m.App, causeOf(failure, keys), failure)
}

// causeOf names the cause of a failure for [Event].
func causeOf(failure error, keys []string) string {
	if len(keys) == 0 {
		return "key"
	}
	return cmp.Or(wechat.DecryptReason(failure), "content")
}

// openWithAny tries all keys, also after one fitted, so that the time tells nothing.
func openWithAny[T any](keys []string, open func(key string) (T, error)) (value T, failure error) {
	failure = fmt.Errorf("no session key: %w", wechat.ErrDecrypt)
	for _, key := range keys {
		v, err := open(key)
		switch {
		case err == nil && failure != nil:
			value, failure = v, nil
		case failure != nil:
			failure = err
		}
	}
	return value, failure
}

// countFailure records a failure. The one that spends the budget drops the session keys here, and
// best of all at WeChat too: whoever goes on needs a new silentLogin.
func (s *Service) countFailure(ctx context.Context, m *member, keys []string) error {
	spent := false
	err := s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		if err := s.lockIdentities(ctx, tx, m.User.ID); err != nil { // before the user, as everybody does
			return nil, err
		}
		// Changes nothing, and has the failures of one person count one after the other: of several at
		// the same time none would see the others, and none that the budget is spent.
		err := tx.User.Update().Where(user.ID(m.User.ID)).AddEpoch(0).Exec(ctx)
		if err != nil {
			return nil, fmt.Errorf("lock user: %w", err)
		}
		err = tx.DecryptFailure.Create().SetUserID(m.User.ID).SetSessionID(m.SessionID).SetAt(s.now()).Exec(ctx)
		if err != nil {
			return nil, fmt.Errorf("record failed decryption: %w", err)
		}
		spent, err = s.budgetSpent(ctx, tx, m)
		if err != nil || !spent {
			return nil, err
		}
		return []event{{at: s.now(), action: ActionDropKeys, appID: m.App.AppID, user: &m.User.ID, session: &m.SessionID}},
			s.dropKeys(ctx, tx, identity.ID(m.IdentityID))
	})
	if err != nil || !spent {
		return err
	}
	s.SessionKeys.Forget(m.IdentityID)
	if len(keys) > 0 {
		s.resetAtWeChat(ctx, m, keys[0])
	}
	return nil
}

// budgetSpent tells whether the member's data failed to decrypt too often, and lately.
func (s *Service) budgetSpent(ctx context.Context, tx *ent.Tx, m *member) (bool, error) {
	now := s.now()
	lately, err := tx.DecryptFailure.Query().
		Where(decryptfailure.UserID(m.User.ID), decryptfailure.AtGT(now.Add(-personFailureWindow))).All(ctx)
	if err != nil {
		return false, fmt.Errorf("count failed decryptions: %w", err)
	}
	ofSession := 0
	for _, failure := range lately {
		if failure.SessionID == m.SessionID && failure.At.After(now.Add(-sessionFailureWindow)) {
			ofSession++
		}
	}
	return ofSession >= sessionFailures || len(lately) >= personFailures, nil
}

// resetAtWeChat has WeChat replace a key that may be under attack, without making anybody wait.
func (s *Service) resetAtWeChat(ctx context.Context, m *member, key string) {
	s.background.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resetSessionKeyWithin)
		defer cancel()
		if _, err := s.WeChat.ResetUserSessionKey(ctx, m.App.AppID, m.OpenID, key); err != nil {
			s.Log.WarnContext(ctx, "WeChat did not reset a session key that may be under attack", "user", m.User.ID, "error", err)
		}
	})
}

// dropKeys erases the session keys of the identities that the conditions name.
func (s *Service) dropKeys(ctx context.Context, tx *ent.Tx, which ...predicate.Identity) error {
	err := tx.Identity.Update().Where(which...).
		ClearSessionKey().ClearSessionKeyPrint().ClearSessionKeyAt().ClearPreviousKey().ClearPreviousKeyUntil().
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("drop session keys: %w", err)
	}
	return nil
}

const markUse = `
INSERT INTO ciphertext_uses (id, user_id, kind, withdrawn, expires_at) VALUES ($1, $2, $3, FALSE, $4)
ON CONFLICT (id) DO NOTHING`

// useOnce marks encrypted data as used. It returns false for data that this person has used before,
// which changes nothing again; data of somebody else, or of which the person took back what it gave,
// is refused like data that does not decrypt.
func (s *Service) useOnce(ctx context.Context, tx *ent.Tx, m *member, kind ciphertextuse.Kind, e wechat.Encrypted) (first bool, err error) {
	hash := digest("open data", m.App.AppID, e.IV, e.Data)
	marked, err := tx.ExecContext(ctx, markUse, hash, m.User.ID, string(kind), s.now().Add(ciphertextUseLife))
	if err != nil {
		return false, fmt.Errorf("mark encrypted data as used: %w", err)
	}
	if n, err := marked.RowsAffected(); err != nil || n == 1 {
		return n == 1, err
	}
	before, err := tx.CiphertextUse.Get(ctx, hash)
	if err != nil {
		return false, fmt.Errorf("read the use of encrypted data: %w", err)
	}
	if before.UserID != m.User.ID || before.Kind != kind || before.Withdrawn {
		return false, s.undecryptable(m.App, "used", errors.New("the data has been used"))
	}
	return false, nil
}

// withdraw makes the encrypted data that gave something worthless when the person takes it back.
func (s *Service) withdraw(ctx context.Context, tx *ent.Tx, person uuid.UUID, kind ciphertextuse.Kind) error {
	err := tx.CiphertextUse.Update().
		Where(ciphertextuse.UserID(person), ciphertextuse.KindEQ(kind)).SetWithdrawn(true).Exec(ctx)
	if err != nil {
		return fmt.Errorf("withdraw encrypted data: %w", err)
	}
	return nil
}
