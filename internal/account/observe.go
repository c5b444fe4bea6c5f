package account

// Event is something that happened, for whoever counts such things. It names no person.
type Event struct {
	AppID  string
	Action Action // as in the audit trail, without ActionRegister; or ActionRefuseData
	// How is, of ActionLogin, "new" or "returning"; of ActionBindPhone and ActionUpdateProfile, where it
	// came from: "code", "encryptedData", "nickname", "avatar" or "nickname and avatar"; of
	// ActionRefuseData, one of the causes that [wechat.DecryptReason] lists, or "content" (of somebody else, not signed, or no phone number),
	// "used" (used up before), "budget" (too many failures before) or "off" (switched off).
	How string
	// First means, of ActionBindPhone and ActionUpdateProfile, that there was none before.
	First bool
}

// ActionRefuseData is that encrypted data was refused. It is not in the audit trail: whoever can send
// a request could fill that.
const ActionRefuseData Action = "opendata.refuse"

// observe tells about events that have been recorded.
func (s *Service) observe(events []event) {
	if s.Observe == nil {
		return
	}
	for _, e := range events {
		s.Observe(Event{AppID: e.appID, Action: e.action, How: e.detail["by"], First: e.first})
	}
}

// loggedIn is the event of a login, which the database has recorded by itself.
func (a arrival) loggedIn(m *member) event {
	who := "returning"
	if m.FirstLogin {
		who = "new"
	}
	return event{at: a.exchangedAt, action: ActionLogin, appID: a.app.AppID, detail: map[string]string{"by": who}}
}
