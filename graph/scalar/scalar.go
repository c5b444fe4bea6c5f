// Package scalar owns how the schema's own scalars are written and read.
package scalar

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// MarshalTime writes a time in RFC 3339, in UTC, with as many digits as the databases keep.
func MarshalTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, strconv.Quote(t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)))
	})
}

// UnmarshalTime reads a time in RFC 3339.
func UnmarshalTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, errors.New("a Time is a text in RFC 3339")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, errors.New("a Time is a text in RFC 3339")
	}
	return t, nil
}

// MarshalURL writes an address.
func MarshalURL(address string) graphql.Marshaler { return graphql.MarshalString(address) }

// UnmarshalURL reads an absolute https address.
func UnmarshalURL(v any) (string, error) {
	text, _ := v.(string)
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("a URL is an absolute https address")
	}
	return text, nil
}
