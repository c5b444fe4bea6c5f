package metrics

import (
	"context"
	"slices"
	"strconv"

	"mpauth/internal/wechat"
)

// errcodes are the numbers that WeChat is known to answer the six endpoints with: those of their pages
// and of the global list of return codes that an operator can do something about.
var errcodes = []int{
	-1, 40001, 40002, 40003, 40013, 40014, 40029, 40066, 40097, 40125, 40129, 40163, 40164, 40226, 40243, 41001, 41002, 41004,
	41008, 42001, 43002, 43101, 43104, 44002, 44991, 45009, 45011, 45035, 47001, 48001, 48004, 50002, 50004, 50005, 50007,
	61004, 61010, 61450,
	87007, 87008, 87009, 87014, 89501, 89503, 89506, 89507,
}

// WeChat is for wechat.Options.Observe.
func (m *Metrics) WeChat(_ context.Context, call wechat.Call) {
	errcode := ""
	switch {
	case slices.Contains(errcodes, call.Errcode):
		errcode = strconv.Itoa(call.Errcode)
	case call.Errcode != 0:
		errcode = other
	}
	m.wechatCalls.WithLabelValues(m.app(call.AppID), call.API, string(call.Outcome), errcode).Inc()
	if call.Outcome != wechat.OutcomeHeld && call.Outcome != wechat.OutcomeQuota {
		m.wechatDuration.WithLabelValues(call.API).Observe(call.Duration.Seconds())
	}
}
