package avatar_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	red    = color.NRGBA{255, 0, 0, 255}
	green  = color.NRGBA{0, 255, 0, 255}
	blue   = color.NRGBA{0, 0, 255, 255}
	yellow = color.NRGBA{255, 255, 0, 255}
	glass  = color.NRGBA{0, 0, 255, 128}
)

// quarters is a picture with four colours: top left, top right, bottom left, bottom right.
func quarters(width, height int, colours ...color.NRGBA) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			i := 0
			if x >= width/2 {
				i++
			}
			if y >= height/2 {
				i += 2
			}
			m.SetNRGBA(x, y, colours[i])
		}
	}
	return m
}

func asJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}))
	return b.Bytes()
}

func asPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

// gifOf is an animation of single colours on a canvas, each frame drawn where it is.
func gifOf(t testing.TB, width, height int, frames ...image.Rectangle) []byte {
	t.Helper()
	g := gif.GIF{Config: image.Config{Width: width, Height: height}}
	palette := color.Palette{red, green, blue}
	for i, frame := range frames {
		p := image.NewPaletted(frame, palette)
		for j := range p.Pix {
			p.Pix[j] = uint8(i % len(palette))
		}
		g.Image, g.Delay = append(g.Image, p), append(g.Delay, 1)
	}
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, &g))
	return b.Bytes()
}

// exif is what a camera writes: how it was held, and where it was.
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	b := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	entry := func(tag, kind uint16, count uint32, value []byte) {
		b = order.AppendUint16(b, tag)
		b = order.AppendUint16(b, kind)
		b = order.AppendUint32(b, count)
		b = append(b, value...)
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 3)
	entry(0x010f, 2, 4, []byte("ACME"))
	entry(0x0112, 3, 1, append(order.AppendUint16(nil, orientation), 0, 0))
	entry(0x8825, 4, 1, order.AppendUint32(nil, 50))
	b = order.AppendUint32(b, 0)
	return append(b, "GPS 31.2304N 121.4737E"...)
}

// segment is a segment of a JPEG.
func segment(marker byte, content string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(content)+2)), content...)
}

// withSegments puts segments behind the beginning of a JPEG.
func withSegments(jpeg []byte, segments ...[]byte) []byte {
	return bytes.Join([][]byte{jpeg[:2], bytes.Join(segments, nil), jpeg[2:]}, nil)
}

// progressive is a grey JPEG of one block that goes over it so many times.
func progressive(scans int) []byte {
	one := string(append([]byte{1}, make([]byte, 15)...)) // one code, of one bit
	parts := [][]byte{
		{0xff, 0xd8},
		segment(0xdb, "\x00"+strings.Repeat("\x01", 64)),
		segment(0xc2, "\x08\x00\x08\x00\x08\x01\x01\x11\x00"),
		segment(0xc4, "\x00"+one+"\x00"), // for the mean: no difference
		segment(0xc4, "\x10"+one+"\x00"), // for the rest: nothing more
		segment(0xda, "\x01\x01\x00\x00\x00\x00"), {0x7f},
	}
	for range scans - 1 {
		parts = append(parts, segment(0xda, "\x01\x01\x00\x01\x3f\x00"), []byte{0x7f})
	}
	return bytes.Join(append(parts, []byte{0xff, 0xd9}), nil)
}

// chunk is a chunk of a PNG.
func chunk(name string, content []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(append(b, name...), content...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// afterHeader puts chunks behind the header of a PNG.
func afterHeader(png []byte, chunks ...[]byte) []byte {
	const header = 33
	return bytes.Join([][]byte{png[:header], bytes.Join(chunks, nil), png[header:]}, nil)
}

// pngBomb is a PNG of nothing but zeros, which compress a thousandfold.
func pngBomb(t testing.TB, width, height uint32, bytesPerRow int, depthAndKind string) []byte {
	t.Helper()
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	header = append(append(header, depthAndKind...), 0, 0, 0)
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	row := make([]byte, 1+bytesPerRow)
	for range height {
		_, err := z.Write(row)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return bytes.Join([][]byte{[]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", header), chunk("IDAT", data.Bytes()), chunk("IEND", nil)}, nil)
}

// The four kinds of WebP, of 16 by 8 pixels: red on the left, blue on the right, which is half
// transparent in the second and the third. Made with cwebp and webpmux of libwebp.
const (
	webpLossy    = `UklGRj4AAABXRUJQVlA4IDIAAACQAQCdASoQAAgAAgA0JaACdLoAA5gA/vZQf/185v/IMf/ID+xr/kB//5Ac8f+QHAQAAA==`
	webpAlpha    = `UklGRmwAAABXRUJQVlA4WAoAAAAQAAAADwAABwAAQUxQSBMAAAABD/DA/4iIIBZM5i/dmUJE/0MHAFZQOCAyAAAAkAEAnQEqEAAIAAIANCWgAnS6AAOYAP72UH/9fOb/yDH/yA/sa/5Af/+QHPH/kBwEAAA=`
	webpLossless = `UklGRiYAAABXRUJQVlA4TBkAAAAvD8ABEA8Q+z//D/yPCmLBZP7SnSlE9D90AA==`
	webpAnimated = `UklGRsgAAABXRUJQVlA4WAoAAAACAAAADwAABwAAQU5JTQYAAAD/////AABBTk1GSgAAAAAAAAAAAA8AAAcAAGQAAABWUDggMgAAAJABAJ0BKhAACAACADQloAJ0ugADmAD+9lB//Xzm/8gx/8gP7Gv+QH//kBzx/5AcBAAAQU5NRkoAAAAAAAAAAAAPAAAHAABkAAAAVlA4IDIAAACQAQCdASoQAAgAAgA0JaACdLoAA5gA/vZQf/185v/IMf/ID+xr/kB//5Ac8f+QHAQAAA==`
)

func webp(t testing.TB, text string) []byte {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	return content
}

// riff is a WebP of chunks.
func riff(chunks ...string) []byte {
	body := "WEBP"
	for i := 0; i < len(chunks); i += 2 {
		body += chunks[i] + string(binary.LittleEndian.AppendUint32(nil, uint32(len(chunks[i+1])))) + chunks[i+1]
		if len(chunks[i+1])%2 == 1 {
			body += "\x00"
		}
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// lossless is the chunk VP8L of a picture of one colour: 15 bytes, however large it is.
func lossless(width, height int) string {
	var bits, n uint64
	put := func(value uint64, size uint64) { bits, n = bits|value<<n, n+size }
	put(uint64(width-1), 14)
	put(uint64(height-1), 14)
	put(0, 1+3) // opaque, version 0
	put(0, 3)   // no transform, no cache of colours, one group of codes
	packed := binary.LittleEndian.AppendUint64(nil, bits)
	packed = packed[:4] // 35 bits: the last three are zero
	bits, n = 0, 3
	for _, symbol := range []uint64{0, 255, 0, 255, 0} { // green, red, blue, alpha, distance: one symbol each
		put(1, 1)
		put(0, 1)
		put(1, 1)
		put(symbol, 8)
	}
	return "\x2f" + string(packed) + string(binary.LittleEndian.AppendUint64(nil, bits))
}
