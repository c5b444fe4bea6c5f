package front

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"mpauth/internal/fault"
)

// maxBody bounds a request, in bytes.
const maxBody = 64 << 10

const (
	plainJSON    = "application/json"
	responseJSON = "application/graphql-response+json"
)

// post is the only transport: a POST of one JSON object. It is not gqlgen's own because that one
// repeats the body in its errors, takes what follows the object or stands in it twice, and answers a
// body that is too long with success.
type post struct {
	presenter Presenter
	watch     Watch
	documents *Documents
}

// request is what a client sends: the parameters of GraphQL over HTTP, or the id of a document in
// place of the query.
type request struct {
	graphql.RawParams
	DocumentID string `json:"documentId"`
}

var _ graphql.Transport = post{}

// Supports every request, so that the refusals are ours too.
func (p post) Supports(*http.Request) bool { return true }

// Do carries out one request.
func (p post) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", answerType(r))
	answered := p.watch.begin()
	operation, status, answer := p.answer(w, r, exec)
	answered(operation, answer)
	p.watch.refused(r.Context(), operation, answer)
	p.write(w, status, answer)
}

// answer carries out what a request asks for, as far as it goes.
func (p post) answer(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) (*graphql.OperationContext, int, *graphql.Response) {
	params, status, err := p.readParams(w, r)
	if err != nil {
		return nil, status, &graphql.Response{Errors: gqlerror.List{p.presenter.Present(r.Context(), err)}}
	}
	operation, refused := exec.CreateOperationContext(r.Context(), params)
	if refused != nil {
		ctx := graphql.WithOperationContext(r.Context(), operation)
		return operation, refusedStatus(r), exec.DispatchError(ctx, refused)
	}
	respond, ctx := exec.DispatchOperation(r.Context(), operation)
	answer := respond(ctx)
	if answer == nil { // the time for the request ended before the operation began
		late := fault.Wrap(fault.Unavailable, "this took too long; try again", ctx.Err())
		answer = &graphql.Response{Errors: gqlerror.List{p.presenter.Present(ctx, late)}}
	}
	return operation, http.StatusOK, answer
}

// write sends an answer. One that did nothing has no data, which is how a client knows that it may
// repeat the request: the operation was never begun, or all it met was the end of the session.
func (p post) write(w http.ResponseWriter, status int, answer *graphql.Response) {
	w.WriteHeader(status)
	nothing := string(answer.Data) == "null" && !slices.ContainsFunc(answer.Errors, isNotAuthentication)
	answer.Errors = fewErrors(answer.Errors)
	var body any = answer
	if len(answer.Data) == 0 || nothing {
		body = struct {
			Errors gqlerror.List `json:"errors"`
		}{answer.Errors}
	}
	_ = json.NewEncoder(w).Encode(body) // the client is gone if this fails
}

// isNotAuthentication tells the errors that are not about who asks.
func isNotAuthentication(e *gqlerror.Error) bool {
	switch e.Extensions["code"] {
	case fault.Unauthenticated, fault.TokenExpired, fault.SessionRevoked:
		return false
	}
	return true
}

// readParams reads the request, or says with which status to refuse it and why.
func (p post) readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, int, error) {
	if !isJSON(r) {
		return nil, http.StatusUnsupportedMediaType, fault.New(fault.BadInput, "send Content-Type: application/json, in UTF-8 and not compressed")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		return nil, http.StatusRequestEntityTooLarge, fault.New(fault.BadInput, "the request is longer than 64 KB")
	}
	if err != nil {
		return nil, http.StatusBadRequest, fault.New(fault.BadInput, "the request ended early")
	}
	var sent request
	if err := decodeStrictly(body, &sent); err != nil {
		return nil, http.StatusBadRequest, fault.New(fault.BadInput, "the request is not one JSON object with query, operationName and variables: "+err.Error())
	}
	if sent.Query == "" {
		sent.Query = p.documents.text(sent.DocumentID)
	}
	if sent.Query == "" {
		return nil, http.StatusBadRequest, fault.New(fault.BadInput, "the request has no query, and no documentId that is known here")
	}
	sent.Headers = r.Header
	return &sent.RawParams, 0, nil
}

// isJSON tells whether the request says that it is JSON in UTF-8, as it is on the wire.
func isJSON(r *http.Request) bool {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, named := params["charset"]
	return err == nil && media == plainJSON && r.Header.Get("Content-Encoding") == "" &&
		len(r.Header.Values("Content-Type")) == 1 && (!named || strings.EqualFold(charset, "utf-8"))
}

// answerType is the media type of the answer: the one of GraphQL over HTTP for a client that asks for
// it by name, and plain JSON for everybody else.
func answerType(r *http.Request) string {
	for _, accept := range r.Header.Values("Accept") {
		for item := range strings.SplitSeq(accept, ",") {
			if media, _, err := mime.ParseMediaType(item); err == nil && media == responseJSON {
				return responseJSON + "; charset=utf-8"
			}
		}
	}
	return plainJSON + "; charset=utf-8"
}

// refusedStatus is the status for a query that cannot be carried out. To a client that asks for plain
// JSON a well-formed request is answered with 200, whatever the query; see GraphQL over HTTP.
func refusedStatus(r *http.Request) int {
	if strings.HasPrefix(answerType(r), plainJSON) {
		return http.StatusOK
	}
	return http.StatusBadRequest
}
