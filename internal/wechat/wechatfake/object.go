package wechatfake

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object that keeps the order of its fields. WeChat's order is worth keeping: attacks on encrypted data
// depend on which field lies in which block.
type object []field

type field struct {
	name  string
	value any
}

// MarshalJSON writes the fields in their order and leaves <, > and & alone, as WeChat does.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := marshalPlain(f.name)
		if err != nil {
			return nil, err
		}
		value, err := marshalPlain(f.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// json is the object's text. All values come from the fake or from decoded JSON, so it cannot fail.
func (o object) json() []byte {
	b, err := marshalPlain(o)
	if err != nil {
		panic("wechatfake: encode an answer: " + err.Error())
	}
	return b
}

// marshalPlain is json.Marshal without the escapes meant for HTML.
func marshalPlain(v any) ([]byte, error) {
	if o, ok := v.(object); ok {
		return o.MarshalJSON() // an Encoder would escape what MarshalJSON returns
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// set replaces the field or appends it.
func (o object) set(name string, value any) object {
	for i := range o {
		if o[i].name == name {
			o[i].value = value
			return o
		}
	}
	return append(o, field{name, value})
}

// without drops a field; a dot in the name leads into an object inside.
func (o object) without(path string) object {
	name, rest, nested := strings.Cut(path, ".")
	var kept object
	for _, f := range o {
		inner, isObject := f.value.(object)
		switch {
		case f.name != name:
			kept = append(kept, f)
		case nested && isObject:
			kept = append(kept, field{name, inner.without(rest)})
		case nested:
			kept = append(kept, f)
		}
	}
	return kept
}

// override lays decoded JSON over the object: null drops a field, an object merges into an object, anything else
// replaces. New fields come last, in the order of their names.
func (o object) override(data map[string]any) object {
	for _, name := range slices.Sorted(maps.Keys(data)) {
		value := data[name]
		if value == nil {
			o = o.without(name)
			continue
		}
		if changes, ok := value.(map[string]any); ok {
			inner, _ := o.get(name).(object)
			value = inner.override(changes)
		}
		o = o.set(name, value)
	}
	return o
}

func (o object) get(name string) any {
	for _, f := range o {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// xml is the object as the body of a message push in XML: text in CDATA, numbers bare, a list as repeated elements.
func (o object) xml() []byte {
	var b bytes.Buffer
	writeXML(&b, "xml", o)
	return b.Bytes()
}

func writeXML(b *bytes.Buffer, name string, value any) {
	if list, ok := value.([]object); ok {
		for _, item := range list {
			writeXML(b, name, item)
		}
		return
	}
	b.WriteString("<" + name + ">")
	switch v := value.(type) {
	case object:
		for _, f := range v {
			writeXML(b, f.name, f.value)
		}
	case string:
		b.WriteString("<![CDATA[" + strings.ReplaceAll(v, "]]>", "]]]]><![CDATA[>") + "]]>")
	case float64:
		b.WriteString(strconv.FormatFloat(v, 'f', -1, 64))
	default:
		_ = xml.EscapeText(b, fmt.Append(nil, v)) // a bytes.Buffer takes everything
	}
	b.WriteString("</" + name + ">")
}
