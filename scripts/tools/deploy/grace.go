package main

import (
	"fmt"
	"time"
)

// checkGrace wants mpauth to end by itself before whoever runs it loses patience and kills it, and
// with it the requests that have begun: the time that it is given, less the time before it hears of its
// end, is longer than its drain and its shutdown.
func checkGrace(where string, grace, before time.Duration, settings map[string]string) []string {
	needed := before
	for _, name := range []string{"MPAUTH_DRAIN_DELAY", "MPAUTH_SHUTDOWN_TIMEOUT"} {
		value, err := time.ParseDuration(settings[name])
		if err != nil {
			return []string{fmt.Sprintf("%s: %s is %q; write it down, so that the grace period can be compared", where, name, settings[name])}
		}
		needed += value
	}
	if grace <= needed {
		return []string{fmt.Sprintf("%s: it is killed after %s, and may need %s", where, grace, needed)}
	}
	return nil
}
