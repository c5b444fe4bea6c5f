package wechatfake

// quota is how often WeChat lets an endpoint be called. Zero means without limit.
type quota struct {
	perMinute, perDay int
	minuteCode        int // the errcode of a full minute; a full day answers 45009
}

// window counts the calls of one minute and of one day.
type window struct {
	minute, day     int64
	inMinute, inDay int
}

// beijing is WeChat's day: UTC+8 without summer time.
const beijing = 8 * 60 * 60

func (s *Server) day() int64 { return (s.now().Unix() + beijing) / (24 * 60 * 60) }

// spend counts one call against the quota of whoever key names, and refuses it when that is used up.
func (s *Server) spend(key string, q quota) *refusal {
	if s.settings.Unlimited || q == (quota{}) {
		return nil
	}
	w, ok := s.windows.get(key)
	if !ok {
		w = &window{}
		s.windows.put(key, w)
	}
	if day := s.day(); w.day != day {
		w.day, w.inDay = day, 0
	}
	if minute := s.now().Unix() / 60; w.minute != minute {
		w.minute, w.inMinute = minute, 0
	}
	w.inDay++
	w.inMinute++
	switch {
	case q.perDay > 0 && w.inDay > q.perDay:
		return refuse(45009)
	case q.perMinute > 0 && w.inMinute > q.perMinute:
		return refuse(q.minuteCode)
	default:
		return nil
	}
}
