package admin

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"mpauth/internal/fault"
)

// PageInfo is where a page of a list begins and ends.
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// A cursor is the place of an entry in its list: by time, and by id among those of the same time. It is
// not the entry, so it stays good when that is gone. The first byte tells the lists apart.
const (
	cursorOfUsers  = 'u'
	cursorOfEvents = 'e'
)

func writeCursor(list byte, at time.Time, id []byte) string {
	raw := binary.BigEndian.AppendUint64([]byte{list}, uint64(at.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(raw, id...))
}

func readCursor(list byte, text string, idSize int) (at time.Time, id []byte, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err == nil && len(raw) == 1+8+idSize && raw[0] == list {
		at = time.UnixMicro(int64(binary.BigEndian.Uint64(raw[1:]))).UTC()
		if at.Year() >= 1 && at.Year() <= 9999 { // which both databases can compare with
			return at, raw[9:], nil
		}
	}
	return at, nil, fault.New(fault.BadInput, "after is a cursor that this list has given")
}

// userPlace is a place in the list of people.
type userPlace struct {
	at time.Time
	id uuid.UUID
}

func (p userPlace) String() string { return writeCursor(cursorOfUsers, p.at, p.id[:]) }

func readUserPlace(text string) (userPlace, error) {
	at, id, err := readCursor(cursorOfUsers, text, len(uuid.UUID{}))
	if err != nil {
		return userPlace{}, err
	}
	return userPlace{at: at, id: uuid.UUID(id)}, nil
}

// eventPlace is a place in the audit trail.
type eventPlace struct {
	at time.Time
	id int64
}

func (p eventPlace) String() string {
	return writeCursor(cursorOfEvents, p.at, binary.BigEndian.AppendUint64(nil, uint64(p.id)))
}

func readEventPlace(text string) (eventPlace, error) {
	at, id, err := readCursor(cursorOfEvents, text, 8)
	if err != nil {
		return eventPlace{}, err
	}
	return eventPlace{at: at, id: int64(binary.BigEndian.Uint64(id))}, nil
}

// pageInfo is about a page of a list that was read with one entry more than the page holds.
func pageInfo[E any](edges []*E, cursor func(*E) string, more bool, after *string) *PageInfo {
	info := &PageInfo{HasNextPage: more, HasPreviousPage: after != nil}
	if len(edges) > 0 {
		info.StartCursor, info.EndCursor = new(cursor(edges[0])), new(cursor(edges[len(edges)-1]))
	}
	return info
}
