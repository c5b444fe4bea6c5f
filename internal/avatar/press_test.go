package avatar_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/avatar"
)

// pressed makes an upload into a picture, and decodes that.
func pressed(t *testing.T, upload []byte) (kept []byte, shown image.Image) {
	t.Helper()
	kept, err := avatar.NewPress().Make(t.Context(), upload)
	require.NoError(t, err)
	switch avatar.MediaType(kept) {
	case "image/jpeg":
		shown, err = jpeg.Decode(bytes.NewReader(kept))
	case "image/png":
		shown, err = png.Decode(bytes.NewReader(kept))
	default:
		require.Fail(t, "neither JPEG nor PNG")
	}
	require.NoError(t, err)
	return kept, shown
}

// requireColour wants a pixel to be nearly of a colour.
func requireColour(t *testing.T, want color.NRGBA, m image.Image, x, y int) {
	t.Helper()
	got := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= 20 }
	require.True(t, near(want.R, got.R) && near(want.G, got.G) && near(want.B, got.B) && near(want.A, got.A),
		"%v at %d,%d is not %v", got, x, y, want)
}

// requireQuarters wants the middle of each quarter to be of its colour.
func requireQuarters(t *testing.T, m image.Image, want ...color.NRGBA) {
	t.Helper()
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	for i, colour := range want {
		requireColour(t, colour, m, w/4+i%2*w/2, h/4+i/2*h/2)
	}
}

func TestPictureIsMadeAnew(t *testing.T) {
	t.Parallel()
	four, grey := []color.NRGBA{red, green, blue, yellow}, color.NRGBA{128, 128, 128, 255}
	clear := []color.NRGBA{red, glass, red, glass}
	for name, c := range map[string]struct {
		upload        []byte
		kind          string
		width, height int
		want          []color.NRGBA
	}{
		"a small JPEG keeps its size":  {asJPEG(t, quarters(100, 80, four...)), "image/jpeg", 100, 80, four},
		"a wide JPEG":                  {asJPEG(t, quarters(1600, 400, four...)), "image/jpeg", 640, 160, four},
		"a high JPEG":                  {asJPEG(t, quarters(333, 1999, four...)), "image/jpeg", 107, 640, four},
		"the largest side":             {asJPEG(t, quarters(4096, 64, four...)), "image/jpeg", 640, 10, four},
		"a line":                       {asJPEG(t, quarters(4096, 1, red, red, red, red)), "image/jpeg", 640, 1, []color.NRGBA{red, red, red, red}},
		"one pixel":                    {asPNG(t, quarters(1, 1, four...)), "image/jpeg", 1, 1, []color.NRGBA{yellow}},
		"an opaque PNG is a JPEG":      {asPNG(t, quarters(641, 640, four...)), "image/jpeg", 640, 639, four},
		"a transparent PNG stays one":  {asPNG(t, quarters(1280, 1280, clear...)), "image/png", 640, 640, clear},
		"a GIF's first frame":          {gifOf(t, 64, 64, image.Rect(0, 0, 64, 64), image.Rect(0, 0, 64, 64)), "image/jpeg", 64, 64, []color.NRGBA{red, red, red, red}},
		"a frame on a larger canvas":   {gifOf(t, 64, 64, image.Rect(32, 32, 64, 64)), "image/png", 64, 64, []color.NRGBA{{}, {}, {}, red}},
		"a WebP":                       {webp(t, webpLossy), "image/jpeg", 16, 8, []color.NRGBA{{254, 0, 0, 255}, {0, 0, 254, 255}}},
		"a transparent WebP":           {webp(t, webpAlpha), "image/png", 16, 8, []color.NRGBA{red, glass}},
		"a lossless WebP":              {webp(t, webpLossless), "image/png", 16, 8, []color.NRGBA{red, glass}},
		"a progressive JPEG":           {progressive(32), "image/jpeg", 8, 8, []color.NRGBA{grey, grey, grey, grey}},
		"a WebP of one colour, larger": {riff("VP8L", lossless(1000, 2000)), "image/jpeg", 320, 640, []color.NRGBA{red, red, red, red}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept, shown := pressed(t, c.upload)
			require.Equal(t, c.kind, avatar.MediaType(kept))
			require.Equal(t, image.Rect(0, 0, c.width, c.height), shown.Bounds())
			requireQuarters(t, shown, c.want...)
		})
	}
}

func TestColoursOfEveryKindOfPicture(t *testing.T) {
	t.Parallel()
	area := image.Rect(0, 0, 900, 30)
	deep := image.NewNRGBA64(area)
	grey := image.NewGray16(area)
	for y := range area.Dy() {
		for x := range area.Dx() {
			deep.SetNRGBA64(x, y, color.NRGBA64{0, 0x8000, 0xffff, 0xffff})
			grey.SetGray16(x, y, color.Gray16{0x4000})
		}
	}
	for name, c := range map[string]struct {
		upload []byte
		want   color.NRGBA
	}{
		"16 bits":    {asPNG(t, deep), color.NRGBA{0, 128, 255, 255}},
		"grey":       {asPNG(t, grey), color.NRGBA{64, 64, 64, 255}},
		"grey JPEG":  {asJPEG(t, grey), color.NRGBA{64, 64, 64, 255}},
		"interlaced": {interlaced(t), green},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, shown := pressed(t, c.upload)
			requireColour(t, c.want, shown, shown.Bounds().Dx()/2, shown.Bounds().Dy()/2)
		})
	}
}

// interlaced is a green PNG of one pixel, for which there is one pass.
func interlaced(t *testing.T) []byte {
	t.Helper()
	plain := asPNG(t, quarters(1, 1, green, green, green, green))
	at := bytes.Index(plain, []byte("IHDR")) + 4
	header := bytes.Clone(plain[at : at+13])
	header[12] = 1
	return append(append(bytes.Clone(plain[:at-8]), chunk("IHDR", header)...), plain[at+13+4:]...)
}

func TestPictureIsUpright(t *testing.T) {
	t.Parallel()
	seen := quarters(80, 40, red, green, blue, yellow) // as it is stored
	upright := map[uint16][]color.NRGBA{               // as it should be seen
		1: {red, green, blue, yellow}, 2: {green, red, yellow, blue}, 3: {yellow, blue, green, red}, 4: {blue, yellow, red, green},
		5: {red, blue, green, yellow}, 6: {blue, red, yellow, green}, 7: {yellow, green, blue, red}, 8: {green, yellow, red, blue},
		0: {red, green, blue, yellow}, 9: {red, green, blue, yellow},
	}
	for way, want := range upright {
		for name, upload := range map[string][]byte{
			"JPEG, little end first": withSegments(asJPEG(t, seen), segment(0xe1, "Exif\x00\x00"+string(exif(binary.LittleEndian, way)))),
			"JPEG, big end first":    withSegments(asJPEG(t, seen), segment(0xe0, "JFIF\x00"+strings.Repeat("\x01", 9)), segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"), segment(0xe1, "Exif\x00\x00"+string(exif(binary.BigEndian, way)))),
			"PNG":                    afterHeader(asPNG(t, seen), chunk("tEXt", []byte("a\x00b")), chunk("eXIf", exif(binary.BigEndian, way))),
		} {
			_, shown := pressed(t, upload)
			if way >= 5 && way <= 8 {
				require.Equal(t, image.Rect(0, 0, 40, 80), shown.Bounds(), "%s, %d", name, way)
			}
			requireQuarters(t, shown, want...)
		}
	}
	_, shown := pressed(t, riff("VP8X", "\x08\x00\x00\x00\x27\x00\x00\x09\x00\x00", "VP8L", lossless(40, 10), "odd ", "x", "EXIF", string(exif(binary.LittleEndian, 6))))
	require.Equal(t, image.Rect(0, 0, 10, 40), shown.Bounds(), "WebP")
}

func TestDamagedExifCountsAsUpright(t *testing.T) {
	t.Parallel()
	seen := asJPEG(t, quarters(80, 40, red, green, blue, yellow))
	good := string(exif(binary.LittleEndian, 6))
	for _, bad := range []string{
		"", "II", "II*\x00", "II*\x00\xff\xff\xff\xff", "II*\x00\x08\x00\x00\x00", "II*\x00\x08\x00\x00\x00\xff\xff", good[:30],
		strings.Replace(good, "II*", "XX*", 1), strings.Replace(good, "\x12\x01\x03", "\x12\x01\x04", 1),
	} {
		_, shown := pressed(t, withSegments(seen, segment(0xe1, "Exif\x00\x00"+bad)))
		requireQuarters(t, shown, red, green, blue, yellow)
	}
}

// Nothing but the pixels survives: not where a photograph was taken, not a page or an archive that
// hides in the same file.
func TestNothingButThePixelsIsKept(t *testing.T) {
	t.Parallel()
	const script, archive = "<script>alert(1)</script>", "PK\x03\x04 evil.html"
	seen := quarters(300, 300, red, green, blue, yellow)
	gps := exif(binary.LittleEndian, 1)
	for name, upload := range map[string][]byte{
		"JPEG": append(withSegments(asJPEG(t, seen), segment(0xe1, "Exif\x00\x00"+string(gps)), segment(0xfe, script),
			segment(0xe2, "ICC_PROFILE\x00 secret profile")), script+archive...),
		"PNG": append(afterHeader(asPNG(t, quarters(300, 300, red, glass, red, glass)), chunk("eXIf", gps), chunk("tEXt", []byte("Comment\x00"+script)),
			chunk("iTXt", []byte(archive))), script+archive...),
		"GIF": append(gifOf(t, 30, 30, image.Rect(0, 0, 30, 30)), script+archive...),
		"WebP": riff("VP8X", "\x08\x00\x00\x00\x27\x00\x00\x09\x00\x00", "VP8L", lossless(40, 10), "EXIF", string(gps), "XMP ", script,
			"evil", archive),
	} {
		require.Contains(t, string(upload), script, name)
		kept, _ := pressed(t, upload)
		for _, secret := range []string{"GPS", "ACME", "Exif", "eXIf", "script", "evil", "PK\x03\x04", "ICC_PROFILE"} {
			require.NotContains(t, string(kept), secret, name)
		}
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	ok := asJPEG(t, quarters(64, 64, red, green, blue, yellow))
	good := asPNG(t, quarters(64, 64, red, green, blue, glass))
	for name, c := range map[string]struct {
		upload []byte
		want   error
	}{
		"nothing":                     {nil, avatar.ErrType},
		"text":                        {[]byte("GIF of a cat"), avatar.ErrType},
		"a page":                      {[]byte("<html><script>"), avatar.ErrType},
		"SVG":                         {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), avatar.ErrType},
		"PDF":                         {[]byte("%PDF-1.7"), avatar.ErrType},
		"BMP":                         {[]byte("BM" + strings.Repeat("\x00", 60)), avatar.ErrType},
		"TIFF":                        {[]byte("II*\x00" + strings.Repeat("\x00", 60)), avatar.ErrType},
		"HEIC":                        {[]byte("\x00\x00\x00\x18ftypheic"), avatar.ErrType},
		"a sound in RIFF":             {[]byte("RIFF\x00\x00\x00\x00WAVEfmt "), avatar.ErrType},
		"a page before the picture":   {append([]byte("<html>"), ok...), avatar.ErrType},
		"an animated WebP":            {webp(t, webpAnimated), avatar.ErrAnimated},
		"only the beginning of JPEG":  {ok[:3], avatar.ErrBroken},
		"only the beginning of PNG":   {good[:8], avatar.ErrBroken},
		"only the beginning of GIF":   {[]byte("GIF89a"), avatar.ErrBroken},
		"only the beginning of WebP":  {[]byte("RIFF\xff\x00\x00\x00WEBP"), avatar.ErrBroken},
		"half a JPEG":                 {ok[:len(ok)/2], avatar.ErrBroken},
		"half a PNG":                  {good[:len(good)/2], avatar.ErrBroken},
		"half a GIF":                  {gifOf(t, 64, 64, image.Rect(0, 0, 64, 64))[:60], avatar.ErrBroken},
		"half a WebP":                 {webp(t, webpLossless)[:30], avatar.ErrBroken},
		"a PNG with another content":  {bytes.Replace(good, []byte("IDAT"), []byte("JDAT"), 1), avatar.ErrBroken},
		"no width":                    {pngBomb(t, 0, 1, 0, "\x08\x02"), avatar.ErrBroken},
		"a GIF of no size":            {[]byte("GIF89a\x00\x00\x00\x00\x00\x00\x00;"), avatar.ErrBroken},
		"a segment longer than all":   {withSegments(ok, []byte("\xff\xe1\xff\xff")), avatar.ErrBroken},
		"too many scans":              {progressive(33), avatar.ErrBroken},
		"a side too long":             {asJPEG(t, image.NewGray(image.Rect(0, 0, 4097, 1))), avatar.ErrTooLarge},
		"a bomb of 30000 by 30000":    {pngBomb(t, 30000, 30000, 0, "\x01\x00"), avatar.ErrTooLarge},
		"16 bits, 4096 by 4096":       {pngBomb(t, 4096, 4096, 0, "\x10\x06"), avatar.ErrTooLarge},
		"a GIF of 65535 by 65535":     {[]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00;"), avatar.ErrTooLarge},
		"a WebP of 16384 by 16384":    {riff("VP8L", lossless(16384, 16384)), avatar.ErrTooLarge},
		"a WebP that hides its size":  {riff("VP8X", "\x00\x00\x00\x00\x0f\x00\x00\x0f\x00\x00", "VP8L", lossless(16384, 16384)), avatar.ErrBroken},
		"a progressive JPEG of 4096":  {frame(0xc2, 4096, 4096, 0x11), avatar.ErrTooLarge},
		"too many scans for its size": {again(frame(0xc2, 4000, 3000, 0x11, 1), 20), avatar.ErrTooLarge},
		"a JPEG in four colours":      {frame(0xc0, 4096, 4096, 0x11, 4), avatar.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := avatar.NewPress().Make(t.Context(), c.upload)
			require.ErrorIs(t, err, c.want)
		})
	}
}

// frame is a JPEG that begins a frame and a scan and nothing more.
func frame(kind byte, width, height uint16, sampling byte, components ...int) []byte {
	n := 3
	if len(components) > 0 {
		n = components[0]
	}
	content := string(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, height), width)) + string(rune(n))
	for i := range n {
		content += string([]byte{byte(i + 1), sampling, 0})
	}
	return bytes.Join([][]byte{{0xff, 0xd8}, segment(kind, content), segment(0xda, "\x01\x01\x00\x00\x3f\x00"), {0xff, 0xd9}}, nil)
}

// again adds scans to a JPEG.
func again(upload []byte, scans int) []byte {
	end := len(upload) - 2
	scan := bytes.Repeat(segment(0xda, "\x01\x01\x00\x01\x3f\x00"), scans)
	return bytes.Join([][]byte{upload[:end], scan, upload[end:]}, nil)
}

// What is refused by its header costs next to nothing, and what is decoded not more than was planned.
func TestBombsCostNothing(t *testing.T) { // not parallel: it measures
	cost := func(upload []byte) (bytes uint64) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := avatar.NewPress().Make(t.Context(), upload)
		runtime.ReadMemStats(&after)
		require.Error(t, err)
		return after.TotalAlloc - before.TotalAlloc
	}
	bomb := pngBomb(t, 30000, 30000, 30000/8, "\x01\x00")
	require.InDelta(t, 110_000, len(bomb), 20_000)
	for name, upload := range map[string][]byte{
		"PNG": bomb, "GIF": []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00;"), "WebP": riff("VP8L", lossless(16384, 16384)),
		"WebP in a small one": riff("VP8X", "\x00\x00\x00\x00\x0f\x00\x00\x0f\x00\x00", "VP8L", lossless(16384, 16384)),
		"JPEG":                frame(0xc2, 65535, 65535, 0x11),
	} {
		require.Less(t, cost(upload), uint64(1<<20), name)
	}
	frames := make([]image.Rectangle, 300)
	for i := range frames {
		frames[i] = image.Rect(0, 0, 200, 200)
	}
	many := gifOf(t, 200, 200, frames...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, shown := pressed(t, many)
	runtime.ReadMemStats(&after)
	requireQuarters(t, shown, red, red, red, red)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(3<<20), "one frame of 300")
}

// ending is a context that ends when it has been asked so often whether it has.
type ending struct {
	context.Context
	left, asked int
}

func (c *ending) Err() error {
	if c.asked++; c.asked > c.left {
		return context.Canceled
	}
	return nil
}

func TestDecodingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, upload := range map[string][]byte{
		"JPEG": asJPEG(t, noise(800, 800)), "PNG": asPNG(t, noise(200, 200)), "GIF": gifOf(t, 64, 64, image.Rect(0, 0, 64, 64)),
		"WebP": riff("VP8L", lossless(64, 64)),
	} {
		for left := range 2 {
			ctx := &ending{Context: t.Context(), left: left}
			_, err := avatar.NewPress().Make(ctx, upload)
			require.ErrorIs(t, err, context.Canceled, name)
			require.GreaterOrEqual(t, ctx.asked, left+2, "%s: each piece of the upload asks, and then the press", name)
		}
	}
}

// noise is a photograph as far as its size goes.
func noise(width, height int) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range m.Y {
		m.Y[i] = uint8(128 + random.IntN(64))
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = uint8(i), uint8(i>>8)
	}
	return m
}

func FuzzMake(f *testing.F) {
	f.Add(asJPEG(f, quarters(20, 10, red, green, blue, yellow)))
	f.Add(withSegments(asJPEG(f, quarters(20, 10, red, green, blue, yellow)), segment(0xe1, "Exif\x00\x00"+string(exif(binary.LittleEndian, 6)))))
	f.Add(afterHeader(asPNG(f, quarters(20, 10, red, green, blue, glass)), chunk("eXIf", exif(binary.BigEndian, 8))))
	f.Add(gifOf(f, 20, 20, image.Rect(5, 5, 10, 10), image.Rect(0, 0, 20, 20)))
	for _, text := range []string{webpLossy, webpAlpha, webpLossless, webpAnimated} {
		f.Add(webp(f, text))
	}
	f.Add(riff("VP8X", "\x08\x00\x00\x00\x27\x00\x00\x09\x00\x00", "VP8L", lossless(40, 10), "EXIF", string(exif(binary.LittleEndian, 6))))
	press := avatar.NewPress()
	f.Fuzz(func(t *testing.T, upload []byte) {
		kept, err := press.Make(t.Context(), upload)
		if err == nil {
			again, err := press.Make(t.Context(), kept)
			require.NoError(t, err, "what is kept is a picture")
			require.Equal(t, avatar.MediaType(kept), avatar.MediaType(again))
		}
	})
}

func BenchmarkMake(b *testing.B) {
	for name, upload := range map[string][]byte{
		"jpeg-132x132":   asJPEG(b, noise(132, 132)),
		"jpeg-1080x1080": asJPEG(b, noise(1080, 1080)),
		"jpeg-4096x3072": asJPEG(b, noise(4096, 3072)),
		"png-1080x1080":  asPNG(b, noise(1080, 1080)),
		"png-4096x3072":  asPNG(b, quarters(4096, 3072, red, green, blue, glass)),
		"webp-2048x2048": riff("VP8L", lossless(2048, 2048)),
		"png-bomb":       pngBomb(b, 30000, 30000, 30000/8, "\x01\x00"),
	} {
		b.Run(name, func(b *testing.B) {
			press := avatar.NewPress()
			b.ReportAllocs()
			b.SetBytes(int64(len(upload)))
			for b.Loop() {
				_, _ = press.Make(b.Context(), upload)
			}
		})
	}
}
