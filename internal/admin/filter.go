package admin

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/identity"
	"mpauth/ent/predicate"
	"mpauth/ent/user"
	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// UserFilter is what a list of people is narrowed to. What is nil does not narrow.
type UserFilter struct {
	ID            *uuid.UUID
	OpenID        *string
	UnionID       *string
	Phone         *string
	Nickname      *string
	AppID         *string
	Status        *UserStatus
	HasPhone      *bool
	CreatedFrom   *time.Time
	CreatedBefore *time.Time
}

// names lists what the filter narrows by, for the audit trail; the values are personal data.
func (f *UserFilter) names() string {
	if f == nil {
		return ""
	}
	var names []string
	for _, member := range []struct {
		name string
		set  bool
	}{
		{"id", f.ID != nil}, {"openId", f.OpenID != nil}, {"unionId", f.UnionID != nil}, {"phone", f.Phone != nil},
		{"nickname", f.Nickname != nil}, {"appId", f.AppID != nil}, {"status", f.Status != nil},
		{"hasPhone", f.HasPhone != nil}, {"createdFrom", f.CreatedFrom != nil}, {"createdBefore", f.CreatedBefore != nil},
	} {
		if member.set {
			names = append(names, member.name)
		}
	}
	return strings.Join(names, ",")
}

// narrowed are the conditions of a filter. Each of them is one that an index answers, or that few rows
// are left to be looked at for. Faults: BAD_INPUT.
func (s *Service) narrowed(ctx context.Context, f *UserFilter) (where []predicate.User, err error) {
	if f == nil {
		return nil, nil
	}
	add := func(p ...predicate.User) { where = append(where, p...) }
	if f.ID != nil {
		add(user.ID(*f.ID))
	}
	if f.CreatedFrom != nil {
		add(user.CreatedAtGTE(*f.CreatedFrom))
	}
	if f.CreatedBefore != nil {
		add(user.CreatedAtLT(*f.CreatedBefore))
	}
	if f.HasPhone != nil && *f.HasPhone {
		add(user.PhoneIndexNotNil())
	} else if f.HasPhone != nil {
		add(user.PhoneIndexIsNil())
	}
	if f.Status != nil {
		add(withStatus(*f.Status, s.now()))
	}
	for _, text := range []struct {
		value  *string
		narrow func(context.Context, string, *UserFilter) (predicate.User, error)
	}{
		{f.Nickname, s.withNickname}, {f.AppID, s.ofApp}, {f.Phone, s.withPhone}, {f.OpenID, s.withOpenID}, {f.UnionID, s.withUnionID},
	} {
		if text.value == nil {
			continue
		}
		p, err := text.narrow(ctx, *text.value, f)
		if err != nil {
			return nil, err
		}
		add(p)
	}
	return where, nil
}

// withStatus asks for the reason too: who is disabled has one, and the index of those is found by it.
func withStatus(status UserStatus, now time.Time) predicate.User {
	ended := user.And(user.DisabledUntilNotNil(), user.DisabledUntilLTE(now))
	disabled := user.And(user.DisabledReasonNotNil(), user.StatusEQ(user.StatusDisabled), user.Not(ended))
	switch status {
	case UserMerged:
		return user.MergedIntoNotNil()
	case UserDisabled:
		return user.And(user.MergedIntoIsNil(), disabled)
	case UserClosing:
		return user.And(user.MergedIntoIsNil(), user.ClosesAtNotNil(), user.Not(disabled))
	default:
		return user.And(user.MergedIntoIsNil(), user.ClosesAtIsNil(), user.Not(disabled))
	}
}

// maxText is how many bytes a text to look for may have.
const maxText = 256

// checkText refuses also what PostgreSQL keeps in no text.
func checkText(name, value string) error {
	if value == "" || len(value) > maxText || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return fault.New(fault.BadInput,
			fmt.Sprintf("%s must have 1 to %d bytes of text in one line; leave it out to look for anything", name, maxText))
	}
	return nil
}

// beginsWith is the condition that a column begins with a text. It is a range, which an index answers
// also in a statement that was planned before the text was known. PostgreSQL has operators for it that
// compare bytes, whatever the language of the database.
func beginsWith(db, column, text string) func(*sql.Selector) {
	// The last code point is in no text that was cleaned: it is none that means anything.
	from, end := text, text+"\U0010ffff"
	return func(s *sql.Selector) {
		atLeast, below := " >= ", " < "
		if db == dialect.Postgres {
			atLeast, below = " ~>=~ ", " ~<~ "
		}
		s.Where(sql.P(func(b *sql.Builder) {
			b.Ident(s.C(column)).WriteString(atLeast).Arg(from).WriteString(" AND ").
				Ident(s.C(column)).WriteString(below).Arg(end)
		}))
	}
}

func (s *Service) withNickname(_ context.Context, text string, _ *UserFilter) (predicate.User, error) {
	if err := checkText("nickname", text); err != nil {
		return nil, err
	}
	key := account.NicknameKey(text)
	if key == "" {
		return nil, fault.New(fault.BadInput, "nickname has nothing in it that can be seen")
	}
	return beginsWith(s.DB.Dialect, user.FieldNicknameKey, key), nil
}

// ofApp goes by the group where the app has it for itself, because that needs no other table.
func (s *Service) ofApp(ctx context.Context, appID string, _ *UserFilter) (predicate.User, error) {
	app, err := s.Account.Apps.Find(&appID)
	if err != nil {
		return nil, err
	}
	inGroup := user.AppGroup(app.Group())
	for _, other := range s.Account.Apps.All() {
		if other.AppID != appID && other.Group() == app.Group() {
			known, err := s.knownTo(ctx, appID)
			return user.And(inGroup, known), err
		}
	}
	return inGroup, nil
}

// knownTo is the condition that an app of a shared group knows the person. When it knows few, those are
// named; when it knows many, each person of the list is asked about, and soon enough have been found.
// The limit in the question keeps PostgreSQL from reading all identities instead.
func (s *Service) knownTo(ctx context.Context, appID string) (predicate.User, error) {
	rows, err := s.DB.Ent().Identity.Query().Where(identity.AppID(appID)).
		Order(identity.ByAppID(), identity.ByOpenID()).Select(identity.FieldUserID).Limit(maxIdentities + 1).All(ctx)
	if err != nil {
		return nil, outward(fmt.Errorf("find the people of an app: %w", err))
	}
	if len(rows) <= maxIdentities {
		return user.IDIn(owners(rows)...), nil
	}
	return func(s *sql.Selector) {
		s.Where(sql.P(func(b *sql.Builder) {
			b.WriteString("(SELECT 1 FROM identities AS i WHERE i.user_id = ").Ident(s.C(user.FieldID)).
				WriteString(" AND i.app_id = ").Arg(appID).WriteString(" LIMIT 1) IS NOT NULL")
		}))
	}, nil
}

// withPhone looks in the groups of all apps that are served, or of the one that is asked for.
func (s *Service) withPhone(_ context.Context, text string, f *UserFilter) (predicate.User, error) {
	phone, err := account.TypedPhone(text)
	if err != nil {
		return nil, fault.New(fault.BadInput, "phone is a number in full, for example +8613800000000 or 13800000000")
	}
	apps := s.Account.Apps.All()
	if f.AppID != nil {
		app, err := s.Account.Apps.Find(f.AppID)
		if err != nil {
			return nil, err
		}
		apps = []account.App{app}
	}
	return s.Account.HasPhone(phone, apps...), nil
}

func (s *Service) withOpenID(ctx context.Context, text string, _ *UserFilter) (predicate.User, error) {
	if err := checkText("openId", text); err != nil {
		return nil, err
	}
	return s.withIdentity(ctx, identity.OpenID(text))
}

func (s *Service) withUnionID(ctx context.Context, text string, _ *UserFilter) (predicate.User, error) {
	if err := checkText("unionId", text); err != nil {
		return nil, err
	}
	return s.withIdentity(ctx, identity.UnionID(text))
}

// maxIdentities is how many people are named in a statement at most; more than the apps that know one
// person, who may be a user of each.
const maxIdentities = 1000

// withIdentity looks the identity up first: told both at once, a database may begin with the people.
func (s *Service) withIdentity(ctx context.Context, which predicate.Identity) (predicate.User, error) {
	rows, err := s.DB.Ent().Identity.Query().Where(which).Select(identity.FieldUserID).Limit(maxIdentities).All(ctx)
	if err != nil {
		return nil, outward(fmt.Errorf("find identity: %w", err))
	}
	return user.IDIn(owners(rows)...), nil
}

// owners are the people whose identities the rows are.
func owners(rows []*ent.Identity) []uuid.UUID {
	people := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		people[i] = row.UserID
	}
	return people
}
