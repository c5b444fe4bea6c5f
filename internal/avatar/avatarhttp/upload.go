// Package avatarhttp owns the two routes of pictures: POST /avatars takes one from whoever is logged in,
// and GET /avatars/{key} shows it to whoever has its key.
//
// The upload is a route of its own and not GraphQL, because wx.uploadFile can send nothing but a form,
// in an order that WeChat does not document. It always answers JSON: wx.uploadFile hands over text
// whatever happened, and a client that can read the answer knows what to do about it.
package avatarhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"mpauth/internal/account"
	"mpauth/internal/authn"
	"mpauth/internal/avatar"
	"mpauth/internal/fault"
)

const (
	maxBody   = avatar.MaxUpload + maxOthers + 64<<10 // the file, other fields, and what is around them
	maxOthers = 64 << 10                              // of fields that are not the file, together
	maxParts  = 32                                    // fields of the form

	// memory is what all uploads that are being received may take. One more is asked to come back.
	memory = 64 << 20
	// patience is how long a phone may take to send its picture: less than a server that shuts down waits.
	patience = 20 * time.Second
)

// UploadOptions are what Upload needs.
type UploadOptions struct {
	Account *account.Service
	Press   *avatar.Press
	Limit   func(ctx context.Context, user uuid.UUID) error // faults: RATE_LIMITED
	Timeout time.Duration                                   // to make and store a picture, once it has been received
	Now     func() time.Time
}

// Upload answers POST /avatars: a form (multipart/form-data) with the picture in the field "file" and a
// bearer token in the header. It answers {"avatarKey": …}, or why not as [authn.Refuse] does.
func Upload(o UploadOptions) http.Handler {
	return &uploads{UploadOptions: o, memory: semaphore.NewWeighted(memory)}
}

type uploads struct {
	UploadOptions
	memory *semaphore.Weighted
}

// ServeHTTP implements http.Handler.
func (u *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	key, err := u.take(w, r)
	if err != nil {
		u.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"avatarKey": key})
}

// take goes from the request to the key of the picture.
func (u *uploads) take(w http.ResponseWriter, r *http.Request) (key string, err error) {
	caller, err := authn.Caller(r.Context())
	if err == nil {
		err = u.Limit(r.Context(), caller.UserID)
	}
	if err != nil {
		// A phone reads no answer before it has sent everything; cut short, it would never learn that its
		// token has to be refreshed.
		_, _ = io.CopyN(io.Discard, r.Body, maxBody)
		return "", err
	}
	upload, release, err := u.receive(w, r)
	if err != nil {
		return "", err
	}
	defer release()
	ctx, cancel := context.WithTimeout(r.Context(), u.Timeout)
	defer cancel()
	picture, err := u.Press.Make(ctx, upload)
	if err != nil {
		return "", err
	}
	return u.Account.AddAvatar(ctx, caller, picture)
}

// Why a form is refused, beside what [avatar.Press] finds.
var (
	errTooBig = fmt.Errorf("the file is larger than %d MB", avatar.MaxUpload>>20)
	errNoForm = errors.New("send a form: multipart/form-data with the picture in the field file")
	errNoFile = errors.New("the form has no field file")
	errFiles  = errors.New("the form has more than one field file")
	errCut    = errors.New("the form is damaged or incomplete")
	errFields = fmt.Errorf("the form has too many or too long fields: %d and %d KB together are allowed", maxParts, maxOthers>>10)
)

// receive reads the file of the form into memory that is held until release.
func (u *uploads) receive(w http.ResponseWriter, r *http.Request) (file []byte, release func(), err error) {
	size := r.ContentLength
	switch {
	case size > maxBody:
		return nil, nil, errTooBig
	case size < 0: // it is not told before
		size = maxBody
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "multipart/form-data" {
		return nil, nil, errNoForm
	}
	if !u.memory.TryAcquire(size) {
		busy := fault.New(fault.Unavailable, "too many pictures are being uploaded; try again")
		busy.RetryAfter = time.Second
		return nil, nil, busy
	}
	release = func() { u.memory.Release(size) }
	// What cannot set a deadline is no connection that could be slow.
	_ = http.NewResponseController(w).SetReadDeadline(u.Now().Add(patience))
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if file, err = readForm(r); err != nil {
		release()
		return nil, nil, err
	}
	return file, release, nil
}

// readForm finds the file in the form, before, between or behind other fields.
func readForm(r *http.Request) (file []byte, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, errNoForm
	}
	others, found := int64(maxOthers), false
	for range maxParts {
		part, err := form.NextPart()
		if err == io.EOF { //nolint:errorlint // the end itself; a body that ends too early wraps it
			if !found {
				return nil, errNoFile
			}
			return file, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errCut, err)
		}
		if part.FormName() != "file" {
			n, err := io.Copy(io.Discard, io.LimitReader(part, others+1))
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errCut, err)
			}
			if others -= n; others < 0 {
				return nil, errFields
			}
			continue
		}
		if found {
			return nil, errFiles
		}
		found = true
		if file, err = readFile(part, r.ContentLength); err != nil {
			return nil, err
		}
	}
	return nil, errFields
}

// readFile reads at most as much as a file may have. size is that of the whole form, if it is known.
func readFile(part io.Reader, size int64) ([]byte, error) {
	var content bytes.Buffer
	if size > 0 {
		content.Grow(int(min(size, avatar.MaxUpload)) + bytes.MinRead)
	}
	if _, err := content.ReadFrom(io.LimitReader(part, avatar.MaxUpload+1)); err != nil {
		return nil, fmt.Errorf("%w: %w", errCut, err)
	}
	if content.Len() > avatar.MaxUpload {
		return nil, errTooBig
	}
	return content.Bytes(), nil
}

// refuse answers why there is no key.
func (u *uploads) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, shown := refusal(err)
	if shown.Code == fault.Internal || shown.Err != nil {
		u.Account.Log.ErrorContext(r.Context(), "a picture was not taken", "error", shown)
	}
	authn.RefuseAs(w, status, shown)
}

// refusal gives what went wrong the code that a client knows.
func refusal(err error) (status int, shown *fault.Error) {
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return 0, known
	}
	input := func(status int, err error) (int, *fault.Error) { return status, fault.New(fault.BadInput, err.Error()) }
	_, tooMuch := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooMuch, errors.Is(err, errTooBig):
		return input(http.StatusRequestEntityTooLarge, errTooBig)
	case errors.Is(err, avatar.ErrTooLarge):
		return input(http.StatusRequestEntityTooLarge, avatar.ErrTooLarge)
	case errors.Is(err, avatar.ErrType), errors.Is(err, avatar.ErrAnimated), errors.Is(err, errNoForm):
		return input(http.StatusUnsupportedMediaType, err)
	case errors.Is(err, avatar.ErrBroken), errors.Is(err, errNoFile), errors.Is(err, errFiles), errors.Is(err, errFields):
		return input(http.StatusBadRequest, err)
	case errors.Is(err, os.ErrDeadlineExceeded): // of the connection
		return http.StatusRequestTimeout, fault.New(fault.Unavailable, "the picture did not arrive in time; try again")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return 0, fault.New(fault.Unavailable, "the picture could not be made in time; try again")
	case errors.Is(err, errCut):
		return input(http.StatusBadRequest, errCut)
	default:
		return 0, fault.Wrap(fault.Internal, "internal error", err)
	}
}
