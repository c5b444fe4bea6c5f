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
	// Step, of a login that created the person and of ActionBindPhone and ActionUpdateProfile, is the
	// step of the app's flow that the person has reached for the first time; 0: none.
	Step AuthStep
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
		s.Observe(Event{AppID: e.appID, Action: e.action, How: e.detail["by"], First: e.first, Step: e.step})
	}
}

// loggedIn is the event of a login, which the database has recorded by itself.
func (a arrival) loggedIn(m *member) event {
	who, step := "returning", AuthStep(0)
	if m.FirstLogin {
		who, step = "new", StepOne
	}
	return event{at: a.exchangedAt, action: ActionLogin, appID: a.app.AppID, detail: map[string]string{"by": who}, step: step}
}

// reaches notes how far the person, as they were so far, comes by giving a fact.
func (e *event) reaches(m *member, given AuthFact) {
	if step := m.flow.Step(append(m.facts(), given)); step > m.AuthStep() {
		e.step = step
	}
}
