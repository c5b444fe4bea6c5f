package database

import (
	"container/list"
	"context"
	"database/sql/driver"
)

// maxStatements is how many statements a connection remembers: several times what the server uses,
// little memory on the server's side.
const maxStatements = 100

// statements are the prepared statements of one connection, the most recently used first.
//
// They live on the connection and not on the pool: a transaction that had to prepare on another
// connection while all of them are held by transactions would wait for ever.
type statements struct {
	prepare func(ctx context.Context, query string) (driver.Stmt, error)

	byQuery map[string]*list.Element
	recent  list.List // of *statement
}

type statement struct {
	query string
	driver.Stmt
}

// get returns the statement of query, preparing it when it is not among the remembered ones.
func (s *statements) get(ctx context.Context, query string) (driver.Stmt, error) {
	if e, ok := s.byQuery[query]; ok {
		s.recent.MoveToFront(e)
		return e.Value.(*statement).Stmt, nil
	}
	prepared, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	if s.byQuery == nil {
		s.byQuery = make(map[string]*list.Element)
	}
	s.byQuery[query] = s.recent.PushFront(&statement{query, prepared})
	if s.recent.Len() > maxStatements {
		if err := s.forget(s.recent.Back().Value.(*statement).query); err != nil {
			return nil, err
		}
	}
	return prepared, nil
}

// forget closes the statement of query, if it is among the remembered ones.
func (s *statements) forget(query string) error {
	e, ok := s.byQuery[query]
	if !ok {
		return nil
	}
	delete(s.byQuery, query)
	return s.recent.Remove(e).(*statement).Close()
}
