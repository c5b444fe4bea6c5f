package avatar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
	"golang.org/x/sync/semaphore"
)

// MaxUpload is the largest upload in bytes. The picture button of Mini Programs may hand over what the
// camera took, uncompressed.
const MaxUpload = 10 << 20

const (
	maxSide     = 4096     // of an upload, in pixels
	keptSide    = 640      // of what is kept, in pixels
	jpegQuality = 85       // of what is kept
	memory      = 96 << 20 // that all decoding at a time may take: a photograph of 12 megapixels
	leastShare  = 8 << 20  // of that memory for one picture, so that the number of pictures is bounded too
)

// Why an upload is refused. The texts are for whoever uploads.
var (
	ErrType     = errors.New("the file is not a JPEG, PNG, GIF or WebP picture")
	ErrAnimated = errors.New("an animated WebP picture cannot be used; choose a still one")
	ErrTooLarge = errors.New("the picture has too many pixels: 4096 a side at most, about 12 million in all")
	ErrBroken   = errors.New("the picture is damaged")
)

// Press makes uploads into pictures, as many at a time as the memory for it allows.
type Press struct{ memory *semaphore.Weighted }

// NewPress makes a Press.
func NewPress() *Press { return &Press{semaphore.NewWeighted(memory)} }

// Make turns an upload of at most [MaxUpload] bytes into the picture to keep: as it is meant to be seen,
// upright, not animated, at most 640 pixels a side, without anything but its pixels; a PNG where it is
// transparent, a JPEG otherwise.
//
// The error is one of ErrType, ErrAnimated, ErrTooLarge and ErrBroken, or that of ctx, which also ends
// the wait for memory. Nothing is decoded before the header has told what that will cost.
func (p *Press) Make(ctx context.Context, upload []byte) ([]byte, error) {
	plan, err := survey(upload)
	if err != nil {
		return nil, err
	}
	share := max(plan.cost, leastShare)
	if err := p.memory.Acquire(ctx, share); err != nil {
		return nil, err
	}
	defer p.memory.Release(share)

	decoded, err := plan.decode(&interruptible{ctx, bytes.NewReader(upload)})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, ErrBroken
	}
	small := shrink(decoded, image.Rect(0, 0, plan.width, plan.height), keptSide)
	return encode(turn(small, plan.orientation))
}

// plan is what the header of an upload says about it.
type plan struct {
	decode        func(io.Reader) (image.Image, error)
	width, height int   // in pixels, before it is turned upright
	orientation   int   // 1 to 8, as Exif has it
	cost          int64 // what decoding takes, in bytes of memory
}

// survey tells what an upload is and what it costs, or refuses it.
func survey(upload []byte) (plan, error) {
	var look func([]byte) (plan, error)
	switch {
	case bytes.HasPrefix(upload, jpegMagic):
		look = surveyJPEG
	case bytes.HasPrefix(upload, pngMagic):
		look = surveyPNG
	case bytes.HasPrefix(upload, []byte("GIF87a")), bytes.HasPrefix(upload, []byte("GIF89a")):
		look = surveyGIF
	case len(upload) >= 12 && string(upload[:4]) == "RIFF" && string(upload[8:12]) == "WEBP":
		look = surveyWebP
	default:
		return plan{}, ErrType
	}
	made, err := look(upload)
	switch {
	case err != nil:
		return plan{}, err
	case made.width < 1 || made.height < 1:
		return plan{}, ErrBroken
	case made.width > maxSide || made.height > maxSide || made.cost > memory:
		return plan{}, ErrTooLarge
	}
	return made, nil
}

// planOf is a plan from what one of the decoders reads of the header.
func planOf(upload []byte, config func(io.Reader) (image.Config, error)) (plan, error) {
	header, err := config(bytes.NewReader(upload))
	if err != nil {
		return plan{}, ErrBroken
	}
	return plan{width: header.Width, height: header.Height, orientation: upright}, nil
}

// pixels is an area; what is far too large is so without overflow.
func (p plan) pixels() int64 { return int64(p.width) * int64(p.height) }

func surveyGIF(upload []byte) (plan, error) {
	p, err := planOf(upload, gif.DecodeConfig)
	p.decode = gif.Decode // the first frame; nothing behind it is read
	p.cost = p.pixels()
	return p, err
}

func surveyPNG(upload []byte) (plan, error) {
	p, err := planOf(upload, png.DecodeConfig)
	if err != nil {
		return p, err
	}
	p.decode = png.Decode
	p.cost = 4 * p.pixels()
	const depth, interlace = 24, 28 // where the header has them
	if upload[depth] == 16 {
		p.cost *= 2
	}
	if upload[interlace] != 0 { // it is put together from pictures of its own
		p.cost *= 2
	}
	p.orientation = orientationOf(chunkOfPNG(upload, "eXIf"))
	return p, nil
}

func surveyWebP(upload []byte) (plan, error) {
	if extended := chunkOfWebP(upload, "VP8X"); len(extended) > 0 && extended[0]&2 != 0 {
		return plan{}, ErrAnimated
	}
	p, err := planOf(upload, webp.DecodeConfig)
	p.decode = webp.Decode // which holds the picture inside against the header outside
	p.cost = 8 * p.pixels()
	p.orientation = orientationOf(chunkOfWebP(upload, "EXIF"))
	return p, err
}

func surveyJPEG(upload []byte) (plan, error) {
	p, err := planOf(upload, jpeg.DecodeConfig)
	if err != nil {
		return p, err
	}
	walked, err := walkJPEG(upload)
	if err != nil {
		return p, err
	}
	if int64(walked.scans)*p.pixels() > maxPassed {
		return p, ErrTooLarge
	}
	p.decode = jpeg.Decode
	p.cost = int64(walked.bytesPerPixel() * float64(p.pixels()))
	p.orientation = orientationOf(walked.exif)
	return p, nil
}

// encode writes the picture to keep.
func encode(picture *image.RGBA) ([]byte, error) {
	var content bytes.Buffer
	var err error
	if picture.Opaque() {
		err = jpeg.Encode(&content, picture, &jpeg.Options{Quality: jpegQuality})
	} else {
		err = png.Encode(&content, picture)
	}
	if err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return content.Bytes(), nil
}

// interruptible ends with its context: decoders cannot be told to stop, but they do when there is
// nothing more to read.
type interruptible struct {
	ctx context.Context
	*bytes.Reader
}

// Read implements io.Reader.
func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
