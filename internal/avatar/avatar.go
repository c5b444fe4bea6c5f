// Package avatar owns a person's picture: what an upload is made into, and where that is kept.
//
// What people upload is not trusted and not kept. Its type is told from its content, its size from its
// header before any of it is decoded, and what is kept is a small picture made anew: nothing of the
// upload but what can be seen survives, neither the place where a photograph was taken nor a script
// that hides behind the pixels.
//
// A picture is named by a key that cannot be guessed, and never changes under its key. Who may upload
// and whose picture it becomes is decided elsewhere.
package avatar

import (
	"bytes"
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNotFound means that there is no picture under a key.
var ErrNotFound = errors.New("no such picture")

// Store keeps pictures by their keys. Its methods may be called at the same time; a key that is none
// (see [IsKey]) is an error. What Put has confirmed is there until Delete, whatever happens to the
// process.
type Store interface {
	// Put keeps a picture; a key is put once.
	Put(ctx context.Context, key string, picture []byte) error
	// Get returns the picture, or ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)
	// Delete removes the picture, and what a Put that did not end may have left of it. That there is none
	// is no error.
	Delete(ctx context.Context, key string) error
}

// keySize is 160 bits, which nobody guesses.
const keySize = 20

// keyText is in lower case, because some file systems take two cases for one name.
var keyText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewKey makes the key of a new picture: 32 letters and digits.
func NewKey(random io.Reader) (string, error) {
	var key [keySize]byte
	if _, err := io.ReadFull(random, key[:]); err != nil {
		return "", fmt.Errorf("make avatar key: %w", err)
	}
	return keyText.EncodeToString(key[:]), nil
}

// IsKey tells whether text could be a key.
func IsKey(text string) bool {
	if len(text) != keyText.EncodedLen(keySize) {
		return false
	}
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

func checkKey(key string) error {
	if !IsKey(key) {
		return errors.New("not the key of an avatar")
	}
	return nil
}

// The beginnings of the two types that pictures are kept in.
var (
	jpegMagic = []byte("\xff\xd8\xff")
	pngMagic  = []byte("\x89PNG\r\n\x1a\n")
)

// MediaType is image/jpeg or image/png, the types that [Press.Make] makes, or empty for anything else.
func MediaType(picture []byte) string {
	switch {
	case bytes.HasPrefix(picture, jpegMagic):
		return "image/jpeg"
	case bytes.HasPrefix(picture, pngMagic):
		return "image/png"
	default:
		return ""
	}
}
