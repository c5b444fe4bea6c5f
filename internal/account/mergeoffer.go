package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/identity"
	"mpauth/ent/merge"
	"mpauth/ent/predicate"
	"mpauth/ent/session"
	"mpauth/ent/user"
	"mpauth/internal/database"
	"mpauth/internal/fault"
)

const (
	phoneOfferLife = 10 * time.Minute    // the tap that proved the number should not be long ago
	unionOfferLife = 30 * 24 * time.Hour // renewed by each login
	sweptMerges    = 100                 // that one sweep settles at most
)

// MergePreview is what making two users one would move, as the one of them who may do it sees it. The
// other is shown as little as lets a person know themselves again: a number can have a new owner.
type MergePreview struct {
	ID              uuid.UUID
	Cause           MergeCause
	ExpiresAt       time.Time
	KeepsNickname   *string
	KeepsPhone      *string
	MovesIdentities int
	MovesSessions   int
	Drops           []AuthFact
	CreatedAt       time.Time
}

// MergeCause is what proved that two users are one person.
type MergeCause string

// The causes.
const (
	MergePhone MergeCause = "PHONE" // WeChat proved a number for one that the other holds
	MergeUnion MergeCause = "UNION" // WeChat told the same unionid for both
)

// MarshalGQL writes the cause's name.
func (c MergeCause) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(c))) }

// UnmarshalGQL refuses: no field takes a cause.
func (c *MergeCause) UnmarshalGQL(v any) error { return fmt.Errorf("%v is not a MergeCause", v) }

// mayTake is who may take an offer: of a phone, who proved it; of a unionid, both.
func mayTake(person uuid.UUID) predicate.Merge {
	return merge.Or(merge.FromUser(person), merge.And(merge.IntoUser(person), merge.CauseEQ(merge.CauseUnion)))
}

// PreviewMerge shows what would move if the offer were taken. It changes nothing. Faults: NOT_FOUND.
func (s *Service) PreviewMerge(ctx context.Context, caller Caller, id uuid.UUID) (*MergePreview, error) {
	offer, err := s.findOffer(ctx, s.DB.Ent().Merge, caller.UserID, id)
	if err != nil {
		return nil, outward(err)
	}
	return s.preview(ctx, offer)
}

// MergeOffers are the offers that the caller may take.
func (s *Service) MergeOffers(ctx context.Context, caller Caller) ([]*MergePreview, error) {
	rows, err := s.DB.Ent().Merge.Query().
		Where(mayTake(caller.UserID), merge.StateEQ(merge.StateOffered), merge.UntilGT(s.now())).
		Order(merge.ByCreatedAt(sql.OrderDesc())).Limit(maxOffers).All(ctx)
	if err != nil {
		return nil, outward(fmt.Errorf("find offers: %w", err))
	}
	previews := []*MergePreview{}
	for _, row := range rows {
		preview, err := s.preview(ctx, row)
		if fault.CodeOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		previews = append(previews, preview)
	}
	return previews, nil
}

// maxOffers is more than a person can be offered in earnest.
const maxOffers = 10

func (s *Service) preview(ctx context.Context, offer *ent.Merge) (*MergePreview, error) {
	users, err := s.DB.Ent().User.Query().Where(user.IDIn(offer.FromUser, offer.IntoUser)).All(ctx)
	if err != nil {
		return nil, outward(fmt.Errorf("read both users: %w", err))
	}
	if len(users) < 2 {
		return nil, noSuchOffer()
	}
	from, into := users[0], users[1]
	if from.ID != offer.FromUser {
		from, into = into, from
	}
	if err := s.holds(ctx, s.DB.Ent(), &pair{offer, from, into}); err != nil {
		return nil, outward(err)
	}
	p := &MergePreview{ID: offer.ID, Cause: MergeCause(strings.ToUpper(string(offer.Cause))), ExpiresAt: offer.Until.UTC(), CreatedAt: into.CreatedAt.UTC(), Drops: []AuthFact{}}
	if into.Nickname != nil {
		p.KeepsNickname = new(veil(*into.Nickname))
		if from.Nickname != nil {
			p.Drops = append(p.Drops, FactProfile)
		}
	}
	if hasPhone(into) {
		phone, err := s.PhoneOf(into)
		if err != nil {
			return nil, err
		}
		p.KeepsPhone = new(phone.Masked())
		if hasPhone(from) {
			p.Drops = append(p.Drops, FactPhone)
		}
	}
	if p.MovesIdentities, err = s.DB.Ent().Identity.Query().Where(identity.UserID(from.ID)).Count(ctx); err != nil {
		return nil, outward(fmt.Errorf("count identities: %w", err))
	}
	if p.MovesSessions, err = s.DB.Ent().Session.Query().Where(session.UserID(from.ID)).Count(ctx); err != nil {
		return nil, outward(fmt.Errorf("count sessions: %w", err))
	}
	return p, nil
}

// veil shows the first character of a nickname.
func veil(name string) string {
	first, _ := utf8.DecodeRuneInString(name)
	return string(first) + "**"
}

// offerPhone turns the refusal of a proved number into an offer to become one with who holds it, where
// the app wants that. Without it, the refusal tells nothing about who that is.
func (s *Service) offerPhone(ctx context.Context, m *member, phone Phone, refused error) error {
	if !m.App.MergePhones || fault.CodeOf(refused) != fault.PhoneTaken {
		return refused
	}
	proof := s.phoneIndexOf(m.App, phone)
	var id uuid.UUID
	err := s.inTx(ctx, func(tx *ent.Tx) (_ []event, err error) {
		into, err := tx.User.Query().
			Where(user.AppGroup(m.App.Group()), user.PhoneIndex(proof), user.MergedIntoIsNil(), user.IDNEQ(m.User.ID)).OnlyID(ctx)
		if ent.IsNotFound(err) {
			return nil, refused
		}
		if err != nil {
			return nil, fmt.Errorf("find the holder of a number: %w", err)
		}
		var events []event
		id, events, err = s.offer(ctx, tx, m.App.AppID, offered{m.User.ID, into, merge.CausePhone, proof, phoneOfferLife})
		if err == nil && id == uuid.Nil {
			err = refused
		}
		return events, err
	})
	if err != nil {
		return errors.Join(refused, err)
	}
	return mergeable(id)
}

func mergeable(offer uuid.UUID) error {
	taken := fault.New(fault.PhoneTaken, "this number belongs to another account, which can be merged with this one")
	taken.MergeID = offer.String()
	return taken
}

// repeatOffer gives the repeat of a refused code the offer that the first answer named.
func (s *Service) repeatOffer(ctx context.Context, m *member, refused error) error {
	if !m.App.MergePhones || fault.CodeOf(refused) != fault.PhoneTaken {
		return refused
	}
	id, err := s.DB.Ent().Merge.Query().
		Where(merge.FromUser(m.User.ID), merge.CauseEQ(merge.CausePhone), merge.StateEQ(merge.StateOffered), merge.UntilGT(s.now())).
		Order(merge.ByUntil(sql.OrderDesc())).FirstID(ctx)
	if ent.IsNotFound(err) {
		return refused
	}
	if err != nil {
		return outward(fmt.Errorf("find offer: %w", err))
	}
	return mergeable(id)
}

// offered is two users who have just been found to be one person.
type offered struct {
	from, into uuid.UUID
	cause      merge.Cause
	proof      []byte
	life       time.Duration
}

// offer records an offer, or renews the one that is there. One that has just been taken is not: it is what
// undoes the merge. Then there is no offer, and its id is [uuid.Nil].
func (s *Service) offer(ctx context.Context, tx *ent.Tx, appID string, o offered) (uuid.UUID, []event, error) {
	now := s.now()
	between := []predicate.Merge{merge.FromUser(o.from), merge.IntoUser(o.into), merge.CauseEQ(o.cause)}
	known, err := tx.Merge.Query().Where(between...).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return uuid.Nil, nil, fmt.Errorf("find offer: %w", err)
	}
	if known != nil {
		renewed := tx.Merge.Update().Where(append(between, merge.StateNEQ(merge.StateDone))...).
			SetState(merge.StateOffered).SetUntil(now.Add(o.life))
		if o.proof != nil {
			renewed.SetProof(o.proof)
		}
		n, err := renewed.Save(ctx)
		if err != nil {
			return uuid.Nil, nil, fmt.Errorf("renew offer: %w", err)
		}
		if n == 0 {
			return uuid.Nil, nil, nil
		}
		return known.ID, nil, nil
	}
	id, err := s.newID()
	if err != nil {
		return uuid.Nil, nil, err
	}
	row := tx.Merge.Create().SetID(id).SetFromUser(o.from).SetIntoUser(o.into).SetCause(o.cause).
		SetCreatedAt(now).SetUntil(now.Add(o.life))
	if o.proof != nil {
		row.SetProof(o.proof)
	}
	if err := row.Exec(ctx); database.IsUnique(err) {
		return uuid.Nil, nil, errAgain
	} else if err != nil {
		return uuid.Nil, nil, fmt.Errorf("offer a merge: %w", err)
	}
	made := event{at: now, action: ActionMergeOffer, appID: appID, user: &o.from, detail: map[string]string{"merge": id.String(), "cause": string(o.cause)}}
	return id, []event{made}, nil
}

// lockUnion has logins of one unionid in one group of apps register one after the other, so that they
// cannot become two people.
func (s *Service) lockUnion(ctx context.Context, tx *ent.Tx, a arrival) error {
	if s.DB.Dialect == dialect.SQLite {
		return nil // where one transaction at a time writes anyway
	}
	rows, err := tx.QueryContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "union|"+a.app.Group()+"|"+a.who.UnionID)
	if err != nil {
		return fmt.Errorf("lock unionid: %w", err)
	}
	return rows.Close()
}

// knownByUnion is the user of the app's group for whom WeChat has told this unionid before, or nil. Only
// apps that are configured to share their users do.
func (s *Service) knownByUnion(ctx context.Context, tx *ent.Tx, a arrival) (*uuid.UUID, error) {
	if a.app.UserGroup == "" || a.who.UnionID == "" {
		return nil, nil
	}
	if err := s.lockUnion(ctx, tx, a); err != nil {
		return nil, err
	}
	ids, err := s.usersOfUnion(ctx, tx, a)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return &ids[0], s.holdUser(ctx, tx, ids[0])
}

// A foreign key takes the same lock, and does not mind that the row it waited for is a merged one.
const holdUser = `SELECT id FROM users WHERE id = $1 AND merged_into IS NULL FOR KEY SHARE`

// holdUser keeps a user from being merged or erased until tx ends. Who just has been is looked for anew.
func (s *Service) holdUser(ctx context.Context, tx *ent.Tx, person uuid.UUID) error {
	if s.DB.Dialect == dialect.SQLite {
		return nil
	}
	rows, err := tx.QueryContext(ctx, holdUser, person)
	if err != nil {
		return fmt.Errorf("hold user: %w", err)
	}
	defer rows.Close()
	if !rows.Next() && rows.Err() == nil {
		return errAgain
	}
	return rows.Err()
}

// usersOfUnion are the users of the app's group with this unionid, the oldest first.
func (s *Service) usersOfUnion(ctx context.Context, tx *ent.Tx, a arrival) ([]uuid.UUID, error) {
	ids, err := tx.User.Query().
		Where(user.AppGroup(a.app.Group()), user.HasIdentitiesWith(identity.UnionID(a.who.UnionID))).
		Order(user.ByCreatedAt(), user.ByID()).IDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("find users of a unionid: %w", err)
	}
	return ids, nil
}

// offerUnion offers a returning person to become one with the other user of their unionid, which has
// appeared only after both were there. The older one stays.
func (s *Service) offerUnion(ctx context.Context, tx *ent.Tx, a arrival) ([]event, error) {
	if a.app.UserGroup == "" || a.who.UnionID == "" {
		return nil, nil
	}
	ids, err := s.usersOfUnion(ctx, tx, a)
	if err != nil || len(ids) < 2 {
		return nil, err
	}
	_, events, err := s.offer(ctx, tx, a.app.AppID, offered{from: ids[1], into: ids[0], cause: merge.CauseUnion, life: unionOfferLife})
	return events, err
}

// sweepMerges settles the merges that can no longer be undone, and forgets offers that are over.
func (s *Service) sweepMerges(ctx context.Context) error {
	now := s.now()
	due, err := s.DB.Ent().Merge.Query().Where(merge.StateEQ(merge.StateDone), merge.UntilLTE(now)).Limit(sweptMerges).IDs(ctx)
	if err != nil {
		return fmt.Errorf("find merges to settle: %w", err)
	}
	for _, id := range due {
		if failed := s.settle(ctx, id); failed != nil {
			err = errors.Join(err, fmt.Errorf("settle a merge: %w", failed))
		}
	}
	if _, failed := s.DB.Ent().Merge.Delete().Where(merge.StateNEQ(merge.StateDone), merge.UntilLTE(now)).Exec(ctx); failed != nil {
		err = errors.Join(err, fmt.Errorf("forget offers: %w", failed))
	}
	return err
}
