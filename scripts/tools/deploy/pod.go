package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	admission "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type labelSet = labels.Set

// checkPod holds a pod to Kubernetes' own policy "restricted", and to what mpauth needs.
func (m *manifests) checkPod(where string, pod corev1.PodTemplateSpec) []string {
	var found []string
	report := func(wrong bool, format string, args ...any) {
		if wrong {
			found = append(found, where+": "+fmt.Sprintf(format, args...))
		}
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil { // the checks are the library's own
		panic(err)
	}
	restricted := admission.LevelVersion{Level: admission.LevelRestricted, Version: admission.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec) {
		report(!result.Allowed, "not restricted: %s: %s", result.ForbiddenReason, result.ForbiddenDetail)
	}
	spec := pod.Spec
	report(!isFalse(spec.AutomountServiceAccountToken), "it gets a token for Kubernetes that it does not need")
	report(!isFalse(spec.EnableServiceLinks), "the Service becomes variables such as MPAUTH_PORT: set enableServiceLinks: false")
	report(spec.SecurityContext == nil || spec.SecurityContext.FSGroup == nil, "without fsGroup it cannot read its secrets")
	for _, c := range spec.Containers {
		found = append(found, checkImageName(where, c.Image)...)
		report(c.SecurityContext == nil || !isTrue(c.SecurityContext.ReadOnlyRootFilesystem), "%s: its root is not read-only", c.Name)
		report(c.Resources.Limits.Memory().IsZero(), "%s: no memory limit", c.Name)
		report(c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero(), "%s: no requests", c.Name)
		for _, e := range c.Env {
			report(secretName.MatchString(e.Name), "%s: %s is in the environment; mount it as a file", c.Name, e.Name)
		}
		for _, from := range c.EnvFrom {
			report(from.ConfigMapRef == nil || m.config(from.ConfigMapRef.Name).Name == "", "%s: its environment comes from what is not here", c.Name)
		}
		found = append(found, m.checkMounts(where, spec, c)...)
	}
	return found
}

// checkMounts wants every file that the settings name to lie in a mounted volume that exists.
func (m *manifests) checkMounts(where string, spec corev1.PodSpec, c corev1.Container) []string {
	var found []string
	for _, mount := range c.VolumeMounts {
		at := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
		if at < 0 {
			found = append(found, fmt.Sprintf("%s: there is no volume %s", where, mount.Name))
		} else if secret := spec.Volumes[at].Secret; secret != nil && mount.Name == "secrets" && (secret.DefaultMode == nil || *secret.DefaultMode != 0o400) {
			found = append(found, where+": others could read the keys, and mpauth refuses them then: defaultMode: 0400")
		}
		if mount.SubPath != "" {
			found = append(found, where+": a subPath never sees rotated keys")
		}
	}
	for name, value := range m.config(appName).Data {
		inside := func(mount corev1.VolumeMount) bool { return strings.HasPrefix(value, mount.MountPath+"/") }
		if strings.HasPrefix(value, "/") && !slices.ContainsFunc(c.VolumeMounts, inside) {
			found = append(found, fmt.Sprintf("%s: %s is in no volume: %s", where, name, value))
		}
	}
	return found
}

// checkServing wants probes that ask the right question, and time to leave.
func (m *manifests) checkServing(where string, spec corev1.PodSpec) []string {
	var found []string
	for _, c := range spec.Containers {
		before := time.Duration(0)
		if c.Lifecycle != nil && c.Lifecycle.PreStop != nil && c.Lifecycle.PreStop.Sleep != nil {
			before = time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
		}
		if before == 0 {
			found = append(found, where+": no preStop sleep: requests still come while it is already leaving")
		}
		grace := time.Duration(0)
		if spec.TerminationGracePeriodSeconds != nil {
			grace = time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
		}
		found = append(found, checkGrace(where, grace, before, m.config(appName).Data)...)
		for _, p := range []struct {
			name, path string
			probe      *corev1.Probe
		}{{"startup", "/livez", c.StartupProbe}, {"liveness", "/livez", c.LivenessProbe}, {"readiness", "/readyz", c.ReadinessProbe}} {
			named := func(port corev1.ContainerPort) bool { return p.probe.HTTPGet.Port.String() == port.Name }
			if p.probe == nil || p.probe.HTTPGet == nil || p.probe.HTTPGet.Path != p.path || !slices.ContainsFunc(c.Ports, named) {
				found = append(found, fmt.Sprintf("%s: the %s probe does not ask %s on a port that is there", where, p.name, p.path))
			}
		}
	}
	return found
}

func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }
