package account

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"mpauth/internal/fault"
)

func TestCleanNickname(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, given, kept string }{
		// Names stay what they are.
		{"Chinese", "小鹿", "小鹿"},
		{"Latin with a space", "Ann Lee", "Ann Lee"},
		{"punctuation", "A.B-C_D'E!", "A.B-C_D'E!"},
		{"mark-up is text", "<b>Ann</b>", "<b>Ann</b>"},
		{"Hebrew", "דנה", "דנה"},
		{"Thai with vowel and tone", "น้ำ", "น้ำ"},
		{"composed", "Zoe\u0308", "Zo\u00eb"},
		{"Hangul, composed", "\u1100\u1161\u11a8", "각"},
		{"compatibility forms stay", "Ａｎｎ①", "Ａｎｎ①"},

		// Emoji stay whole.
		{"family", "👨\u200d👩\u200d👧\u200d👦", "👨\u200d👩\u200d👧\u200d👦"},
		{"skin tone", "👍🏽", "👍🏽"},
		{"skin tone and profession", "👩🏽\u200d🚀", "👩🏽\u200d🚀"},
		{"heart on fire", "❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"},
		{"shaking head", "🙂\u200d↔\ufe0f", "🙂\u200d↔\ufe0f"},
		{"flag", "🇨🇳", "🇨🇳"},
		{"rainbow flag", "🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈"},
		{"keycap", "1\ufe0f\u20e3", "1\ufe0f\u20e3"},
		{"sun", "☀\ufe0f", "☀\ufe0f"},
		{"exclamation", "‼\ufe0f", "‼\ufe0f"},

		// White space is one space, and none at the ends.
		{"ends", "  Ann\t", "Ann"},
		{"inside", "Ann \t\u3000 Lee", "Ann Lee"},
		{"new line", "Ann\r\nLee\u2028Li\u0085Wu", "Ann Lee Li Wu"},

		// What nobody sees goes, or it hides, reorders and imitates.
		{"NUL and other controls", "A\x00n\x07n\x1b\x7f", "Ann"},
		{"right-to-left override", "Ann\u202egpj.exe", "Anngpj.exe"},
		{"isolates and marks", "\u2066Ann\u2069\u200e\u200f\u061c", "Ann"},
		{"zero width", "A\u200bn\u200cn\ufeff\u2060\u00ad", "Ann"},
		{"joiner between letters", "A\u200dnn", "Ann"},
		{"joiner after a digit", "4\u200d2", "42"},
		{"joiner after an emoji", "👍\u200d", "👍"},
		{"joiner between emoji and letter", "👍\u200da", "👍a"},
		{"joiner after a circumflex", "^\u200da", "^a"},
		{"joiners in a row", "👨\u200d\u200d👩", "👨\u200d👩"},
		{"selector after a letter", "A\ufe0fnn", "Ann"},
		{"selector after a digit", "4\ufe0f2", "42"},
		{"selectors in a row", "☀\ufe0f\ufe0f\ufe0f", "☀\ufe0f"},
		{"other selectors", "葛\U000e0100 A\ufe00", "葛 A"},
		{"grapheme joiner", "A\u034fnn", "Ann"},
		{"tag characters", "Ann\U000e0041\U000e007f", "Ann"},
		{"private use", "A\ue000\U000f0000nn", "Ann"},
		{"noncharacters", "A\ufffe\uffffnn", "Ann"},
		{"reserved and invisible", "A\u2065\ufff0nn", "Ann"},
		{"replacement character", "Ann\ufffd", "Ann"},
		{"Hangul filler", "\u3164Ann\u115f\u1160\uffa0", "Ann"},
		{"Braille blank", "\u2800Ann", "Ann"},
		{"Khmer inherent vowel", "A\u17b4nn", "Ann"},
		{"composed after something went", "Zoe\u200b\u0308", "Zo\u00eb"},
		{"mark without a letter", "\u0308Ann \u0301Lee", "Ann Lee"},

		// Nothing is given.
		{"empty", "", ""},
		{"spaces", " \t\u3000", ""},
		{"only invisible", "\u200b\u3164\u2800\u202e", ""},
		{"only marks", "\u0308\u0301", ""},
		{"placeholder", "微信用户", ""},
		{"placeholder in disguise", " 微信\u200b用户\u3164 ", ""},

		// As long as may be.
		{"32 letters", strings.Repeat("a", 32), strings.Repeat("a", 32)},
		{"32 ideographs", strings.Repeat("鹿", 32), strings.Repeat("鹿", 32)},
		{"32 flags", strings.Repeat("🇨🇳", 32), strings.Repeat("🇨🇳", 32)},
		{"9 families", strings.Repeat("👨\u200d👩\u200d👧\u200d👦", 9), strings.Repeat("👨\u200d👩\u200d👧\u200d👦", 9)},
		{"4 marks", "a\u0323\u0324\u0325\u0326", "ạ\u0324\u0325\u0326"},
		{"long, but not when clean", "Ann" + strings.Repeat("\u200b", 300), "Ann"},
	}
	for _, c := range cases {
		kept, err := cleanNickname(c.given)
		require.NoError(t, err, c.name)
		require.Equal(t, c.kept, kept, c.name)
	}
}

func TestNicknameThatIsNone(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]string{
		"33 letters":           strings.Repeat("a", 33),
		"65 runes":             strings.Repeat("e\u0324\u0325", 22),
		"10 families":          strings.Repeat("👨\u200d👩\u200d👧\u200d👦", 10),
		"more than 1024 bytes": "Ann" + strings.Repeat(" ", 1022),
		"a storm of marks":     "Z" + strings.Repeat("\u0324\u0301", 5) + "algo",
		"a heap of marks":      "a\u0489\u0489\u0489\u0489\u0489",
		"bad UTF-8":            "Ann\xff",
		"a lone surrogate":     "Ann\xed\xa0\x80",
		"an overlong form":     "Ann\xc0\xaf",
	} {
		kept, err := cleanNickname(given)
		require.Equal(t, fault.BadInput, fault.CodeOf(err), name)
		require.Empty(t, kept, name)
		require.NotContains(t, err.Error(), "Ann", name)
	}
}

// checkNickname is what holds for every text.
func checkNickname(t require.TestingT, text string) {
	name, err := cleanNickname(text)
	if err != nil {
		require.Equal(t, fault.BadInput, fault.CodeOf(err), "%q", text)
		require.Empty(t, name)
		return
	}
	again, err := cleanNickname(name)
	require.NoError(t, err, "%q of %q", name, text)
	require.Equal(t, name, again, "%+q of %+q: what is clean stays as it is", name, text)
	require.True(t, utf8.ValidString(name))
	require.True(t, norm.NFC.IsNormalString(name), "%+q of %+q", name, text)
	require.LessOrEqual(t, len(name), maxNicknameBytes)
	require.LessOrEqual(t, utf8.RuneCountInString(name), maxNicknameRunes)
	require.LessOrEqual(t, uniseg.GraphemeClusterCount(name), maxNicknameGraphemes)
	require.NotEqual(t, placeholder, name)
	require.Equal(t, strings.TrimSpace(name), name)
	require.Equal(t, strings.Trim(name, "\u200d"), name)
	for _, r := range name {
		if r != zeroWidthJoiner && r != variationSelector {
			require.False(t, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Variation_Selector,
				unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point), "%+q of %+q", name, text)
		}
	}
}

// awkward are the runes that the rules are about.
var awkward = []rune("\u200d\ufe0f\u200b\u202e\u0301\u0308\u0323\u20e3\u034f\u3164\u2800\ufffd\u00a0 \t\n\x001#^=\u0338e가\u1100\u1161\u11a8👨👩🏽❤↔🇨🇳微信用户\U0001d15e\U000e0041\ue000")

func TestCleanNicknameHoldsForEveryText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		checkNickname(t, rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom(awkward), 0, 40, -1)).Draw(t, "text"))
	})
}

func FuzzCleanNickname(f *testing.F) {
	for _, seed := range []string{"Ann", string(awkward), "微信用户", "\xff", "Zoe\u200b\u0308", "👨\u200d👩"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkNickname(t, text) })
}
