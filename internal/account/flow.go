package account

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// AuthFact is what a person can give to an app.
type AuthFact string

// The facts.
const (
	FactProfile AuthFact = "PROFILE"
	FactPhone   AuthFact = "PHONE"
)

// AuthStep is how far a person is in a flow. Steps are ordered: reaching one includes those before it.
type AuthStep int

// The steps.
const (
	StepOne AuthStep = iota + 1
	StepTwo
	StepThree
)

var stepNames = [...]string{StepOne: "ONE", StepTwo: "TWO", StepThree: "THREE"}

// String is the step's name in the schema.
func (s AuthStep) String() string { return stepNames[s] }

// Flow is what an app asks of the people who use it, in this order.
type Flow []AuthFact

// ParseFlow reads a flow as the configuration writes it: `profile,phone`, `phone,profile`, `phone`
// or `profile`.
func ParseFlow(text string) (Flow, error) {
	var flow Flow
	for name := range strings.SplitSeq(text, ",") {
		fact := AuthFact(strings.ToUpper(strings.TrimSpace(name)))
		if fact != FactProfile && fact != FactPhone || slices.Contains(flow, fact) {
			return nil, fmt.Errorf("flow %q: want profile,phone or phone,profile or phone or profile", text)
		}
		flow = append(flow, fact)
	}
	return flow, nil
}

// Step is how far a person with these facts is: one more than the number of leading facts of the
// flow that they have, and THREE when they have all of them.
func (f Flow) Step(facts []AuthFact) AuthStep {
	leading := 0
	for leading < len(f) && slices.Contains(facts, f[leading]) {
		leading++
	}
	if leading == len(f) {
		return StepThree
	}
	return StepOne + AuthStep(leading)
}

// Missing lists the facts of the flow that are not among facts, in the flow's order.
func (f Flow) Missing(facts []AuthFact) []AuthFact {
	missing := []AuthFact{}
	for _, fact := range f {
		if !slices.Contains(facts, fact) {
			missing = append(missing, fact)
		}
	}
	return missing
}

// UpTo lists the facts a person must have to reach step. A flow of one fact has no step TWO of its
// own, so both TWO and THREE ask for that fact.
func (f Flow) UpTo(step AuthStep) []AuthFact {
	if step == StepThree {
		return f
	}
	return f[:min(int(step-StepOne), len(f))]
}

// MarshalGQL writes the step's name.
func (s AuthStep) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(s.String())) }

// UnmarshalGQL reads a step's name.
func (s *AuthStep) UnmarshalGQL(v any) error {
	name, _ := v.(string)
	i := slices.Index(stepNames[:], name)
	if i < int(StepOne) {
		return fmt.Errorf("%q is not an AuthStep", name)
	}
	*s = AuthStep(i)
	return nil
}

// MarshalGQL writes the fact's name.
func (f AuthFact) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(f))) }

// UnmarshalGQL reads a fact's name.
func (f *AuthFact) UnmarshalGQL(v any) error {
	name, _ := v.(string)
	if fact := AuthFact(name); fact == FactProfile || fact == FactPhone {
		*f = fact
		return nil
	}
	return fmt.Errorf("%q is not an AuthFact", name)
}
