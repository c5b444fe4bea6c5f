package wechat

import (
	"sync"
	"time"
)

// maxMetered bounds the memory of a budget. Users beyond it are still refused by WeChat itself.
const maxMetered = 10_000

// quota names what a minute quota of WeChat is counted for: a user of an app, or the app, on one endpoint.
type quota struct {
	appID, api, meter string
}

// budget remembers until the end of the minute which quotas WeChat has called used up (errcode 45011), so that nobody asks
// in vain and makes it worse. Its entries all end together, so one set is enough.
type budget struct {
	mu     sync.Mutex
	minute time.Time
	spent  map[quota]struct{}
}

// exhaust marks q as used up for the rest of now's minute.
func (b *budget) exhaust(q quota, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	if len(b.spent) < maxMetered {
		b.spent[q] = struct{}{}
	}
}

// wait is how long q stays used up, 0 when it is not.
func (b *budget) wait(q quota, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	if _, used := b.spent[q]; used {
		return untilNextMinute(now)
	}
	return 0
}

// turn forgets everything when another minute has begun.
func (b *budget) turn(now time.Time) {
	if minute := now.Truncate(time.Minute); b.spent == nil || !minute.Equal(b.minute) {
		b.minute, b.spent = minute, make(map[quota]struct{})
	}
}
