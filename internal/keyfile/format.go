package keyfile

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"mpauth/internal/token"
)

const formatVersion = 1

// text is the file as it is written. All values are strings or numbers here, so that a fault is reported by our words with the place of the
// value, and never by a parser that quotes it.
type text struct {
	Version    int           `json:"version"`
	Signing    []textSigning `json:"signing"`
	Refresh    []textMaster  `json:"refresh"`
	Session    []textMaster  `json:"session"`
	Phone      []textMaster  `json:"phone"`
	PhoneIndex textLasting   `json:"phoneIndex"`
	Audit      textLasting   `json:"audit"`
}

type textSigning struct {
	ID          string `json:"id"`
	Created     string `json:"created"`
	SignFrom    string `json:"signFrom"`
	VerifyUntil string `json:"verifyUntil,omitempty"`
	Seed        string `json:"seed"`
}

type textMaster struct {
	ID      uint32 `json:"id"`
	Created string `json:"created"`
	UseFrom string `json:"useFrom"`
	Secret  string `json:"secret"`
}

type textLasting struct {
	Created string `json:"created"`
	Secret  string `json:"secret"`
}

func (f *File) encode() ([]byte, error) {
	out := text{
		Version:    formatVersion,
		Refresh:    textMasters(f.refresh),
		Session:    textMasters(f.session),
		Phone:      textMasters(f.phone),
		PhoneIndex: textLasting{Created: date(f.phoneIndex.created), Secret: encodeSecret(f.phoneIndex.secret)},
		Audit:      textLasting{Created: date(f.audit.created), Secret: encodeSecret(f.audit.secret)},
	}
	for _, k := range f.signing {
		out.Signing = append(out.Signing, textSigning{
			ID: k.ID, Created: date(k.created), SignFrom: date(k.SignFrom), VerifyUntil: date(k.VerifyUntil), Seed: encodeSecret(k.Private.Seed()),
		})
	}
	b, err := json.MarshalIndent(out, "", "  ")
	return append(b, '\n'), err
}

func textMasters(keys []masterKey) []textMaster {
	out := make([]textMaster, 0, len(keys))
	for _, k := range keys {
		out = append(out, textMaster{ID: k.id, Created: date(k.created), UseFrom: date(k.useFrom), Secret: encodeSecret(k.secret)})
	}
	return out
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func encodeSecret(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// decode reads the text of a key file. Its errors name the place of a fault and never a value.
func decode(raw []byte) (*File, error) {
	var in text
	if err := readStrictly(raw, &in); err != nil {
		return nil, err
	}
	r := reader{secrets: map[string]string{}}
	f := &File{
		refresh:    r.masters(Refresh, in.Refresh),
		session:    r.masters(Session, in.Session),
		phone:      r.masters(Phone, in.Phone),
		phoneIndex: r.lasting(PhoneIndex, in.PhoneIndex),
		audit:      r.lasting(Audit, in.Audit),
	}
	ids := map[string]bool{}
	for i, k := range in.Signing {
		place := fmt.Sprintf("%s[%d]", Signing, i)
		seed := r.secret(place+".seed", k.Seed)
		created, from, until := r.date(place+".created", k.Created), r.date(place+".signFrom", k.SignFrom), time.Time{}
		if k.VerifyUntil != "" {
			until = r.date(place+".verifyUntil", k.VerifyUntil)
		}
		if k.ID == "" || ids[k.ID] {
			r.fail(place+".id", "is empty or stands twice")
		}
		ids[k.ID] = true
		if r.err != nil {
			break
		}
		f.signing = append(f.signing, signingKey{created: created, SigningKey: token.SigningKey{
			ID: k.ID, Private: ed25519.NewKeyFromSeed(seed), SignFrom: from, VerifyUntil: until,
		}})
	}
	if len(in.Signing) == 0 {
		r.fail(Signing, "has no key")
	}
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

// reader turns text into keys and remembers the first fault.
type reader struct {
	secrets map[string]string // secret → where it stands
	err     error
}

func (r *reader) fail(place, what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s %s", place, what)
	}
}

func (r *reader) masters(kind string, in []textMaster) []masterKey {
	if len(in) == 0 {
		r.fail(kind, "has no key")
	}
	keys, ids := make([]masterKey, 0, len(in)), map[uint32]bool{}
	for i, k := range in {
		place := fmt.Sprintf("%s[%d]", kind, i)
		if k.ID == 0 || ids[k.ID] {
			r.fail(place+".id", "is 0 or stands twice")
		}
		ids[k.ID] = true
		keys = append(keys, masterKey{
			id: k.ID, created: r.date(place+".created", k.Created), useFrom: r.date(place+".useFrom", k.UseFrom),
			secret: r.secret(place+".secret", k.Secret),
		})
	}
	return keys
}

func (r *reader) lasting(kind string, in textLasting) lastingKey {
	return lastingKey{created: r.date(kind+".created", in.Created), secret: r.secret(kind+".secret", in.Secret)}
}

func (r *reader) date(place, value string) time.Time {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		r.fail(place, "is not a date like 2026-01-31T12:00:00Z")
	}
	return t.UTC()
}

// secret decodes 32 bytes, and refuses the same secret in two places: a key that serves two purposes lets one be attacked through the other.
func (r *reader) secret(place, value string) []byte {
	b, err := base64.StdEncoding.Strict().DecodeString(value)
	switch {
	case err != nil:
		r.fail(place, "is not base64")
	case len(b) != secretSize:
		r.fail(place, fmt.Sprintf("has %d bytes, want %d", len(b), secretSize))
	case r.secrets[string(b)] != "":
		r.fail(place, "is the same secret as "+r.secrets[string(b)]+"; each key needs its own")
	}
	r.secrets[string(b)] = place
	return b
}

// readStrictly refuses what encoding/json lets pass and a slip of an editor may cause: unknown members, members twice, names in another case, text
// after the end.
func readStrictly(raw []byte, in *text) error {
	var head struct{ Version int }
	if err := json.Unmarshal(raw, &head); err != nil {
		return jsonFault(raw, err)
	}
	// The version comes first: a file of a later release must not be reported as misspelt.
	if head.Version != formatVersion {
		return fmt.Errorf("version is %d, this program reads version %d", head.Version, formatVersion)
	}
	if err := checkMembers(raw, json.NewDecoder(bytes.NewReader(raw))); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return jsonFault(raw, err)
	}
	return nil
}

// jsonFault says where in the text a fault is. The parser's own words may quote what stands there, so they are not passed on.
func jsonFault(raw []byte, err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("line %d: value is of the wrong type or out of range, want %s", lineAt(raw, wrong.Offset), wrong.Type.Kind())
	}
	if broken, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("line %d: not valid JSON", lineAt(raw, broken.Offset))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		// checkMembers has let it pass, so it is one of our names and no piece of a key.
		return fmt.Errorf("member %s stands where it does not belong", name)
	}
	return errors.New("not valid JSON")
}

func lineAt(raw []byte, offset int64) int {
	return 1 + bytes.Count(raw[:min(max(offset, 0), int64(len(raw)))], []byte("\n"))
}

// checkMembers reads one value of valid JSON and refuses an object with a member that no object of ours has, or has twice: encoding/json would
// take the last, and a section pasted in twice would lose its first keys without a word. An unknown name is not shown, for it may be a key that
// slipped into the wrong place.
func checkMembers(raw []byte, d *json.Decoder) error {
	start, err := d.Token()
	if err != nil {
		return jsonFault(raw, err)
	}
	if start != json.Delim('{') && start != json.Delim('[') {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if start == json.Delim('{') {
			token, err := d.Token()
			if err != nil {
				return jsonFault(raw, err)
			}
			name, _ := token.(string)
			if !isMember(name) {
				return fmt.Errorf("line %d: unknown member", lineAt(raw, d.InputOffset()))
			}
			if seen[name] {
				return fmt.Errorf("line %d: member %q stands twice", lineAt(raw, d.InputOffset()), name)
			}
			seen[name] = true
		}
		if err := checkMembers(raw, d); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the closing delimiter
		return jsonFault(raw, err)
	}
	return nil
}

func isMember(name string) bool {
	switch name {
	case "version", Signing, Refresh, Session, Phone, PhoneIndex, Audit,
		"id", "created", "signFrom", "verifyUntil", "useFrom", "seed", "secret":
		return true
	}
	return false
}
