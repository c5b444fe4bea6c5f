package metrics

import (
	"database/sql"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// State is what is not counted but looked at, each time somebody asks. All of it is required.
type State struct {
	Pool    *sql.DB
	FeedAge func() time.Duration          // how long ago revocations were last read
	Revoked func() (sessions, people int) // how many revocations are known
	Keys    func() map[string]time.Time   // by kind, since when the present key is in use
}

var (
	feedAge = prometheus.NewDesc(namespace+"_revocation_feed_age_seconds",
		"How long ago the revocations were last read. Above 1, each request asks the database.", nil, nil)
	revoked = prometheus.NewDesc(namespace+"_revocations_known",
		"Ended sessions, and people with ended tokens, that are held in memory.", []string{"kind"}, nil)
	keySince = prometheus.NewDesc(namespace+"_key_in_use_since_timestamp_seconds",
		"When the key that is in use now took over, by kind.", []string{"kind"}, nil)
)

// Follow adds the state of a server, once there is one.
func (m *Metrics) Follow(s State) {
	m.registry.MustRegister(s, collectors.NewDBStatsCollector(s.Pool, namespace))
}

// Describe implements [prometheus.Collector].
func (s State) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{feedAge, revoked, keySince} {
		descriptions <- d
	}
}

// Collect implements [prometheus.Collector].
func (s State) Collect(found chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		found <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(feedAge, s.FeedAge().Seconds())
	sessions, people := s.Revoked()
	gauge(revoked, float64(sessions), "session")
	gauge(revoked, float64(people), "person")
	for kind, since := range s.Keys() {
		gauge(keySince, float64(since.Unix()), kind)
	}
}
