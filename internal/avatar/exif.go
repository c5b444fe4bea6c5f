package avatar

import (
	"bytes"
	"encoding/binary"
)

// upright is the orientation of a picture that is as it should be seen.
const upright = 1

// orientationOf reads how a camera was held from Exif data: 1 to 8, as tag 0x0112 of the Exif standard
// has it. Whatever cannot be read counts as upright.
func orientationOf(exif []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(exif, []byte("II*\x00")):
	case bytes.HasPrefix(exif, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return upright
	}
	if len(exif) < 8 {
		return upright
	}
	at := uint64(order.Uint32(exif[4:]))
	if at+2 > uint64(len(exif)) {
		return upright
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		const size, tag, short = 12, 0x0112, 3
		if len(entries) < size {
			break
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if way := int(order.Uint16(entries[8:])); way >= 1 && way <= 8 {
				return way
			}
			break
		}
		entries = entries[size:]
	}
	return upright
}

// chunkOfPNG is the content of the first chunk of a name before the pixels, or nil.
func chunkOfPNG(upload []byte, name string) []byte {
	for rest := upload[len(pngMagic):]; len(rest) >= 12; {
		length, kind := uint64(binary.BigEndian.Uint32(rest)), string(rest[4:8])
		if kind == "IDAT" || length > uint64(len(rest)-12) {
			return nil
		}
		if kind == name {
			return rest[8 : 8+length]
		}
		rest = rest[12+length:] // with its checksum
	}
	return nil
}

// chunkOfWebP is the content of the first chunk of a name, or nil.
func chunkOfWebP(upload []byte, name string) []byte {
	for rest := upload[12:]; len(rest) >= 8; {
		kind, length := string(rest[:4]), uint64(binary.LittleEndian.Uint32(rest[4:]))
		rest = rest[8:]
		if length > uint64(len(rest)) {
			return nil
		}
		if kind == name {
			return rest[:length]
		}
		rest = rest[min(length+length%2, uint64(len(rest))):]
	}
	return nil
}
