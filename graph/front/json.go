package front

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep variables may be nested.
const maxDepth = 20

// decodeStrictly reads one JSON object that means the same to everybody who reads it: UTF-8, no name
// twice, nothing behind it. encoding/json would let all of that pass. The errors quote nothing.
func decodeStrictly(body []byte, into any) error {
	if !utf8.Valid(body) {
		return errors.New("it is not UTF-8")
	}
	check := json.NewDecoder(bytes.NewReader(body))
	check.UseNumber()
	first, err := check.Token()
	if err != nil || first != json.Delim('{') {
		return errors.New("it is not a JSON object")
	}
	if err := checkObject(check, 1); err != nil {
		return err
	}
	if _, err := check.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	decode := json.NewDecoder(bytes.NewReader(body))
	decode.UseNumber()
	if err := decode.Decode(into); err != nil {
		return errors.New("a member is of the wrong type")
	}
	return nil
}

// checkObject reads to the end of an object.
func checkObject(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return errors.New("it is not JSON")
		}
		key := fmt.Sprint(name)
		if depth == 1 {
			key = strings.ToLower(key) // encoding/json takes these names in any case
		}
		if seen[key] {
			return errors.New("a name stands twice in one object")
		}
		seen[key] = true
		if err := checkValue(d, depth); err != nil {
			return err
		}
	}
	return closing(d)
}

// checkValue reads to the end of a value.
func checkValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	switch {
	case err != nil:
		return errors.New("it is not JSON")
	case depth > maxDepth:
		return errors.New("it is nested too deeply")
	case token == json.Delim('{'):
		return checkObject(d, depth+1)
	case token == json.Delim('['):
		for d.More() {
			if err := checkValue(d, depth+1); err != nil {
				return err
			}
		}
		return closing(d)
	}
	return nil
}

func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errors.New("it is not JSON")
	}
	return nil
}
