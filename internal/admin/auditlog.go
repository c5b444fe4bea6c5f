package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/auditevent"
	"mpauth/ent/auditseal"
	"mpauth/ent/predicate"
	"mpauth/internal/account"
)

// AuditEvent is one thing that happened.
type AuditEvent struct {
	ID        string
	At        time.Time
	Action    string
	AppID     string
	UserID    *uuid.UUID
	SessionID *uuid.UUID
	Actor     *string
	Reason    *string
	Detail    []string // name=value, by name
	Seal      *int     // nil: not sealed yet
}

// AuditFilter is what the trail is narrowed to. What is nil does not narrow.
type AuditFilter struct {
	Action *string
	UserID *uuid.UUID
	Actor  *string
	AppID  *string
	From   *time.Time
	Before *time.Time
}

// AuditConnection is a page of the trail.
type AuditConnection struct {
	Edges    []*AuditEdge
	PageInfo *PageInfo
}

// AuditEdge is an event with its place in the list.
type AuditEdge struct {
	Cursor string
	Node   *AuditEvent
}

// AuditExport is a part of the trail, as lines of JSON.
type AuditExport struct {
	Lines     string
	EndCursor *string // nil: there is no more
}

// AuditVerification is what was found when the chain was read.
type AuditVerification struct {
	Ok       bool
	Sealed   int
	Problems []string
}

// AuditLog is the trail, the latest event first. Faults: BAD_INPUT, UNAVAILABLE.
func (s *Service) AuditLog(ctx context.Context, by account.Actor, filter *AuditFilter, first int, after *string) (*AuditConnection, error) {
	if err := checkFirst(first); err != nil {
		return nil, err
	}
	where, err := s.narrowedTrail(filter)
	if err != nil {
		return nil, err
	}
	if after != nil {
		place, err := readEventPlace(*after)
		if err != nil {
			return nil, err
		}
		where = append(where, beside(sql.CompositeLT, place))
	}
	rows, err := s.eventQuery(where, first+1).All(ctx)
	if err != nil {
		return nil, outward(fmt.Errorf("read the audit trail: %w", err))
	}
	more := len(rows) > first
	rows = rows[:min(first, len(rows))]
	events, err := s.events(ctx, rows)
	if err != nil {
		return nil, outward(err)
	}
	if err := s.record(ctx, by, filter.reading(actionReadAudit, len(rows))); err != nil {
		return nil, err
	}
	connection := &AuditConnection{Edges: make([]*AuditEdge, len(rows))}
	for i, row := range rows {
		connection.Edges[i] = &AuditEdge{Cursor: eventPlace{row.At, row.ID}.String(), Node: events[i]}
	}
	connection.PageInfo = pageInfo(connection.Edges, func(e *AuditEdge) string { return e.Cursor }, more, after)
	return connection, nil
}

// eventQuery is the statement that reads the trail, the latest event first.
func (s *Service) eventQuery(where []predicate.AuditEvent, limit int) *ent.AuditEventQuery {
	return s.DB.Ent().AuditEvent.Query().Where(where...).
		Order(auditevent.ByAt(sql.OrderDesc()), auditevent.ByID(sql.OrderDesc())).Limit(limit)
}

// maxExport is how many events one export holds; they are read a part at a time.
const (
	maxExport  = 10_000
	exportPart = 1000
)

// ExportAuditLog is the trail as lines of JSON, the oldest event first. An event that is still being
// written when its moment is exported is not in it and does not come later; so whoever exports all of
// it ends each export a minute ago, by filter.Before. Faults: BAD_INPUT, UNAVAILABLE.
func (s *Service) ExportAuditLog(ctx context.Context, by account.Actor, filter *AuditFilter, after *string) (*AuditExport, error) {
	where, err := s.narrowedTrail(filter)
	if err != nil {
		return nil, err
	}
	var place *eventPlace
	if after != nil {
		p, err := readEventPlace(*after)
		if err != nil {
			return nil, err
		}
		place = &p
	}
	var lines strings.Builder
	export := &AuditExport{}
	count := 0
	for count < maxExport {
		rows, err := s.exportedPart(ctx, where, place)
		if err != nil {
			return nil, outward(err)
		}
		if err := s.writeLines(ctx, &lines, rows); err != nil {
			return nil, outward(err)
		}
		count += len(rows)
		if len(rows) < exportPart {
			place = nil
			break
		}
		place = &eventPlace{rows[len(rows)-1].At, rows[len(rows)-1].ID}
	}
	if place != nil {
		export.EndCursor = new(place.String())
	}
	export.Lines = lines.String()
	if err := s.record(ctx, by, filter.reading(actionExportAudit, count)); err != nil {
		return nil, err
	}
	return export, nil
}

func (s *Service) exportedPart(ctx context.Context, where []predicate.AuditEvent, after *eventPlace) ([]*ent.AuditEvent, error) {
	if after != nil {
		where = append(slices.Clone(where), beside(sql.CompositeGT, *after))
	}
	rows, err := s.exportQuery(where).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("export the audit trail: %w", err)
	}
	return rows, nil
}

// exportQuery is the statement that reads the trail, the oldest event first.
func (s *Service) exportQuery(where []predicate.AuditEvent) *ent.AuditEventQuery {
	return s.DB.Ent().AuditEvent.Query().Where(where...).
		Order(auditevent.ByAt(), auditevent.ByID()).Limit(exportPart)
}

// exportedLine is an event in an export. The names are those of the schema.
type exportedLine struct {
	ID        string            `json:"id"`
	At        time.Time         `json:"at"`
	Action    string            `json:"action"`
	AppID     string            `json:"appId"`
	UserID    *uuid.UUID        `json:"userId,omitempty"`
	SessionID *uuid.UUID        `json:"sessionId,omitempty"`
	Actor     *string           `json:"actor,omitempty"`
	Reason    *string           `json:"reason,omitempty"`
	Detail    map[string]string `json:"detail,omitempty"`
	Seal      *int              `json:"seal,omitempty"`
}

func (s *Service) writeLines(ctx context.Context, to *strings.Builder, rows []*ent.AuditEvent) error {
	events, err := s.events(ctx, rows)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(to) // ends each value with a line break
	encoder.SetEscapeHTML(false)
	for i, e := range events {
		line := exportedLine{e.ID, e.At, e.Action, e.AppID, e.UserID, e.SessionID, e.Actor, e.Reason, rows[i].Detail, e.Seal}
		if err := encoder.Encode(line); err != nil {
			return fmt.Errorf("write event %s: %w", e.ID, err)
		}
	}
	return nil
}

// VerifyAuditLog reads the whole chain. Faults: UNAVAILABLE.
func (s *Service) VerifyAuditLog(ctx context.Context, by account.Actor) (*AuditVerification, error) {
	report, err := s.Chain.Verify(ctx, nil)
	if err != nil {
		return nil, outward(err)
	}
	result := &AuditVerification{Ok: report.OK(), Sealed: int(report.Sealed), Problems: slices.Clone(report.Problems)}
	outcome := map[string]string{"sealed": strconv.FormatInt(report.Sealed, 10), "problems": strconv.Itoa(len(report.Problems))}
	if err := s.record(ctx, by, deed{action: actionVerifyAudit, detail: outcome}); err != nil {
		return nil, err
	}
	return result, nil
}

// events shows rows, in their order, with their places in the chain.
func (s *Service) events(ctx context.Context, rows []*ent.AuditEvent) ([]*AuditEvent, error) {
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	places := make(map[int64]int, len(rows))
	for chunk := range chunks(ids) {
		seals, err := s.DB.Ent().AuditSeal.Query().Where(auditseal.EventIDIn(chunk...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("read seals: %w", err)
		}
		for _, seal := range seals {
			places[seal.EventID] = int(seal.ID)
		}
	}
	events := make([]*AuditEvent, len(rows))
	for i, row := range rows {
		events[i] = &AuditEvent{
			ID: strconv.FormatInt(row.ID, 10), At: row.At.UTC(), Action: row.Action, AppID: row.AppID,
			UserID: row.UserID, SessionID: row.SessionID, Actor: row.Actor, Reason: row.Reason, Detail: pairs(row.Detail),
		}
		if place, sealed := places[row.ID]; sealed {
			events[i].Seal = &place
		}
	}
	return events, nil
}

func pairs(detail map[string]string) []string {
	texts := make([]string, 0, len(detail))
	for name, value := range detail {
		texts = append(texts, name+"="+value)
	}
	slices.Sort(texts)
	return texts
}

// chunks are parts of a list that fit into a statement.
func chunks(ids []int64) iter.Seq[[]int64] { return slices.Chunk(ids, exportPart) }

// reading is what the trail says about being read: by what it was narrowed, and to whom, because that
// is an id.
func (f *AuditFilter) reading(action string, found int) deed {
	d := deed{action: action, detail: map[string]string{"found": strconv.Itoa(found)}}
	if f == nil {
		return d
	}
	for name, value := range map[string]*string{"action": f.Action, "actor": f.Actor, "appId": f.AppID} {
		if value != nil {
			d.detail[name] = *value
		}
	}
	for name, value := range map[string]*time.Time{"from": f.From, "before": f.Before} {
		if value != nil {
			d.detail[name] = value.UTC().Format(time.RFC3339Nano)
		}
	}
	d.user = f.UserID
	return d
}

// narrowedTrail are the conditions of a filter. Faults: BAD_INPUT.
func (s *Service) narrowedTrail(f *AuditFilter) (where []predicate.AuditEvent, err error) {
	if f == nil {
		return nil, nil
	}
	if f.UserID != nil {
		where = append(where, auditevent.UserID(*f.UserID))
	}
	for _, text := range []struct {
		name  string
		value *string
		is    func(string) predicate.AuditEvent
	}{{"action", f.Action, s.withAction}, {"actor", f.Actor, byActor}, {"appId", f.AppID, auditevent.AppID}} {
		if text.value == nil {
			continue
		}
		if err := checkText(text.name, *text.value); err != nil {
			return nil, err
		}
		where = append(where, text.is(*text.value))
	}
	if f.From != nil {
		where = append(where, auditevent.AtGTE(*f.From))
	}
	if f.Before != nil {
		where = append(where, auditevent.AtLT(*f.Before))
	}
	return where, nil
}

// byActor says what the partial index of actors holds.
func byActor(actor string) predicate.AuditEvent {
	return auditevent.And(auditevent.ActorNotNil(), auditevent.Actor(actor))
}

// withAction is a whole action, or its beginning with a dot.
func (s *Service) withAction(text string) predicate.AuditEvent {
	if strings.HasSuffix(text, ".") {
		return beginsWith(s.DB.Dialect, auditevent.FieldAction, text)
	}
	return auditevent.Action(text)
}

// beside compares both columns at once, so that an index leads to the place.
func beside(compare func(columns []string, args ...any) *sql.Predicate, p eventPlace) predicate.AuditEvent {
	return func(s *sql.Selector) {
		s.Where(compare([]string{s.C(auditevent.FieldAt), s.C(auditevent.FieldID)}, p.at, p.id))
	}
}
