package admin

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

// UserStatus is whether a person may log in.
type UserStatus string

// The statuses. One who is disabled and closing is disabled.
const (
	UserActive   UserStatus = "ACTIVE"
	UserDisabled UserStatus = "DISABLED"
	UserClosing  UserStatus = "CLOSING"
	UserMerged   UserStatus = "MERGED"
)

// UserStatusChange is whether to shut a person out.
type UserStatusChange string

// The changes.
const (
	LetIn   UserStatusChange = "ACTIVE"
	ShutOut UserStatusChange = "DISABLED"
)

// CountKind is what the statistics count.
type CountKind string

// The kinds.
const (
	CountLogin    CountKind = "LOGIN"
	CountRegister CountKind = "REGISTER"
	CountStep     CountKind = "STEP"
	CountFailure  CountKind = "FAILURE"
)

// ServerKey is a kind of key of the server.
type ServerKey string

// The kinds that can be rotated.
const (
	SigningKey ServerKey = "SIGNING"
	RefreshKey ServerKey = "REFRESH"
	SessionKey ServerKey = "SESSION"
	PhoneKey   ServerKey = "PHONE"
)

// MarshalGQL writes the status.
func (s UserStatus) MarshalGQL(w io.Writer) { writeName(w, s) }

// UnmarshalGQL reads a status.
func (s *UserStatus) UnmarshalGQL(v any) error {
	return readName(s, v, UserActive, UserDisabled, UserClosing, UserMerged)
}

// MarshalGQL writes the change.
func (c UserStatusChange) MarshalGQL(w io.Writer) { writeName(w, c) }

// UnmarshalGQL reads a change.
func (c *UserStatusChange) UnmarshalGQL(v any) error { return readName(c, v, LetIn, ShutOut) }

// MarshalGQL writes the kind.
func (k CountKind) MarshalGQL(w io.Writer) { writeName(w, k) }

// UnmarshalGQL reads a kind.
func (k *CountKind) UnmarshalGQL(v any) error {
	return readName(k, v, CountLogin, CountRegister, CountStep, CountFailure)
}

// MarshalGQL writes the kind.
func (k ServerKey) MarshalGQL(w io.Writer) { writeName(w, k) }

// UnmarshalGQL reads a kind.
func (k *ServerKey) UnmarshalGQL(v any) error {
	return readName(k, v, SigningKey, RefreshKey, SessionKey, PhoneKey)
}

func writeName[T ~string](w io.Writer, value T) {
	_, _ = io.WriteString(w, strconv.Quote(string(value)))
}

func readName[T ~string](to *T, v any, names ...T) error {
	name, _ := v.(string)
	if !slices.Contains(names, T(name)) {
		return fmt.Errorf("%q is not a %T", name, *to)
	}
	*to = T(name)
	return nil
}
