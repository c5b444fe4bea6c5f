package database

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"
)

// timeText is how SQLite, which has no type for it, stores a time: in UTC and always equally long, so
// that the order of the texts is the order of the times.
const timeText = "2006-01-02 15:04:05.000000+00:00"

// timesAsText brings times to UTC and microseconds, as text.
func timesAsText(args []driver.NamedValue) []driver.NamedValue {
	args = utc(args)
	for i, arg := range args {
		if t, ok := arg.Value.(time.Time); ok {
			args[i].Value = t.Format(timeText) // in a copy: there was a time for utc to convert
		}
	}
	return args
}

// Time returns a destination for Scan that stores a time in dest, in UTC.
//
// Statements written by hand need it for times that are computed, such as max(at): SQLite does not
// say that such a value is a time, and hands out its text. It does no harm on a plain column.
func Time(dest *time.Time) sql.Scanner { return timeScanner{dest: dest} }

// NullTime is Time for a value that may be absent; dest then becomes nil.
func NullTime(dest **time.Time) sql.Scanner { return timeScanner{optional: dest} }

type timeScanner struct {
	dest     *time.Time
	optional **time.Time
}

func (s timeScanner) Scan(value any) error {
	if value == nil && s.optional != nil {
		*s.optional = nil
		return nil
	}
	t, err := toTime(value)
	if err != nil {
		return err
	}
	if s.optional != nil {
		*s.optional = &t
	} else {
		*s.dest = t
	}
	return nil
}

func toTime(value any) (time.Time, error) {
	switch v := value.(type) {
	case time.Time:
		return v.UTC(), nil
	case string:
		return time.Parse(timeText, v)
	default:
		return time.Time{}, fmt.Errorf("a time was expected, not a %T", value)
	}
}
