package avatar

import (
	"bytes"
	"encoding/binary"
)

// How often a progressive JPEG may go over its pixels, and over how many in all. Encoders do so about
// ten times; a file of a few kilobytes could do so thousands of times, at the price of the whole
// picture each time, which is up to four nanoseconds a pixel.
const (
	maxScans  = 32
	maxPassed = 200 << 20
)

// The markers that matter here; ITU-T T.81, table B.1.
const (
	markerSOF0  = 0xc0 // begins a frame: baseline
	markerSOF1  = 0xc1 // extended sequential
	markerSOF2  = 0xc2 // progressive
	markerRST0  = 0xd0 // to 0xd7: inside of a scan
	markerRST7  = 0xd7
	markerEOI   = 0xd9 // the end
	markerSOS   = 0xda // begins a scan
	markerAPP1  = 0xe1 // Exif, among others
	markerAPP14 = 0xee // Adobe's: how colours are to be read
)

// jpegWalk is what the segments of a JPEG say that decides about its decoding.
type jpegWalk struct {
	progressive bool
	scans       int
	components  int
	samples     float64 // per pixel, over all components
	rgb         bool    // not the usual luminance and chrominance
	exif        []byte
}

// bytesPerPixel is what image/jpeg takes: a byte for each sample, four more to collect a progressive
// one in, and a second picture where the colours must be converted.
func (w jpegWalk) bytesPerPixel() float64 {
	cost := w.samples
	if w.progressive {
		cost *= 5
	}
	if w.components == 4 || w.rgb {
		cost += 4
	}
	return cost
}

// walkJPEG goes from segment to segment, and refuses what goes over its pixels too often.
func walkJPEG(upload []byte) (w jpegWalk, err error) {
	for rest := upload[2:]; ; {
		var marker byte
		marker, rest = nextMarker(rest)
		if marker == 0 || marker == markerEOI {
			return w, nil
		}
		if len(rest) < 2 {
			return w, ErrBroken
		}
		length := int(binary.BigEndian.Uint16(rest))
		if length < 2 || length > len(rest) {
			return w, ErrBroken
		}
		w.segment(marker, rest[2:length])
		rest = rest[length:]
		if marker == markerSOS {
			w.scans++
		}
		if w.scans > maxScans {
			return w, ErrBroken
		}
	}
}

// nextMarker finds the next marker that begins a segment, or the end; 0 when there is none. Data of a
// scan is passed over: in it, 0xff is followed by 0 or is a restart.
func nextMarker(data []byte) (marker byte, rest []byte) {
	for {
		i := bytes.IndexByte(data, 0xff)
		if i < 0 {
			return 0, nil
		}
		for data = data[i:]; len(data) > 0 && data[0] == 0xff; data = data[1:] { // as many as there are
		}
		if len(data) == 0 {
			return 0, nil
		}
		marker, data = data[0], data[1:]
		if marker != 0 && (marker < markerRST0 || marker > markerRST7) {
			return marker, data
		}
	}
}

// segment takes from a segment what matters.
func (w *jpegWalk) segment(marker byte, content []byte) {
	switch {
	case marker == markerSOF0 || marker == markerSOF1 || marker == markerSOF2:
		w.frame(content)
		w.progressive = w.progressive || marker == markerSOF2
	case marker == markerAPP1 && w.exif == nil:
		if exif, ok := bytes.CutPrefix(content, []byte("Exif\x00\x00")); ok {
			w.exif = exif
		}
	case marker == markerAPP14 && len(content) >= 12 && bytes.HasPrefix(content, []byte("Adobe")):
		w.rgb = w.rgb || content[11] == 0
	}
}

// frame reads how many samples there are for each pixel: chrominance is mostly kept for blocks of four.
func (w *jpegWalk) frame(content []byte) {
	if len(content) < 6 {
		return
	}
	w.components = int(content[5])
	samples, across, down := 0, 1, 1
	var names []byte
	for i := range w.components {
		component := content[min(6+3*i, len(content)):]
		if len(component) < 3 {
			return
		}
		names = append(names, component[0])
		h, v := int(component[1]>>4), int(component[1]&15)
		samples += h * v
		across, down = max(across, h), max(down, v)
	}
	w.samples = max(w.samples, float64(samples)/float64(across*down), 1)
	w.rgb = w.rgb || string(names) == "RGB"
}
