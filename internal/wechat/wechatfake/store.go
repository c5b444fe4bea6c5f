package wechatfake

import "container/list"

// store is a map that holds at most limit values: writing one more drops the one that was written longest ago. A fake
// that runs for weeks behind somebody's load test must not grow for ever.
type store[V any] struct {
	limit int
	order *list.List // of entry[V], newest first
	items map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
}

func newStore[V any](limit int) *store[V] {
	return &store[V]{limit: limit, order: list.New(), items: map[string]*list.Element{}}
}

func (s *store[V]) get(key string) (V, bool) {
	e, ok := s.items[key]
	if !ok {
		var none V
		return none, false
	}
	return e.Value.(entry[V]).value, true
}

// put writes a value and makes it the newest.
func (s *store[V]) put(key string, value V) {
	if e, ok := s.items[key]; ok {
		s.order.Remove(e)
	}
	s.items[key] = s.order.PushFront(entry[V]{key, value})
	for s.order.Len() > s.limit {
		s.dropOldest()
	}
}

// prune drops the oldest values for as long as they are over.
func (s *store[V]) prune(over func(V) bool) {
	for e := s.order.Back(); e != nil && over(e.Value.(entry[V]).value); e = s.order.Back() {
		s.dropOldest()
	}
}

func (s *store[V]) dropOldest() {
	e := s.order.Back()
	s.order.Remove(e)
	delete(s.items, e.Value.(entry[V]).key)
}

func (s *store[V]) len() int { return s.order.Len() }
