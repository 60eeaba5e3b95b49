// Package kubernetes_test holds the manifests to what they deploy: every
// combination builds and is valid, and the names, ports, probes, settings and
// metrics in them are those of the binaries.
package kubernetes_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"zonebench.internal/deploy/credentials"
	"zonebench.internal/deploy/image"
)

// tree is deploy/ in memory, so that combinations can be written into it.
func tree(t *testing.T) filesys.FileSystem {
	t.Helper()
	to := filesys.MakeFsInMemory()
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return to.WriteFile(path.Join("/deploy", strings.TrimPrefix(filepath.ToSlash(name), "../")), content)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func components(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("components")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// build gives an overlay with components as the objects that it is.
func build(t *testing.T, in filesys.FileSystem, overlay string, with ...string) (objects, []byte) {
	t.Helper()
	var k strings.Builder
	fmt.Fprintf(&k, "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../kubernetes/overlays/%s]\n", overlay)
	if len(with) > 0 {
		k.WriteString("components:\n")
		for _, c := range with {
			fmt.Fprintf(&k, "  - ../kubernetes/components/%s\n", c)
		}
	}
	if err := in.WriteFile("/deploy/combination/kustomization.yaml", []byte(k.String())); err != nil {
		t.Fatal(err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(in, "/deploy/combination")
	if err != nil {
		t.Fatalf("%s with %v: %v", overlay, with, err)
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	all, err := decode(text)
	if err != nil {
		t.Fatalf("%s with %v: %v", overlay, with, err)
	}
	return all, text
}

type objects []runtime.Object

// decode is strict: a field that the API does not have is an error.
func decode(text []byte) (objects, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apps.AddToScheme, autoscaling.AddToScheme, batch.AddToScheme, core.AddToScheme, networking.AddToScheme,
		policy.AddToScheme, monitoring.AddToScheme, certmanager.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var all objects
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("%w in\n%s", err, document)
		}
		all = append(all, object)
	}
	return all, nil
}

// of gives the objects of one kind by name.
func of[T any](all objects, name func(*T) string) map[string]*T {
	found := make(map[string]*T)
	for _, o := range all {
		if typed, ok := o.(any).(*T); ok {
			found[name(typed)] = typed
		}
	}
	return found
}

func configMaps(all objects) map[string]*core.ConfigMap {
	return of(all, func(c *core.ConfigMap) string { return c.Name })
}

// A workload is a pod template and what it belongs to.
type workload struct {
	name string
	pod  core.PodTemplateSpec
}

func workloads(all objects) []workload {
	var found []workload
	for _, o := range all {
		switch o := o.(type) {
		case *apps.Deployment:
			found = append(found, workload{o.Name, o.Spec.Template})
		case *apps.StatefulSet:
			found = append(found, workload{o.Name, o.Spec.Template})
		case *batch.CronJob:
			found = append(found, workload{o.Name, o.Spec.JobTemplate.Spec.Template})
		}
	}
	return found
}

// everyCombination tries all subsets of the components, which takes minutes.
// Without it those of up to two, and those that lack up to two: what a component
// changes is of the base or of one other, so two that clash are found.
var everyCombination = flag.Bool("every-combination", false, "try all subsets of the components")

func TestEveryCombinationOfComponentsBuildsAndIsValid(t *testing.T) {
	in, all := tree(t), components(t)
	if len(all) < 7 {
		t.Fatalf("components: %v", all)
	}
	built := 0
	for _, overlay := range []string{"single", "ha"} {
		others := all
		if overlay == "ha" { // it has the autoscaler
			others = slices.DeleteFunc(slices.Clone(all), func(c string) bool { return c == "board-autoscaler" })
		}
		for set := range 1 << len(others) {
			var with []string
			for i, c := range others {
				if set&(1<<i) != 0 {
					with = append(with, c)
				}
			}
			if slices.Contains(with, "archive") && slices.Contains(with, "restore") {
				continue // restore brings the archive
			}
			if few := len(with) <= 2 || len(with) >= len(others)-2; !few && !*everyCombination {
				continue
			}
			objects, text := build(t, in, overlay, with...)
			if len(objects) < 30 {
				t.Errorf("%s with %v: %d objects", overlay, with, len(objects))
			}
			if bytes.Contains(text, []byte(":latest")) {
				t.Errorf("%s with %v: an image has the tag latest", overlay, with)
			}
			built++
		}
	}
	t.Logf("%d combinations", built)
}

// added are the components that an installation may have at once, beside those of ha.
func added(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(components(t), func(c string) bool {
		return c == "board-autoscaler" || c == "ephemeral" || c == "archive" // which restore brings
	})
}

// everything is the overlay for the loss of any node with all that can be added.
func everything(t *testing.T) objects {
	t.Helper()
	all, _ := build(t, tree(t), "ha", added(t)...)
	return all
}

func TestEveryResourceIsInTheNamespace(t *testing.T) {
	for _, o := range everything(t) {
		meta := o.(interface {
			GetNamespace() string
			GetName() string
		})
		if _, is := o.(*core.Namespace); !is && meta.GetNamespace() != "zonebench" {
			t.Errorf("%T %s is in namespace %q", o, meta.GetName(), meta.GetNamespace())
		}
	}
}

// The restricted standard, which the namespace enforces; kubelet would refuse the pod.
func TestPodsKeepToTheRestrictedStandard(t *testing.T) {
	for _, w := range workloads(everything(t)) {
		s := w.pod.Spec
		if s.SecurityContext == nil || !*s.SecurityContext.RunAsNonRoot || s.SecurityContext.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: its pod may be root or unconfined", w.name)
		}
		if s.AutomountServiceAccountToken == nil || *s.AutomountServiceAccountToken {
			t.Errorf("%s: it has a token of the cluster, for nothing", w.name)
		}
		if s.EnableServiceLinks == nil || *s.EnableServiceLinks {
			t.Errorf("%s: links to Services would be settings that it does not know", w.name)
		}
		for _, v := range s.Volumes {
			if v.ConfigMap == nil && v.Secret == nil && v.EmptyDir == nil && v.PersistentVolumeClaim == nil {
				t.Errorf("%s: volume %s is of a kind that is not restricted", w.name, v.Name)
			}
		}
		for _, c := range s.Containers {
			security := c.SecurityContext
			if security == nil || *security.AllowPrivilegeEscalation || !*security.ReadOnlyRootFilesystem ||
				!slices.Equal(security.Capabilities.Drop, []core.Capability{"ALL"}) || len(security.Capabilities.Add) > 0 {
				t.Errorf("%s: container %s may do more than it needs", w.name, c.Name)
			}
			for _, r := range []core.ResourceName{core.ResourceCPU, core.ResourceMemory, core.ResourceEphemeralStorage} {
				if c.Resources.Requests.Name(r, "").IsZero() || c.Resources.Limits.Name(r, "").IsZero() {
					t.Errorf("%s: container %s has no request or limit of %s", w.name, c.Name, r)
				}
			}
		}
	}
}

// What pods are given beside their image exists: in the manifests, or among the
// credentials that are made, or from cert-manager.
func TestWhatPodsMountExists(t *testing.T) {
	all := everything(t)
	dir := secretsDir(t)
	maps := configMaps(all)
	secret := func(name, key string) bool {
		if key == "" {
			info, err := os.Stat(filepath.Join(dir, name))
			return err == nil && info.IsDir()
		}
		_, err := os.Stat(filepath.Join(dir, name, key))
		return err == nil
	}
	for _, w := range workloads(all) {
		mounted := make(map[string]string) // path by volume
		for _, c := range w.pod.Spec.Containers {
			for _, m := range c.VolumeMounts {
				mounted[m.Name] = m.MountPath
			}
			for _, f := range c.EnvFrom {
				if f.ConfigMapRef != nil && maps[f.ConfigMapRef.Name] == nil {
					t.Errorf("%s: ConfigMap %s is not there", w.name, f.ConfigMapRef.Name)
				}
				if f.SecretRef != nil && !secret(f.SecretRef.Name, "") {
					t.Errorf("%s: Secret %s is not made", w.name, f.SecretRef.Name)
				}
			}
		}
		for _, v := range w.pod.Spec.Volumes {
			switch {
			case v.Secret != nil && !secret(v.Secret.SecretName, ""):
				t.Errorf("%s: Secret %s is not made", w.name, v.Secret.SecretName)
			case v.ConfigMap != nil && maps[v.ConfigMap.Name] == nil:
				t.Errorf("%s: ConfigMap %s is not there", w.name, v.ConfigMap.Name)
			}
			if mounted[v.Name] == "" {
				t.Errorf("%s: volume %s is not mounted", w.name, v.Name)
			}
		}
		// Every file that a setting names is in what is mounted there.
		for _, c := range w.pod.Spec.Containers {
			for name, value := range environment(t, all, c) {
				if !strings.HasSuffix(name, "_FILE") {
					continue
				}
				found := false
				for _, v := range w.pod.Spec.Volumes {
					if path.Dir(value) == mounted[v.Name] {
						found = v.Secret != nil && secret(v.Secret.SecretName, path.Base(value)) ||
							v.ConfigMap != nil && maps[v.ConfigMap.Name] != nil && maps[v.ConfigMap.Name].Data[path.Base(value)] != ""
					}
				}
				if !found {
					t.Errorf("%s: %s names %s, which nothing mounts", w.name, name, value)
				}
			}
		}
	}
}

func secretsDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := credentials.Make(dir, nil, day); err != nil {
		t.Fatal(err)
	}
	return dir
}

// environment gives the variables of a container with their values.
func environment(t *testing.T, all objects, c core.Container) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, f := range c.EnvFrom {
		if f.ConfigMapRef != nil {
			maps.Copy(found, configMaps(all)[f.ConfigMapRef.Name].Data)
		}
	}
	for _, e := range c.Env {
		value := e.Value
		if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
			ref := e.ValueFrom.ConfigMapKeyRef
			value = configMaps(all)[ref.Name].Data[ref.Key]
			if value == "" {
				t.Errorf("%s: key %s of ConfigMap %s is not there", e.Name, ref.Key, ref.Name)
			}
		}
		found[e.Name] = value
	}
	return found
}

func TestImagesAreTheOnesThatAreBuilt(t *testing.T) {
	var known []string
	for _, i := range image.All() {
		known = append(known, i.Name)
	}
	official := regexp.MustCompile(`^(nats|redis):[0-9]+\.[0-9]+\.[0-9]+(-alpine)?$`)
	for _, w := range workloads(everything(t)) {
		for _, c := range w.pod.Spec.Containers {
			ours, is := strings.CutPrefix(c.Image, image.Repository+"/")
			name, tag, _ := strings.Cut(ours, ":")
			switch {
			case is && (!slices.Contains(known, name) || tag != "devel"):
				t.Errorf("%s: image %s is not one of %v with the tag devel", w.name, c.Image, known)
			case !is && !official.MatchString(c.Image):
				t.Errorf("%s: image %s is neither ours nor a pinned official one", w.name, c.Image)
			}
			if c.ImagePullPolicy != core.PullIfNotPresent {
				t.Errorf("%s: image pull policy %s", w.name, c.ImagePullPolicy)
			}
		}
	}
}

// Ports agree between image, container, settings, Service and probes.
func TestPortsAreTheSameEverywhere(t *testing.T) {
	all := everything(t)
	services := of(all, func(s *core.Service) string { return s.Name })
	for _, i := range image.All() {
		for _, w := range workloads(all) {
			c := w.pod.Spec.Containers[0]
			if !strings.HasPrefix(c.Image, image.Repository+"/"+i.Name+":") || len(i.Ports) == 0 {
				continue
			}
			ports := make(map[string]int32)
			for _, p := range c.Ports {
				ports[p.Name] = p.ContainerPort
				if !slices.Contains(i.Ports, int(p.ContainerPort)) {
					t.Errorf("%s: the image does not expose port %d", w.name, p.ContainerPort)
				}
			}
			if len(ports) != len(i.Ports) {
				t.Errorf("%s: container ports %v, image ports %v", w.name, ports, i.Ports)
			}
			env := environment(t, all, c)
			for name, setting := range map[string]string{
				"metrics": env["ZONEBENCH_METRICS_LISTEN"], "probes": env["ZONEBENCH_PROBES_LISTEN"],
				"grpc": env["ZONEBENCH_"+strings.ToUpper(i.Name)+"_LISTEN"], "https": env["ZONEBENCH_BOARD_LISTEN"],
			} {
				if port, ok := ports[name]; ok && setting != fmt.Sprintf(":%d", port) {
					t.Errorf("%s: port %s is %d and the setting says %q", w.name, name, port, setting)
				}
			}
			service := services[w.name]
			if service == nil {
				t.Fatalf("%s has no Service", w.name)
			}
			for _, p := range service.Spec.Ports {
				if ports[p.TargetPort.StrVal] == 0 {
					t.Errorf("%s: its Service goes to port %s, which the container has not", w.name, p.TargetPort.String())
				}
			}
			for _, probe := range []*core.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
				switch {
				case probe == nil:
					t.Errorf("%s: a probe is missing", w.name)
				case probe.GRPC != nil && probe.GRPC.Port != ports["probes"]:
					t.Errorf("%s: it is probed at port %d", w.name, probe.GRPC.Port)
				case probe.GRPC == nil && ports[probe.HTTPGet.Port.StrVal] == 0:
					t.Errorf("%s: it is probed at port %s", w.name, probe.HTTPGet.Port.String())
				}
			}
		}
	}
}

// A replica that stops is out of every client's list before it refuses a call:
// it sleeps, then lets calls end, and is not killed before that.
func TestPodsStopInTime(t *testing.T) {
	all := everything(t)
	for _, w := range workloads(all) {
		c := w.pod.Spec.Containers[0]
		env := environment(t, all, c)
		grace := env["ZONEBENCH_HOST_GRACE"] + env["ZONEBENCH_BOARD_GRACE"]
		if grace == "" {
			continue
		}
		if grace != "30s" || c.Lifecycle.PreStop.Sleep.Seconds < 10 || *w.pod.Spec.TerminationGracePeriodSeconds < c.Lifecycle.PreStop.Sleep.Seconds+30+5 {
			t.Errorf("%s: sleeps %v, grace %s, killed after %d s", w.name, c.Lifecycle.PreStop.Sleep, grace, *w.pod.Spec.TerminationGracePeriodSeconds)
		}
	}
}

// Everything has a budget of disruptions, and selectors find what they are for.
func TestSelectorsFindTheirPods(t *testing.T) {
	all := everything(t)
	matches := func(selector map[string]string) bool {
		return slices.ContainsFunc(workloads(all), func(w workload) bool {
			for k, v := range selector {
				if w.pod.Labels[k] != v {
					return false
				}
			}
			return true
		})
	}
	budgets := 0
	for _, o := range all {
		switch o := o.(type) {
		case *core.Service:
			if !matches(o.Spec.Selector) {
				t.Errorf("Service %s selects nothing: %v", o.Name, o.Spec.Selector)
			}
		case *policy.PodDisruptionBudget:
			budgets++
			if !matches(o.Spec.Selector.MatchLabels) {
				t.Errorf("PodDisruptionBudget %s selects nothing", o.Name)
			}
		case *networking.NetworkPolicy:
			if !matches(o.Spec.PodSelector.MatchLabels) {
				t.Errorf("NetworkPolicy %s selects nothing", o.Name)
			}
		}
	}
	if budgets != 6 {
		t.Errorf("%d budgets of disruptions for 6 workloads that serve", budgets)
	}
}

// The names in certificates are those that are called, whoever issues them.
func TestCertificatesOfBothKindsAreTheSame(t *testing.T) {
	issued := of(everything(t), func(c *certmanager.Certificate) string { return c.Name })
	delete(issued, "authority")
	for _, part := range credentials.Parts() {
		c := issued[part.Name]
		if c == nil || c.Spec.SecretName != part.Name+"-tls" || !slices.Equal(c.Spec.DNSNames, part.Hosts) ||
			!slices.Equal(c.Spec.URIs, []string{"spiffe://zonebench/" + part.Name}) {
			t.Errorf("%s: %+v", part.Name, c)
		}
		delete(issued, part.Name)
	}
	if len(issued) > 0 {
		t.Errorf("certificates of parts that are not: %v", slices.Collect(maps.Keys(issued)))
	}
}

// kube-score has nothing to say, but where an annotation says why.
func TestKubeScoreIsContent(t *testing.T) {
	tool, err := filepath.Abs("../../.cache/bin/kube-score")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tool); err != nil {
		missing(t, "kube-score is not built: make tools")
	}
	in := tree(t)
	all := added(t)
	for overlay, with := range map[string][][]string{"single": {nil, all}, "ha": {nil, all}} {
		for _, w := range with {
			_, text := build(t, in, overlay, w...)
			cmd := exec.CommandContext(t.Context(), tool, "score", "--kubernetes-version", "v1.33", "--exit-one-on-warning", "--output-format", "ci", "-")
			cmd.Stdin = bytes.NewReader(text)
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("%s with %v: %v", overlay, w, err)
			}
			for line := range strings.Lines(string(out)) {
				if strings.HasPrefix(line, "[CRITICAL]") || strings.HasPrefix(line, "[WARNING]") {
					t.Errorf("%s with %v: %s", overlay, w, line)
				}
			}
		}
	}
}

// missing skips a test that lacks a tool, unless this machine must have it.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("MUST_RUN") == "1" {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}

// An exception without a reason is none: `# check: reason` stands above it.
func TestEveryExceptionHasAReason(t *testing.T) {
	ignore := regexp.MustCompile(`(?m)^\s*kube-score/ignore: (.*)$`)
	replaced := regexp.MustCompile(`(?m)^\s*value: (deployment-\S+)$`)
	exceptions := 0
	err := filepath.WalkDir(".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".yaml" {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		reasons := string(content)
		if replaced.MatchString(reasons) { // it repeats those of the base
			base, err := os.ReadFile("base/zone.yaml")
			if err != nil {
				return err
			}
			reasons += string(base)
		}
		for _, m := range append(ignore.FindAllStringSubmatch(string(content), -1), replaced.FindAllStringSubmatch(string(content), -1)...) {
			for check := range strings.SplitSeq(m[1], ",") {
				exceptions++
				if !strings.Contains(reasons, "# "+check+": ") {
					t.Errorf("%s: nothing says why %s is ignored", name, check)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if exceptions == 0 {
		t.Error("no exception was found: does the pattern still fit?")
	}
}
