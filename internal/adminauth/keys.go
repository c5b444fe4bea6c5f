package adminauth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"entgo.io/ent/dialect/sql"

	"mpauth/ent"
	"mpauth/ent/adminkey"
	"mpauth/internal/account"
	"mpauth/internal/database"
	"mpauth/internal/fault"
)

// fresh is how long a row is believed. A key that is revoked elsewhere is refused here after that, and
// so within a second on every replica.
const fresh = 500 * time.Millisecond

const (
	maxName = 64
	maxDays = 366
)

// KeysOptions are what Keys need.
type KeysOptions struct {
	DB   *database.DB
	Now  func() time.Time
	Rand io.Reader
	Log  *slog.Logger
}

// Keys are the keys of administrators, as the table has them. It is safe for concurrent use.
type Keys struct {
	KeysOptions
	mu   sync.Mutex
	seen map[string]seen // by id; never more than the table has
}

// seen is a row as it was at a time.
type seen struct {
	row *ent.AdminKey
	at  time.Time
}

// NewKeys makes Keys.
func NewKeys(o KeysOptions) *Keys { return &Keys{KeysOptions: o, seen: map[string]seen{}} }

// Key is what is known of a key.
type Key struct {
	ID         string
	Name       string
	Roles      []Role
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt *time.Time // to the minute; nil: never
	RevokedAt  *time.Time // nil: it was not
}

func keyOf(row *ent.AdminKey) *Key {
	key := &Key{
		ID: row.ID, Name: row.Name, CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt, LastUsedAt: row.LastUsedAt, RevokedAt: row.RevokedAt,
	}
	for _, role := range row.Roles {
		key.Roles = append(key.Roles, Role(role))
	}
	return key
}

// NewKey is a key to make.
type NewKey struct {
	Name  string
	Roles []Role
	Days  int

	Reason string // for the audit trail
}

// Create makes a key, and returns what is known of it and the key itself, which nobody can read
// again. Faults: BAD_INPUT, FORBIDDEN for a role that the maker has not, UNAVAILABLE.
func (k *Keys) Create(ctx context.Context, by Administrator, key NewKey) (*Key, Secret, error) {
	if err := key.check(by); err != nil {
		return nil, Secret{}, err
	}
	reason, err := account.ReadReason(key.Reason)
	if err != nil {
		return nil, Secret{}, err
	}
	secret, err := NewSecret(k.Rand)
	if err != nil {
		return nil, Secret{}, err
	}
	names := namesOf(key.Roles)
	var row *ent.AdminKey
	err = k.inTx(ctx, func(tx *ent.Tx) (err error) {
		now := k.now()
		row, err = tx.AdminKey.Create().SetID(secret.id()).SetName(key.Name).SetHash(secret.hash()).SetRoles(names).
			SetCreatedAt(now).SetExpiresAt(now.AddDate(0, 0, key.Days)).Save(ctx)
		if ent.IsConstraintError(err) {
			return fault.New(fault.BadInput, "there is or was a key of this name, and the audit trail knows keys by their names; choose another")
		}
		if err != nil {
			return fmt.Errorf("store key: %w", err)
		}
		return k.record(ctx, tx, by.Actor, "admin.key.create", reason, row)
	})
	if err != nil {
		return nil, Secret{}, err
	}
	return keyOf(row), secret, nil
}

func (n NewKey) check(by Administrator) error {
	if length := utf8.RuneCountInString(n.Name); length < 1 || length > maxName || !utf8.ValidString(n.Name) ||
		strings.TrimSpace(n.Name) != n.Name || strings.ContainsFunc(n.Name, unicode.IsControl) {
		return fault.New(fault.BadInput, "a name has 1 to 64 characters on one line, and no space around it")
	}
	if n.Days < 1 || n.Days > maxDays {
		return fault.New(fault.BadInput, "a key lives for 1 to 366 days")
	}
	if len(n.Roles) == 0 {
		return fault.New(fault.BadInput, "a key needs at least one role")
	}
	for _, role := range n.Roles {
		if !by.Has(role) {
			return fault.New(fault.Forbidden, "a key cannot have a role that its maker has not: "+string(role))
		}
	}
	return nil
}

// Revoke ends a key before its time; one that has ended stays as it is.
// Faults: BAD_INPUT, NOT_FOUND, UNAVAILABLE.
func (k *Keys) Revoke(ctx context.Context, by account.Actor, id, reason string) (*Key, error) {
	reason, err := account.ReadReason(reason)
	if err != nil {
		return nil, err
	}
	if !isID(id) {
		return nil, noSuchKey()
	}
	var row *ent.AdminKey
	err = k.inTx(ctx, func(tx *ent.Tx) error {
		n, err := tx.AdminKey.Update().Where(adminkey.ID(id), adminkey.RevokedAtIsNil()).SetRevokedAt(k.now()).Save(ctx)
		if err != nil {
			return fmt.Errorf("revoke key: %w", err)
		}
		row, err = tx.AdminKey.Get(ctx, id)
		if ent.IsNotFound(err) {
			return noSuchKey()
		}
		if err != nil || n == 0 {
			return err
		}
		return k.record(ctx, tx, by, "admin.key.revoke", reason, row)
	})
	if err != nil {
		return nil, err
	}
	k.remember(row, time.Time{}) // which is never fresh
	return keyOf(row), nil
}

func noSuchKey() error { return fault.New(fault.NotFound, "there is no such key") }

// List is every key there is or was, the newest first. Faults: UNAVAILABLE.
func (k *Keys) List(ctx context.Context) ([]*Key, error) {
	rows, err := k.DB.Ent().AdminKey.Query().Order(adminkey.ByCreatedAt(sql.OrderDesc()), adminkey.ByID()).All(ctx)
	if err != nil {
		return nil, outward(fmt.Errorf("list keys: %w", err))
	}
	keys := make([]*Key, len(rows))
	for i, row := range rows {
		keys[i] = keyOf(row)
	}
	return keys, nil
}

// record writes what was done to a key into the audit trail.
func (k *Keys) record(ctx context.Context, tx *ent.Tx, by account.Actor, action, reason string, row *ent.AdminKey) error {
	detail := map[string]string{"key": row.ID, "name": row.Name, "roles": strings.Join(row.Roles, ",")}
	err := tx.AuditEvent.Create().SetAt(k.now()).SetAction(action).SetAppID("").SetActor(by.String()).SetReason(reason).
		SetDetail(detail).Exec(ctx)
	if err != nil {
		return fmt.Errorf("record audit event: %w", err)
	}
	return nil
}

// find is the administrator whose key it is.
func (k *Keys) find(ctx context.Context, raw string) (Administrator, error) {
	secret, ok := parse(raw)
	if !ok {
		return Administrator{}, refused("a key of the wrong form")
	}
	row, err := k.row(ctx, secret.id())
	if ent.IsNotFound(err) {
		row, err = &ent.AdminKey{Hash: make([]byte, 32)}, nil // compared all the same, so that it takes as long
	}
	if err != nil {
		return Administrator{}, outward(fmt.Errorf("look for key: %w", err))
	}
	now := k.now()
	switch {
	case !secret.is(row.Hash):
		return Administrator{}, refused("a key that was never made")
	case row.RevokedAt != nil:
		return Administrator{}, refused("a key that was revoked: " + row.ID)
	case !now.Before(row.ExpiresAt):
		return Administrator{}, refused("a key whose time is over: " + row.ID)
	}
	k.noteUse(ctx, row, now)
	return Administrator{account.Actor{Kind: "key", Name: row.Name}, keyOf(row).Roles}, nil
}

// row is a key's row, not older than fresh.
func (k *Keys) row(ctx context.Context, id string) (*ent.AdminKey, error) {
	now := k.Now()
	k.mu.Lock()
	known, ok := k.seen[id]
	k.mu.Unlock()
	if age := now.Sub(known.at); ok && age >= 0 && age < fresh {
		return known.row, nil
	}
	row, err := k.DB.Ent().AdminKey.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	k.remember(row, now) // as of before it was read
	return row, nil
}

func (k *Keys) remember(row *ent.AdminKey, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen[row.ID] = seen{row, at}
}

// remembers tells whether a key was good when it was last looked up, however long ago.
func (k *Keys) remembers(raw string) bool {
	secret, ok := parse(raw)
	if !ok {
		return false
	}
	k.mu.Lock()
	known, ok := k.seen[secret.id()]
	k.mu.Unlock()
	return ok && secret.is(known.row.Hash)
}

// noteUse stores in which minute a key was used. That it cannot be stored is no reason to refuse.
func (k *Keys) noteUse(ctx context.Context, row *ent.AdminKey, now time.Time) {
	minute := now.Truncate(time.Minute)
	if row.LastUsedAt != nil && !row.LastUsedAt.Before(minute) {
		return
	}
	earlier := adminkey.Or(adminkey.LastUsedAtIsNil(), adminkey.LastUsedAtLT(minute))
	if err := k.DB.Ent().AdminKey.Update().Where(adminkey.ID(row.ID), earlier).SetLastUsedAt(minute).Exec(ctx); err != nil {
		k.Log.WarnContext(ctx, "the use of an administrator's key was not noted", "error", err)
		return
	}
	used := *row
	used.LastUsedAt = &minute
	k.mu.Lock()
	defer k.mu.Unlock()
	if known := k.seen[row.ID]; known.row == row {
		k.seen[row.ID] = seen{&used, known.at}
	}
}

// now is the current time as both databases can keep it.
func (k *Keys) now() time.Time { return k.Now().UTC().Truncate(time.Microsecond) }

func (k *Keys) inTx(ctx context.Context, do func(tx *ent.Tx) error) error {
	tx, err := k.DB.Ent().Tx(ctx)
	if err != nil {
		return outward(fmt.Errorf("begin: %w", err))
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error is the one to tell
		return outward(err)
	}
	if err := tx.Commit(); err != nil {
		return outward(fmt.Errorf("commit: %w", err))
	}
	return nil
}

// outward gives a failure of the database the code that its caller may see.
func outward(err error) error {
	if database.IsUnavailable(err) || database.IsRetryable(err) {
		return fault.Wrap(fault.Unavailable, "the database does not answer; try again", err)
	}
	return err
}

func namesOf(roles []Role) []string {
	var names []string
	for _, role := range roles {
		if !slices.Contains(names, string(role)) {
			names = append(names, string(role))
		}
	}
	return names
}
