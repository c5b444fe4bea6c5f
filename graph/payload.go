package graph

import (
	"time"

	"github.com/google/uuid"

	"mpauth/graph/model"
	"mpauth/internal/account"
)

// changed is the answer to a change of the user.
func changed(user *account.User, err error) (*model.UserPayload, error) {
	if err != nil {
		return nil, err
	}
	return &model.UserPayload{User: user}, nil
}

// loggedOut is the answer to the end of sessions.
func loggedOut(err error) (*model.LogoutPayload, error) {
	if err != nil {
		return nil, err
	}
	return &model.LogoutPayload{Ok: true}, nil
}

// closes is the answer to the wish to close an account.
func closes(at time.Time, err error) (*model.ClosingPayload, error) {
	if err != nil {
		return nil, err
	}
	return &model.ClosingPayload{ClosesAt: at}, nil
}

// decided is the answer to a decision about a text.
func decided(ledger []*account.Consent, err error) (*model.ConsentPayload, error) {
	if err != nil {
		return nil, err
	}
	return &model.ConsentPayload{Consents: ledger}, nil
}

// scopeOf is which sessions a logout ends; without an input, this one.
func scopeOf(input *model.LogoutInput) account.LogoutScope {
	if input == nil {
		return account.LogoutThis
	}
	return input.Scope
}

// rowID reads the id of a session or an offer. A text that is no id names one that is not there.
func rowID(text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil
	}
	return id
}
