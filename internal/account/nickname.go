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
// What is clean stays as it is. Faults: BAD_INPUT, for what is too long to be a name.
func cleanNickname(text string) (string, error) {
	if !utf8.ValidString(text) || len(text) > 4*maxNicknameBytes {
		return "", fault.New(fault.BadInput, "the nickname is too long or not text")
	}
	name := strings.Join(strings.Fields(visible(norm.NFC.String(text))), " ")
	name = norm.NFC.String(name) // what stood between a letter and its mark may have gone
	if name == placeholder || !strings.ContainsFunc(name, isBody) {
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

// NicknameKey is what a nickname, or the beginning of one, is found by: the same in upper and in lower
// case. Of a name the key begins with the key of what the name begins with.
func NicknameKey(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(visible(norm.NFC.String(name))), " "))
}

const (
	zeroWidthJoiner   = '\u200d'
	variationSelector = '\ufe0f' // asks for the coloured form of an emoji
	keycap            = '\u20e3' // puts a key around the digit before it
)

// visible turns white space into spaces and drops what nobody sees, which can hide, reorder and
// imitate text. The two invisible characters that emoji are put together with stay where they do that.
func visible(text string) string {
	var b strings.Builder
	var last rune
	runes := []rune(text)
	for i, r := range runes {
		var next rune
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case r == zeroWidthJoiner && joins(last, next), r == variationSelector && colours(last, next):
		case isInvisible(r), unicode.IsMark(r) && (last == 0 || last == ' '): // the mark would land on what stands before the name
			continue
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// joins tells whether a joiner between the two makes one emoji of them.
func joins(last, next rune) bool {
	return (isEmoji(last) || last == variationSelector) && isEmoji(next)
}

// colours tells whether a selector between the two makes the first an emoji.
func colours(last, next rune) bool {
	return isEmoji(last) || next == keycap && strings.ContainsRune("0123456789#*", last)
}

// isEmoji tells what can be an emoji, or part of one: symbols, skin tones, and the few emoji that
// Unicode counts among letters, punctuation and mathematics.
func isEmoji(r rune) bool {
	return unicode.Is(unicode.So, r) && !isInvisible(r) || '\U0001f3fb' <= r && r <= '\U0001f3ff' || strings.ContainsRune("‼⁉ℹ↔〰", r)
}

// isInvisible tells what has no shape, or none that everybody sees the same.
func isInvisible(r rune) bool {
	return r == utf8.RuneError || r == '\u2800' || // the blank among the Braille patterns
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Variation_Selector,
			unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
}

// isBody tells what there is to see of a name by itself.
func isBody(r rune) bool { return r != ' ' && !unicode.IsMark(r) }

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
