package admin

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/predicate"
	"mpauth/ent/user"
	"mpauth/internal/account"
)

// User is a person, as administrators see them. What hangs on them is read when it is asked for; see
// [User.Identities].
type User struct {
	ID             uuid.UUID
	Status         UserStatus
	DisabledReason *string
	DisabledUntil  *time.Time
	ClosesAt       *time.Time
	MergedInto     *uuid.UUID
	Nickname       *string
	AvatarURL      *string
	Phone          *string // masked, or "unreadable"
	CreatedAt      time.Time

	page *page
}

// UserConnection is a page of people.
type UserConnection struct {
	Edges    []*UserEdge
	PageInfo *PageInfo
}

// UserEdge is a person with their place in the list.
type UserEdge struct {
	Cursor string
	Node   *User
}

// Users finds people, the newest first. The audit trail says by what was looked for, who was shown and
// why. Faults: BAD_INPUT, UNAVAILABLE.
func (s *Service) Users(
	ctx context.Context, by account.Actor, filter *UserFilter, first int, after *string, reason string,
) (*UserConnection, error) {
	reason, err := account.ReadReason(reason)
	if err != nil {
		return nil, err
	}
	if err := checkFirst(first); err != nil {
		return nil, err
	}
	where, err := s.narrowed(ctx, filter)
	if err != nil {
		return nil, err
	}
	if after != nil {
		place, err := readUserPlace(*after)
		if err != nil {
			return nil, err
		}
		where = append(where, olderThan(place))
	}
	rows, err := s.userQuery(where, first+1).All(ctx)
	if err != nil {
		return nil, outward(fmt.Errorf("find users: %w", err))
	}
	more := len(rows) > first
	rows = rows[:min(first, len(rows))]
	people := s.show(ctx, rows)
	if err := s.record(ctx, by, search(filter, people, reason)); err != nil {
		return nil, err
	}
	connection := &UserConnection{Edges: make([]*UserEdge, len(rows))}
	for i, row := range rows {
		connection.Edges[i] = &UserEdge{Cursor: userPlace{row.CreatedAt, row.ID}.String(), Node: people[i]}
	}
	connection.PageInfo = pageInfo(connection.Edges, func(e *UserEdge) string { return e.Cursor }, more, after)
	return connection, nil
}

// userQuery is the statement that finds people.
func (s *Service) userQuery(where []predicate.User, limit int) *ent.UserQuery {
	return s.DB.Ent().User.Query().Where(where...).
		Order(user.ByCreatedAt(sql.OrderDesc()), user.ByID(sql.OrderDesc())).Limit(limit)
}

// olderThan compares both columns at once, so that an index leads to the place.
func olderThan(p userPlace) predicate.User {
	return func(s *sql.Selector) {
		s.Where(sql.CompositeLT([]string{s.C(user.FieldCreatedAt), s.C(user.FieldID)}, p.at, p.id))
	}
}

// search is what the audit trail says of a search. Whoever has to tell whose data was seen finds the ids.
func search(filter *UserFilter, people []*User, reason string) deed {
	ids := make([]string, len(people))
	for i, u := range people {
		ids[i] = u.ID.String()
	}
	d := deed{action: actionSearch, reason: reason, detail: map[string]string{
		"by": filter.names(), "found": strconv.Itoa(len(people)), "users": strings.Join(ids, ","),
	}}
	if len(people) == 1 {
		d.user = &people[0].ID
	}
	return d
}

// User is one person, nil when there is none. The audit trail says who was shown and why.
// Faults: BAD_INPUT, UNAVAILABLE.
func (s *Service) User(ctx context.Context, by account.Actor, id uuid.UUID, reason string) (*User, error) {
	reason, err := account.ReadReason(reason)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Ent().User.Query().Where(user.ID(id)).All(ctx)
	if err != nil {
		return nil, outward(fmt.Errorf("read user: %w", err))
	}
	people := s.show(ctx, rows)
	if err := s.record(ctx, by, deed{action: actionReadUser, user: &id, reason: reason}); err != nil {
		return nil, err
	}
	if len(people) == 0 {
		return nil, nil //nolint:nilnil // that there is nobody is an answer
	}
	return people[0], nil
}

// PhoneNumber is a person's number in full, nil when they have none. The audit trail says why it was
// shown. Faults: BAD_INPUT, NOT_FOUND, UNAVAILABLE.
func (s *Service) PhoneNumber(ctx context.Context, by account.Actor, id uuid.UUID, reason string) (*string, error) {
	reason, err := account.ReadReason(reason)
	if err != nil {
		return nil, err
	}
	phone, err := s.Account.ReadPhone(ctx, by, id, reason)
	if err != nil || phone == nil {
		return nil, err
	}
	return &phone.Number, nil
}

// unreadable stands for a number that is there and cannot be read.
const unreadable = "unreadable"

// show makes rows into people who share a page. A number that cannot be read hides nobody: whoever it
// belongs to may be looked for because of that.
func (s *Service) show(ctx context.Context, rows []*ent.User) []*User {
	people := make([]*User, len(rows))
	shared := s.newPage(rows)
	for i, row := range rows {
		u := &User{
			ID: row.ID, Status: s.statusOf(row), ClosesAt: row.ClosesAt, MergedInto: row.MergedInto,
			Nickname: row.Nickname, AvatarURL: s.Account.PictureOf(row), CreatedAt: row.CreatedAt, page: shared,
		}
		if u.Status == UserDisabled {
			u.DisabledReason, u.DisabledUntil = row.DisabledReason, row.DisabledUntil
		}
		u.Phone = s.maskedPhone(ctx, row)
		people[i] = u
	}
	return people
}

func (s *Service) maskedPhone(ctx context.Context, row *ent.User) *string {
	phone, err := s.Account.PhoneOf(row)
	if err != nil {
		s.Log.ErrorContext(ctx, "a phone number cannot be read", "error", err)
		return new(unreadable)
	}
	if phone == nil {
		return nil
	}
	return new(phone.Masked())
}

// statusOf is what withStatus finds the row by.
func (s *Service) statusOf(row *ent.User) UserStatus {
	disabled := row.Status == user.StatusDisabled && (row.DisabledUntil == nil || row.DisabledUntil.After(s.now()))
	switch {
	case row.MergedInto != nil:
		return UserMerged
	case disabled:
		return UserDisabled
	case row.ClosesAt != nil:
		return UserClosing
	default:
		return UserActive
	}
}
