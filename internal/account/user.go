package account

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"mpauth/internal/fault"
)

// User is a person as they see themselves in one app.
type User struct {
	ID          uuid.UUID
	Nickname    *string
	AvatarURL   *string
	Phone       *Phone
	HasUnionID  bool
	CreatedAt   time.Time
	LastLoginAt time.Time

	flow Flow
}

// HasProfile tells whether the person has given a profile, which means: a nickname.
func (u *User) HasProfile() bool { return u.Nickname != nil }

// HasPhone tells whether the person has given a phone number.
func (u *User) HasPhone() bool { return u.Phone != nil }

// AuthStep is how far the person is in the flow of the app.
func (u *User) AuthStep() AuthStep { return u.flow.Step(u.facts()) }

// Missing lists the facts of the app's flow that the person has not given.
func (u *User) Missing() []AuthFact { return u.flow.Missing(u.facts()) }

func (u *User) facts() []AuthFact {
	var facts []AuthFact
	if u.HasProfile() {
		facts = append(facts, FactProfile)
	}
	if u.HasPhone() {
		facts = append(facts, FactPhone)
	}
	return facts
}

// Lacks is the [fault.AuthStepRequired] that stands between the person and something that asks for
// step and the facts of need, or nil when nothing does.
func (u *User) Lacks(step AuthStep, need []AuthFact) error {
	missing := u.flow.Missing(u.facts())
	asked := u.flow.UpTo(step)
	var lacking []string
	for _, fact := range missing {
		if slices.Contains(asked, fact) || slices.Contains(need, fact) {
			lacking = append(lacking, string(fact))
		}
	}
	for _, fact := range need { // a fact that the app's own flow never asks for
		if !slices.Contains(u.flow, fact) && !slices.Contains(u.facts(), fact) {
			lacking = append(lacking, string(fact))
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	refused := fault.New(fault.AuthStepRequired, "this needs more from the person than they have given")
	refused.Step = &fault.Step{Have: u.AuthStep().String(), Need: lacking, Next: lacking[0]}
	return refused
}

// Me is the person who asks.
func (s *Service) Me(ctx context.Context, caller Caller) (*User, error) {
	m, err := s.member(ctx, s.DB.Ent(), caller)
	if err != nil {
		return nil, outward(err)
	}
	return &m.User, nil
}

// MustAuth is the person who asks, if nothing is lacking; see [User.Lacks]. Without a step it is the
// facts that count, and without those it is the second step.
func (s *Service) MustAuth(ctx context.Context, caller Caller, step *AuthStep, need []AuthFact) (*User, error) {
	user, err := s.Me(ctx, caller)
	if err != nil {
		return nil, err
	}
	if err := user.Lacks(asked(step, need), need); err != nil {
		return nil, err
	}
	return user, nil
}

func asked(step *AuthStep, need []AuthFact) AuthStep {
	switch {
	case step != nil:
		return *step
	case len(need) > 0:
		return StepOne
	default:
		return StepTwo
	}
}

// withPhone opens the sealed number into the user.
func (s *Service) withPhone(u *User, sealed []byte) error {
	if sealed == nil {
		return nil
	}
	number, err := s.Phones.Open(sealed, phonePlace(u.ID))
	if err != nil {
		return fmt.Errorf("open the phone number of user %s: %w", u.ID, err)
	}
	phone, err := ParsePhone(string(number))
	if err != nil {
		return fmt.Errorf("the stored phone number of user %s: %w", u.ID, err)
	}
	u.Phone = &phone
	return nil
}
