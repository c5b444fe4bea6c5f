package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"mpauth/internal/config"
	"mpauth/internal/keyfile"
	"mpauth/internal/seal"
	"mpauth/internal/token"
)

// keysPath is where the server's secret keys are.
func keysPath(c *config.Config) string {
	if c.KeysFile != "" {
		return c.KeysFile
	}
	return filepath.Join(c.Data, "dev-keys.json")
}

// loadKeys reads the key file. Development makes one when there is none; production never does, and
// refuses keys that development made.
func loadKeys(c *config.Config) (*keyfile.File, error) {
	path := keysPath(c)
	file, err := keyfile.Load(path)
	if errors.Is(err, fs.ErrNotExist) && c.Environment == config.Development {
		return generateKeys(path, true)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noKeys(path)
	}
	if err != nil {
		return nil, fmt.Errorf("MPAUTH_KEYS_FILE: %w", err)
	}
	if file.Development() && c.Environment == config.Production {
		return nil, fmt.Errorf("MPAUTH_KEYS_FILE: %s holds keys made in development; make others with `mpauth keys generate`", path)
	}
	return file, nil
}

func noKeys(path string) error {
	return fmt.Errorf("MPAUTH_KEYS_FILE: %s does not exist; name the key file, or make it with `mpauth keys generate`", path)
}

// generateKeys makes a key file. The keys that development makes by itself are marked, so that
// production can refuse them.
func generateKeys(path string, development bool) (*keyfile.File, error) {
	file, err := keyfile.Generate(time.Now(), rand.Reader, development)
	if err != nil {
		return nil, err
	}
	if err := file.Create(path); err != nil {
		return nil, fmt.Errorf("MPAUTH_KEYS_FILE: %w", err)
	}
	return file, nil
}

// rings are the keys in use. They change under way when the key file does.
type rings struct {
	signing *token.KeyRing
	refresh *token.Refresh
	session *seal.Keyring
	phone   *seal.Keyring
	index   *seal.Index
	file    atomic.Pointer[keyfile.File] // that they come from
}

func newRings(file *keyfile.File, now time.Time) (r *rings, err error) {
	r = &rings{}
	if r.signing, err = token.NewKeyRing(time.Now, file.SigningKeys()...); err != nil {
		return nil, err
	}
	if r.refresh, err = token.NewRefresh(file.RefreshKeys(now)...); err != nil {
		return nil, err
	}
	if r.session, err = seal.NewKeyring(file.SessionKeys(now)...); err != nil {
		return nil, err
	}
	if r.phone, err = seal.NewKeyring(file.PhoneKeys(now)...); err != nil {
		return nil, err
	}
	r.file.Store(file)
	r.index, err = seal.NewIndex(file.PhoneIndex())
	return r, err
}

// replace takes over the keys of a file that has changed.
func (r *rings) replace(file *keyfile.File) error {
	now := time.Now()
	r.file.Store(file)
	return errors.Join(
		r.signing.Replace(file.SigningKeys()...),
		r.refresh.Replace(file.RefreshKeys(now)...),
		r.session.Replace(file.SessionKeys(now)...),
		r.phone.Replace(file.PhoneKeys(now)...),
	)
}

// since is by kind since when the present key is in use.
func (r *rings) since() map[string]time.Time {
	since := map[string]time.Time{}
	for _, key := range r.file.Load().Summary(time.Now()) {
		if key.State == keyfile.InUse {
			since[key.Kind] = key.From
		}
	}
	return since
}

// manageKeys carries out `mpauth keys …`.
func manageKeys(c *config.Config, stdout io.Writer) error {
	path := keysPath(c)
	if c.Command == config.KeysGenerate {
		if _, err := generateKeys(path, false); errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("MPAUTH_KEYS_FILE: %s exists already and was left alone; `mpauth keys rotate` adds keys to it", path)
		} else if err != nil {
			return err
		}
		_, err := fmt.Fprintf(stdout, "Made %s. Back it up apart from the database: without it no stored phone number can be read.\n", path)
		return err
	}
	file, err := keyfile.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return noKeys(path)
	}
	if err != nil {
		return fmt.Errorf("MPAUTH_KEYS_FILE: %w", err)
	}
	if c.Command == config.KeysRotate {
		if err := file.Rotate(c.KeyKind, time.Now(), rand.Reader, overlap(c)); err != nil {
			return fmt.Errorf("MPAUTH_KEYS_FILE: %s: %w", path, err)
		}
		if err := file.Save(path); err != nil {
			return fmt.Errorf("MPAUTH_KEYS_FILE: %w", err)
		}
	}
	return listKeys(file, stdout)
}

// overlap is how long an old key has to verify what it signed.
func overlap(c *config.Config) keyfile.Overlap {
	return keyfile.Overlap{AccessTTL: c.AccessTTL, Leeway: tokenLeeway}
}

func listKeys(file *keyfile.File, stdout io.Writer) error {
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tID\tSTATE\tFROM\tUNTIL")
	for _, key := range file.Summary(time.Now()) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", key.Kind, cmp.Or(key.ID, "-"), key.State, moment(key.From), moment(key.Until))
	}
	return table.Flush()
}

func moment(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format("2006-01-02 15:04Z")
}
