package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"

	"mpauth/internal/fault"
)

const (
	maxNicknameGraphemes = 32  // what a person counts
	maxNicknameRunes     = 64  // what a font must draw
	maxNicknameBytes     = 256 // what a row must hold
	maxMarks             = 4   // marks on one letter; more is noise that covers the lines around it

	// placeholder is the nickname that WeChat gives everybody since it stopped telling the real one
	// (WeChat's announcement on getUserProfile, 2022-10-25).
	placeholder = "微信用户"
)

// cleanNickname is the text as it is stored and shown: composed, without white space at the ends or
// in a row, without control and invisible characters. Empty means that the person has given none.
// Faults: BAD_INPUT, for what is too long to be a name.
func cleanNickname(text string) (string, error) {
	if !utf8.ValidString(text) || len(text) > 4*maxNicknameBytes {
		return "", fault.New(fault.BadInput, "the nickname is too long or not text")
	}
	name := strings.Join(strings.Fields(visible(norm.NFC.String(text))), " ")
	if name == placeholder || !legible(name) {
		return "", nil
	}
	switch {
	case len(name) > maxNicknameBytes || utf8.RuneCountInString(name) > maxNicknameRunes,
		uniseg.GraphemeClusterCount(name) > maxNicknameGraphemes:
		return "", fault.New(fault.BadInput, "the nickname is longer than 32 characters")
	case crowded(name):
		return "", fault.New(fault.BadInput, "the nickname has too many marks on one letter")
	}
	return name, nil
}

const (
	zeroWidthJoiner   = '\u200d'
	variationSelector = '\ufe0f' // asks for the coloured form of an emoji
)

// visible drops control and format characters, which can hide or reorder text. The two that emoji
// are put together with stay, after something they can join.
func visible(text string) string {
	var b strings.Builder
	var last rune
	for _, r := range text {
		joins := (r == zeroWidthJoiner || r == variationSelector) && (isSymbol(last) || last == variationSelector)
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Variation_Selector) && !joins:
			continue
		case unusual(r):
			continue
		}
		b.WriteRune(r)
		last = r
	}
	return strings.TrimRight(b.String(), string(zeroWidthJoiner))
}

// isSymbol tells what an emoji can be made of.
func isSymbol(r rune) bool {
	return unicode.In(r, unicode.So, unicode.Sk, unicode.Sm) || r == '#' || r == '*' || unicode.IsDigit(r)
}

// unusual tells the letters that have no shape: fillers.
func unusual(r rune) bool {
	return r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0' || r == '\u2800' || r == utf8.RuneError
}

// legible tells whether there is anything to see.
func legible(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.IsMark(r) }) >= 0
}

// crowded tells whether one letter carries a heap of marks.
func crowded(name string) bool {
	marks := 0
	for _, r := range name {
		if !unicode.IsMark(r) {
			marks = 0
			continue
		}
		if marks++; marks > maxMarks {
			return true
		}
	}
	return false
}
