package admin_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/admin"
)

// budget is what a search among 100,000 people may take at the median.
const budget = 50 * time.Millisecond

// BenchmarkAdminSearch measures whole searches, with their records in the audit trail: the median and
// the slowest of twenty.
func BenchmarkAdminSearch(b *testing.B) {
	w := newCity(b, 100_000)
	w.fill(b, "UPDATE users SET phone_index = sha256(id::text::bytea) WHERE app_group = $1", shop)
	w.fill(b, "UPDATE users SET phone_index = NULL WHERE app_group = 'market'")
	w.fill(b, "VACUUM ANALYZE users")
	yearAgo := time.Now().Add(-50_000 * time.Minute)
	status := func(s admin.UserStatus) *admin.UserFilter { return &admin.UserFilter{Status: &s} }
	middle, err := w.Users(b.Context(), sue, &admin.UserFilter{CreatedBefore: &yearAgo}, 1, nil, why)
	require.NoError(b, err)
	for _, search := range []struct {
		name   string
		filter *admin.UserFilter
		after  *string
	}{
		{"all", nil, nil},
		{"all, from the middle", nil, middle.PageInfo.EndCursor},
		{"id", &admin.UserFilter{ID: new(uuid.MustParse("00000000-0000-4000-8000-000000000fff"))}, nil},
		{"openId", &admin.UserFilter{OpenID: new("o00000000000000000000000000000000")}, nil},
		{"unionId", &admin.UserFilter{UnionID: new("u00000000000000000000000000000000")}, nil},
		{"phone", &admin.UserFilter{Phone: new("13800000001")}, nil},
		{"nickname of everybody", &admin.UserFilter{Nickname: new("N")}, nil},
		{"nickname of many", &admin.UserFilter{Nickname: new("Name 7")}, nil},
		{"nickname of few", &admin.UserFilter{Nickname: new("Name 7f3")}, nil},
		{"nickname of nobody", &admin.UserFilter{Nickname: new("nobody")}, nil},
		{"nickname of everybody, from the middle", &admin.UserFilter{Nickname: new("N")}, middle.PageInfo.EndCursor},
		{"app", &admin.UserFilter{AppID: new(club)}, nil},
		{"app of a group that knows few", &admin.UserFilter{AppID: new(stand)}, nil},
		{"app of a group that knows many", &admin.UserFilter{AppID: new(mall)}, nil},
		{"app of a group that knows many, and a nickname of nobody", &admin.UserFilter{AppID: new(mall), Nickname: new("nobody")}, nil},
		{"active", status(admin.UserActive), nil},
		{"disabled", status(admin.UserDisabled), nil},
		{"closing", status(admin.UserClosing), nil},
		{"merged", status(admin.UserMerged), nil},
		{"with a phone", &admin.UserFilter{HasPhone: new(true)}, nil},
		{"without a phone", &admin.UserFilter{HasPhone: new(false)}, nil},
		{"without a phone in an app where everybody has one", &admin.UserFilter{HasPhone: new(false), AppID: new(shop)}, nil},
		{"with a phone in an app where nobody has one", &admin.UserFilter{HasPhone: new(true), AppID: new(mall)}, nil},
		{"a period", &admin.UserFilter{CreatedFrom: &yearAgo, CreatedBefore: new(yearAgo.Add(24 * time.Hour))}, nil},
		{"merged with a nickname of many", &admin.UserFilter{Status: new(admin.UserMerged), Nickname: new("Name 7")}, nil},
		{"disabled, with a phone and a nickname of nobody", &admin.UserFilter{
			Status: new(admin.UserDisabled), HasPhone: new(true), Nickname: new("nobody"), AppID: new(club),
		}, nil},
		{"closing of a long time ago", &admin.UserFilter{Status: new(admin.UserClosing), CreatedBefore: &yearAgo}, nil},
		{"disabled, with a phone, of an app, before", &admin.UserFilter{
			Status: new(admin.UserDisabled), HasPhone: new(false), AppID: new(club), CreatedBefore: &yearAgo,
		}, nil},
	} {
		for _, size := range []int{20, 100} {
			b.Run(search.name, func(b *testing.B) { measure(b, w, search.filter, size, search.after) })
		}
	}
}

func measure(b *testing.B, w *world, filter *admin.UserFilter, size int, after *string) {
	var took []time.Duration
	for b.Loop() {
		for range 20 {
			began := time.Now()
			if _, err := w.Users(b.Context(), sue, filter, size, after, why); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	median := took[len(took)/2]
	b.ReportMetric(float64(median.Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "ms-slowest")
	if median > budget {
		b.Errorf("the median is %s; it may be %s", median, budget)
	}
}
