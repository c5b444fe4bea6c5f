package e2e_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// search returns the names of the values that stand in text: as they are, in hexadecimal, in base64,
// or, for a value that is base64 itself, as the bytes that it encodes.
func search(text string, values map[string]string) (found []string) {
	low := strings.ToLower(text)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		forms := []string{value, base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value))}
		if raw, err := base64.StdEncoding.DecodeString(value); err == nil && len(raw) >= 12 {
			forms = append(forms, string(raw))
		}
		seen := func(form string) bool {
			return strings.Contains(text, form) || strings.Contains(low, hex.EncodeToString([]byte(form)))
		}
		if slices.ContainsFunc(forms, seen) {
			found = append(found, name)
		}
	}
	return found
}

// secretsOf lists the secret values of a key file by their place.
func secretsOf(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	found := map[string]string{}
	collect(tree, "key file", found)
	if len(found) < 6 {
		return nil, errors.New("the key file has fewer secrets than kinds of keys")
	}
	return found, nil
}

func collect(node any, place string, into map[string]string) {
	switch typed := node.(type) {
	case map[string]any:
		for name, value := range typed {
			if secret, ok := value.(string); ok && (name == "seed" || name == "secret") {
				into[place+"."+name] = secret
			}
			collect(value, place+"."+name, into)
		}
	case []any:
		for i, value := range typed {
			collect(value, fmt.Sprintf("%s[%d]", place, i), into)
		}
	}
}
