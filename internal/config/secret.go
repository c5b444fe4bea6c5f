package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// Secret is text that shows itself only to who asks by name: printed, logged or marshalled it is [redacted].
//
// The text stands behind a pointer, because fmt calls no methods on unexported fields: a struct that hides a Secret
// prints an address there, not the text. The zero Secret is no secret at all.
type Secret struct{ text *string }

// NewSecret wraps text. Empty text is the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsSet reports whether there is a text.
func (s Secret) IsSet() bool { return s.text != nil }

// String returns "[redacted]", or nothing when there is nothing to hide.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return "[redacted]"
}

// Format keeps every verb of fmt away from the text, %#v and %x included.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, and so covers JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// maxSecretFile is far above any AppSecret or database URL, and far below a file named by mistake.
const maxSecretFile = 4 << 10

// readSecretFile returns the one line that the file holds. Its errors name neither the path (somebody may have written
// the secret itself where the path belongs) nor anything of the content.
func readSecretFile(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Secret{}, withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return Secret{}, errors.New("it is not a regular file")
	}
	if info.Size() > maxSecretFile {
		return Secret{}, fmt.Errorf("it is larger than %d bytes", maxSecretFile)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return Secret{}, withoutPath(err)
	}
	text := strings.TrimRight(string(content), "\r\n")
	if text == "" {
		return Secret{}, errors.New("it is empty")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return Secret{}, errors.New("it holds more than one line of text")
	}
	return NewSecret(text), nil
}

func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// secretSetting returns the secret that is given either by its variable or by its file, name being the flag of the first.
func secretSetting(name string, direct Secret, file string, p *problems) (Secret, bool) {
	fileName := name + "-file"
	switch {
	case direct.IsSet() && file != "":
		p.add(variable(name), "is set, and "+variable(fileName)+" too", "keep one of them")
		return Secret{}, false
	case file == "":
		return direct, true
	}
	secret, err := readSecretFile(file)
	if err != nil {
		p.add(setting(fileName), fmt.Sprintf("cannot read %s: %v", shown(file), err), "name a readable file that holds the secret and nothing else")
		return Secret{}, false
	}
	return secret, true
}
