package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// appName is the name of all objects that serve.
const appName = "mpauth"

// manifests are the objects in deploy/kubernetes.
type manifests struct {
	configs     []*corev1.ConfigMap
	deployments []*appsv1.Deployment
	jobs        []*batchv1.Job
	services    []*corev1.Service
	budgets     []*policyv1.PodDisruptionBudget
	policies    []*networkingv1.NetworkPolicy
}

// loadManifests decodes every file strictly into the types that the API server uses: a key that it does
// not know, a key twice, or a value of another kind is an error.
func loadManifests(root fs.FS) (*manifests, error) {
	files, err := fs.Glob(root, "deploy/kubernetes/*.yaml")
	if err != nil {
		return nil, err
	}
	m := &manifests{}
	for _, file := range files {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return nil, err
		}
		for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
			if err := m.add(document); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return m, nil
}

func (m *manifests) add(document []byte) error {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return err
	}
	switch kind.APIVersion + " " + kind.Kind {
	case "v1 ConfigMap":
		return decode(document, &m.configs)
	case "v1 Service":
		return decode(document, &m.services)
	case "apps/v1 Deployment":
		return decode(document, &m.deployments)
	case "batch/v1 Job":
		return decode(document, &m.jobs)
	case "policy/v1 PodDisruptionBudget":
		return decode(document, &m.budgets)
	case "networking.k8s.io/v1 NetworkPolicy":
		return decode(document, &m.policies)
	}
	return fmt.Errorf("%s %s is a kind that has no rules here", kind.APIVersion, kind.Kind)
}

func decode[T any](document []byte, into *[]*T) error {
	object := new(T)
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		return err
	}
	*into = append(*into, object)
	return nil
}

// config is the ConfigMap of that name, or an empty one.
func (m *manifests) config(name string) *corev1.ConfigMap {
	for _, c := range m.configs {
		if c.Name == name {
			return c
		}
	}
	return &corev1.ConfigMap{}
}

func checkKubernetes(root fs.FS) ([]string, error) {
	m, err := loadManifests(root)
	if err != nil {
		return []string{err.Error()}, nil
	}
	var found []string
	for _, d := range m.deployments {
		found = append(found, m.checkPod("Deployment "+d.Name, d.Spec.Template)...)
		found = append(found, m.checkServing("Deployment "+d.Name, d.Spec.Template.Spec)...)
	}
	for _, j := range m.jobs {
		found = append(found, m.checkPod("Job "+j.Name, j.Spec.Template)...)
	}
	for i := range found {
		found[i] = "deploy/kubernetes: " + found[i]
	}
	for _, problem := range m.checkSelectors() {
		found = append(found, "deploy/kubernetes: "+problem)
	}
	return found, nil
}

// checkSelectors wants everything that points at pods to point at the replicas, and only at them: an
// empty or misspelt selector is valid, and silently means something else.
func (m *manifests) checkSelectors() []string {
	var found []string
	for _, d := range m.deployments {
		point := func(kind, name string, selector map[string]string) {
			if len(selector) == 0 || !contains(d.Spec.Template.Labels, selector) {
				found = append(found, fmt.Sprintf("%s %s does not select the pods of Deployment %s", kind, name, d.Name))
			}
			for _, j := range m.jobs {
				if contains(j.Spec.Template.Labels, selector) {
					found = append(found, fmt.Sprintf("%s %s selects the pods of Job %s too", kind, name, j.Name))
				}
			}
		}
		point("Deployment", d.Name, d.Spec.Selector.MatchLabels)
		for _, s := range m.services {
			point("Service", s.Name, s.Spec.Selector)
		}
		for _, b := range m.budgets {
			point("PodDisruptionBudget", b.Name, b.Spec.Selector.MatchLabels)
		}
	}
	if len(m.deployments) == 0 || len(m.services) == 0 || len(m.budgets) == 0 || len(m.policies) == 0 || len(m.jobs) == 0 {
		found = append(found, "one of Deployment, Service, PodDisruptionBudget, NetworkPolicy and Job is missing")
	}
	return append(found, m.checkPolicies()...)
}

// checkPolicies wants every pod to be held by a policy in both directions.
func (m *manifests) checkPolicies() []string {
	pods := map[string]map[string]string{}
	for _, d := range m.deployments {
		pods["Deployment "+d.Name] = d.Spec.Template.Labels
	}
	for _, j := range m.jobs {
		pods["Job "+j.Name] = j.Spec.Template.Labels
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		held := slices.ContainsFunc(m.policies, func(p *networkingv1.NetworkPolicy) bool {
			selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
			return err == nil && selector.Matches(labelSet(pods[name])) && len(p.Spec.PolicyTypes) == 2
		})
		if !held {
			found = append(found, "no NetworkPolicy says whom "+name+" may talk to")
		}
	}
	return found
}

func contains(labels, selector map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}
