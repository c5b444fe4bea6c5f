package avatar

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// shrink draws a picture on a canvas of the given area anew, so that neither side is longer than side.
// A picture that is small enough keeps its size.
//
// It takes the mean of whole squares of pixels first, which looks at each pixel of the upload once and
// makes the picture at most twice as large as it will be; the smooth filter, which takes 32 bytes for
// each row and column, sees only that.
func shrink(picture image.Image, canvas image.Rectangle, side int) *image.RGBA {
	longest := max(canvas.Dx(), canvas.Dy())
	coarse := means(picture, canvas, max(1, longest/side))
	if longest <= side {
		return coarse
	}
	width := max(1, (canvas.Dx()*side+longest/2)/longest)
	height := max(1, (canvas.Dy()*side+longest/2)/longest)
	fine := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(fine, fine.Rect, coarse, coarse.Rect, draw.Src, nil)
	return fine
}

// means makes each square of n by n pixels of the canvas one pixel. Where the picture does not cover
// the canvas, as the first frame of a GIF may, it is transparent.
func means(picture image.Image, canvas image.Rectangle, n int) *image.RGBA {
	source := pixelsOf(picture)
	within := picture.Bounds()
	made := image.NewRGBA(image.Rect(0, 0, (canvas.Dx()+n-1)/n, (canvas.Dy()+n-1)/n))
	for y := range made.Rect.Dy() {
		for x := range made.Rect.Dx() {
			square := image.Rect(x*n, y*n, (x+1)*n, (y+1)*n).Intersect(canvas)
			made.SetRGBA(x, y, mean(source, square.Intersect(within), square.Dx()*square.Dy()))
		}
	}
	return made
}

// mean is the mean of area pixels of which only those in covered are there.
func mean(source image.RGBA64Image, covered image.Rectangle, area int) color.RGBA {
	var r, g, b, a uint64
	for y := covered.Min.Y; y < covered.Max.Y; y++ {
		for x := covered.Min.X; x < covered.Max.X; x++ {
			c := source.RGBA64At(x, y)
			r, g, b, a = r+uint64(c.R), g+uint64(c.G), b+uint64(c.B), a+uint64(c.A)
		}
	}
	part := func(sum uint64) uint8 { return uint8(sum / uint64(area) >> 8) }
	return color.RGBA{part(r), part(g), part(b), part(a)}
}

// pixelsOf reads pixels without an allocation for each; all pictures of the standard library can.
func pixelsOf(picture image.Image) image.RGBA64Image {
	if source, ok := picture.(image.RGBA64Image); ok {
		return source
	}
	return boxed{picture}
}

// boxed is any other picture.
type boxed struct{ image.Image }

// RGBA64At implements image.RGBA64Image.
func (p boxed) RGBA64At(x, y int) color.RGBA64 {
	r, g, b, a := p.At(x, y).RGBA()
	return color.RGBA64{uint16(r), uint16(g), uint16(b), uint16(a)}
}

// turn makes a picture upright that a camera took in the given orientation.
func turn(picture *image.RGBA, orientation int) *image.RGBA {
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	right, bottom := width-1, height-1
	var from func(x, y int) (int, int) // where the pixel at (x, y) of the upright picture comes from
	switch orientation {
	case 2:
		from = func(x, y int) (int, int) { return right - x, y }
	case 3:
		from = func(x, y int) (int, int) { return right - x, bottom - y }
	case 4:
		from = func(x, y int) (int, int) { return x, bottom - y }
	case 5:
		from = func(x, y int) (int, int) { return y, x }
	case 6:
		from = func(x, y int) (int, int) { return y, bottom - x }
	case 7:
		from = func(x, y int) (int, int) { return right - y, bottom - x }
	case 8:
		from = func(x, y int) (int, int) { return right - y, x }
	default:
		return picture
	}
	if orientation >= 5 {
		width, height = height, width
	}
	turned := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			fromX, fromY := from(x, y)
			turned.SetRGBA(x, y, picture.RGBAAt(fromX, fromY))
		}
	}
	return turned
}
