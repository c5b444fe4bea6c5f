package sessionkey

import "github.com/google/uuid"

// Cached is what the cache holds for an identity, once it has settled.
func (s *Store) Cached(id uuid.UUID) (Ring, bool) {
	s.cache.Wait()
	return s.cache.Get(id.String())
}
