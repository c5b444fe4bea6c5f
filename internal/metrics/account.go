package metrics

import (
	"mpauth/internal/account"
	"mpauth/internal/sessionkey"
)

// decryptCauses are the causes that account.Event lists.
var decryptCauses = []string{
	"encoding", "length", "key", "padding", "json", "fields", "watermark", "age", "content", "used", "budget", "off",
}

// Account is for account.Options.Observe.
func (m *Metrics) Account(e account.Event) {
	if e.Action == account.ActionRefuseData {
		m.decryptFailures.WithLabelValues(m.app(e.AppID), e.How).Inc()
		return
	}
	first := ""
	if e.First {
		first = "yes"
	}
	m.accountEvents.WithLabelValues(m.app(e.AppID), string(e.Action), e.How, first).Inc()
}

// SessionKeyCache is for sessionkey.Options.Observe.
func (m *Metrics) SessionKeyCache(l sessionkey.Lookup) {
	m.cacheLookups.WithLabelValues(string(l)).Inc()
}
