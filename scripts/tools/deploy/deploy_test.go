package main

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const repository = "../../.."

// tree is what the rules read of the repository, for a test to change.
func tree(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	root := os.DirFS(repository)
	add := func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		files[name] = &fstest.MapFile{Data: text}
		return err
	}
	for _, top := range []string{"deploy/Dockerfile", dockerignore, composeFile, "deploy/compose", "deploy/kubernetes", "deploy/systemd", "go.mod", helpFile} {
		require.NoError(t, fs.WalkDir(root, top, add))
	}
	return files
}

func TestDeployFilesAreSound(t *testing.T) {
	t.Parallel()
	found, err := check(tree(t))
	require.NoError(t, err)
	require.Empty(t, found)
}

// Every rule is shown to bite: one change to a sound file, and what must be said of it.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	const (
		deployment = "deploy/kubernetes/deployment.yaml"
		config     = "deploy/kubernetes/config.yaml"
	)
	for _, plant := range []struct{ file, old, new, says string }{
		{dockerfile, "COPY go.mod go.sum ./", "COPY go.mod go.sum $NOWHERE/", "UndefinedVar"},
		{dockerfile, "COPY . .", "COPI . .", "unknown instruction"},
		{dockerfile, "ARG COMMIT", "ARG COMMIT\nARG DB_PASSWORD", "SecretsUsedInArgOrEnv"},
		{dockerfile, "ENTRYPOINT [\"/mpauth\"]", "ENTRYPOINT /mpauth", "JSONArgsRecommended"},
		{dockerfile, "ENTRYPOINT [\"/mpauth\"]", "ENTRYPOINT /mpauth", "needs a shell"},
		{dockerfile, "golang:1.", "golang:9.", "which go.mod names"},
		{dockerfile, "static-debian13:nonroot", "static-debian13", "another image tomorrow"},
		{dockerfile, "static-debian13:nonroot", "static-debian13:latest", "another image tomorrow"},
		{dockerfile, "USER 65532:65532", "USER nonroot", "in figures"},
		{dockerfile, "USER 65532:65532", "USER 0:0", "in figures"},
		{dockerfile, "EXPOSE 8080", "EXPOSE 8080\nCOPY go.mod /", "from the build context"},
		{dockerfile, "EXPOSE 8080", "EXPOSE 8080\nRUN true", "no shell and fetches nothing"},
		{dockerignore, ".*\n", "", ".git/config would be part"},
		{dockerignore, "deploy\n", "", "deploy/secrets/wechat-secret would be part"},
		{dockerignore, "scripts/tools", "scripts", "keeps scripts/build out"},
		{composeFile, "    restart: \"no\"\n", "    restart: \"no\"\n    read_onli: true\n", "read_onli"},
		{composeFile, "socket: {}", "plug: {}", "undefined volume"},
		{composeFile, "  read_only: true\n  cap_drop", "  cap_drop", "not read_only"},
		{composeFile, "  cap_drop: [ALL]\n  security_opt", "  security_opt", "drop all capabilities"},
		{composeFile, "    security_opt: [\"no-new-privileges:true\"]\n    read_only", "    read_only", "may gain privileges"},
		{composeFile, "mem_limit: 256m", "mem_limit: 0", "no mem_limit"},
		{composeFile, "    pids_limit: 300\n", "", "no pids_limit"},
		{composeFile, "    pids_limit: 300\n    restart: unless-stopped\n", "    pids_limit: 300\n", "started again"},
		{composeFile, "    pids_limit: 300\n", "    pids_limit: 300\n    privileged: true\n", "privileged"},
		{composeFile, "image: caddy:2.10-alpine", "image: caddy", "another image tomorrow"},
		{composeFile, "POSTGRES_PASSWORD_FILE:", "POSTGRES_PASSWORD:", "POSTGRES_PASSWORD is in the environment"},
		{composeFile, "    networks: [inside]\n    environment: *settings", "    networks: [inside]\n    ports: [\"8080:8080\"]\n    environment: *settings", "publishes a port"},
		{composeFile, "certificates:/data", "/var/run/docker.sock:/data", "controls Docker"},
		{composeFile, "stop_grace_period: 35s", "stop_grace_period: 30s", "killed after 30s, and may need 30s"},
		{composeFile, "  MPAUTH_DRAIN_DELAY: 5s\n", "", "MPAUTH_DRAIN_DELAY is \"\""},
		{composeFile, "MPAUTH_MIGRATE", "MPAUTH_MIGRATIONS", "MPAUTH_MIGRATIONS is no setting"},
		{"deploy/compose/Caddyfile", "{$SITE}", "{$MPAUTH_SITE}", "MPAUTH_SITE is no setting"},
		{"deploy/systemd/mpauth.env", "MPAUTH_WECHAT_APPID=", "MPAUTH_WECHAT_SECRET=", "use LoadCredential"},
		{"deploy/systemd/mpauth.env", "=wx1234567890abcdef", "=0123456789abcdef0123456789abcdef", "looks like a secret"},
		{config, "mpauth:…@", "mpauth:letmein@", "looks like a secret"},
		{config, "kind: ConfigMap", "kind: Secret", "looks like a secret"},
		{config, "kind: ConfigMap", "kind: Secret", "has no rules here"},
		{unitFile, "LoadCredential=database-url:/etc/mpauth/database-url\n", "", "no LoadCredential hands over"},
		{unitFile, "TimeoutStopSec=35s", "TimeoutStopSec=30s", "killed after 30s, and may need 30s"},
		{unitFile, "TimeoutStopSec=35s", "", "TimeoutStopSec is missing"},
		{deployment, "replicas: 3", "replica: 3", "unknown field \"replica\""},
		{deployment, "replicas: 3", "replicas: three", "cannot unmarshal"},
		{deployment, "runAsNonRoot: true", "runAsNonRoot: false", "not restricted: runAsNonRoot"},
		{deployment, "capabilities: {drop: [ALL]}", "capabilities: {}", "not restricted: unrestricted capabilities"},
		{deployment, "seccompProfile: {type: RuntimeDefault}", "seccompProfile: {type: Unconfined}", "not restricted: seccompProfile"},
		{deployment, "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "not restricted: allowPrivilegeEscalation"},
		{deployment, "automountServiceAccountToken: false", "", "a token for Kubernetes"},
		{deployment, "enableServiceLinks: false", "", "enableServiceLinks"},
		{deployment, "fsGroup: 65532", "", "without fsGroup"},
		{deployment, "readOnlyRootFilesystem: true", "", "not read-only"},
		{deployment, "limits: {memory: 256Mi}", "limits: {}", "no memory limit"},
		{deployment, "requests: {cpu: 100m, memory: 128Mi}", "requests: {cpu: 100m}", "no requests"},
		{deployment, "envFrom:", "env: [{name: MPAUTH_WECHAT_SECRET, value: x}]\n          envFrom:", "mount it as a file"},
		{deployment, "configMapRef: {name: mpauth}", "configMapRef: {name: mpaut}", "from what is not here"},
		{deployment, "mpauth:v0.0.0", "mpauth", "another image tomorrow"},
		{deployment, "{name: database-ca, mountPath: /ca, readOnly: true}", "{name: ca, mountPath: /ca}", "there is no volume ca"},
		{deployment, "defaultMode: 0400", "defaultMode: 0444", "defaultMode: 0400"},
		{deployment, "mountPath: /secrets, readOnly: true", "mountPath: /secrets, subPath: x", "subPath"},
		{deployment, "mountPath: /secrets, readOnly: true", "mountPath: /secret", "MPAUTH_KEYS_FILE is in no volume"},
		{deployment, "sleep: {seconds: 5}", "sleep: {seconds: 10}", "killed after 40s, and may need 40s"},
		{deployment, "sleep: {seconds: 5}", "exec: {command: [x]}", "no preStop sleep"},
		{deployment, "path: /readyz", "path: /livez", "readiness probe"},
		{deployment, "name: http, containerPort", "name: web, containerPort", "liveness probe"},
		{"deploy/kubernetes/service.yaml", "selector: {app.kubernetes.io/name: mpauth}", "selector: {app: mpauth}", "Service mpauth does not select"},
		{"deploy/kubernetes/migrate.yaml", "labels: {app.kubernetes.io/name: mpauth-migrate}\n    spec", "labels: {app.kubernetes.io/name: mpauth}\n    spec", "selects the pods of Job"},
		{"deploy/kubernetes/disruption.yaml", "matchLabels: {app.kubernetes.io/name: mpauth}", "matchLabels: {}", "PodDisruptionBudget mpauth does not select"},
		{"deploy/kubernetes/network.yaml", "[mpauth, mpauth-migrate]", "[mpauth]", "whom Job mpauth-migrate may talk to"},
		{"deploy/kubernetes/network.yaml", "policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]", "whom Deployment mpauth may talk to"},
	} {
		t.Run(plant.file+" "+plant.says, func(t *testing.T) {
			t.Parallel()
			files := tree(t)
			before := string(files[plant.file].Data)
			require.Contains(t, before, plant.old, "the plant does not fit the file any more")
			files[plant.file].Data = []byte(strings.Replace(before, plant.old, plant.new, 1))
			found, err := check(files)
			require.NoError(t, err)
			require.Contains(t, strings.Join(found, "\n"), plant.says)
		})
	}
}

func TestMissingManifestIsReported(t *testing.T) {
	t.Parallel()
	files := tree(t)
	delete(files, "deploy/kubernetes/disruption.yaml")
	found, err := check(files)
	require.NoError(t, err)
	require.Contains(t, strings.Join(found, "\n"), "is missing")
}

func TestSettingsAreWhatEachWayGives(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"compose", "kubernetes", "systemd"} {
		var out bytes.Buffer
		require.NoError(t, run(tree(t), []string{"settings", kind}, &out))
		require.Contains(t, out.String(), "MPAUTH_ENV=production\n", kind)
		require.Contains(t, out.String(), "MPAUTH_WECHAT_APPID=wx1234567890abcdef\n", kind)
		require.Regexp(t, `(?m)^MPAUTH_KEYS_FILE=\S+/keys`, out.String(), kind)
	}
	require.Error(t, run(tree(t), []string{"settings", "nomad"}, &bytes.Buffer{}))
	require.Error(t, run(tree(t), []string{"deplyo"}, &bytes.Buffer{}))
}
