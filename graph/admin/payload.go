package admin

import (
	"github.com/google/uuid"

	"mpauth/graph/admin/model"
	"mpauth/internal/adminauth"
	"mpauth/internal/fault"
)

// created is the answer to a new key.
func created(key *adminauth.Key, secret adminauth.Secret, err error) (*model.CreateAdminKeyPayload, error) {
	if err != nil {
		return nil, err
	}
	return &model.CreateAdminKeyPayload{Key: key, Secret: secret.Reveal()}, nil
}

// readID reads the id of what is asked for.
func readID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fault.New(fault.BadInput, "an id looks like 01234567-89ab-cdef-0123-456789abcdef")
	}
	return id, nil
}
