//! The stock kubectl against a served world: whatever it sends and expects, the simulated API must understand.
//!
//! The program is the one that `WINDLASS_TEST_KUBECTL` names, or the one on PATH. Without it, or with one older than 1.32, the tests
//! say that they were skipped; in CI they fail.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};

use crate::{
    bed::{Bed, Ran},
    process::{Going, Served},
};

/// A cluster and a kubectl that knows it.
struct Desk {
    bed: Bed,
    world: Served,
    program: PathBuf,
}

impl Desk {
    /// Returns a new cluster; `None`, said loudly, where there is no kubectl.
    fn open() -> Option<Self> {
        let program = kubectl()?;
        let bed = Bed::new();
        let world = bed.serve();
        world
            .program(&bed, "kind", &["create", "cluster", "--name", "dot"])
            .expect(0);
        Some(Self {
            bed,
            world,
            program,
        })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(self.bed.here())
            .env_clear()
            .env("HOME", self.bed.here())
            .env(
                "KUBECONFIG",
                self.bed.here().with_file_name("others-kubeconfig"),
            );
        command
    }

    fn try_run(&self, line: &str) -> Ran {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.bed.finish(&mut self.command(&words))
    }

    /// Runs a line that must succeed, and returns what it prints.
    #[track_caller]
    fn run(&self, line: &str) -> String {
        let ran = self.try_run(line);
        assert_eq!(ran.code, 0, "kubectl {line}\n{}{}", ran.out, ran.err);
        ran.out
    }

    /// Runs a line that must fail, and returns what it says.
    #[track_caller]
    fn fails(&self, line: &str) -> String {
        let ran = self.try_run(line);
        assert_ne!(ran.code, 0, "kubectl {line}\n{}{}", ran.out, ran.err);
        ran.err
    }

    /// Starts a line that goes on.
    fn start(&self, line: &str) -> Going<'_> {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.bed.start(&mut self.command(&words))
    }

    /// Runs a line with the object in a file, in the place of "FILE".
    #[track_caller]
    fn with(&self, line: &str, object: &Value) -> String {
        self.put(object);
        self.run(&line.replace("FILE", "object.json"))
    }

    fn put(&self, object: &Value) {
        self.bed.write("object.json", object.to_string());
    }
}

/// Returns the program to test with.
fn kubectl() -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> Option<PathBuf> {
    let named = std::env::var_os("WINDLASS_TEST_KUBECTL").map(PathBuf::from);
    let found = named.or_else(|| which::which("kubectl").ok());
    let fault = match found {
        None => "it is not installed".to_owned(),
        Some(program) => match version(&program) {
            Some(version) if version >= (1, 32) => return Some(program),
            version => format!("{} is too old: {version:?}", program.display()),
        },
    };
    let note =
        format!("kubectl is not tested: {fault}; see .ci/debian (or set WINDLASS_TEST_KUBECTL)");
    assert!(std::env::var_os("CI").is_none(), "{note}");
    // Written past the test harness, which would swallow it.
    let note = format!("SKIPPED: {note}\n");
    std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).expect("stderr is open");
    None
}

/// Returns major and minor of a kubectl's version.
fn version(program: &PathBuf) -> Option<(u32, u32)> {
    let output = Command::new(program)
        .args(["version", "--client", "--output=json"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let said: Value = serde_json::from_slice(&output.stdout).ok()?;
    let version = said["clientVersion"]["gitVersion"].as_str()?;
    let mut parts = version.trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Returns the columns of a table's header.
fn header(table: &str) -> Vec<String> {
    let first = table.lines().next().unwrap_or_default();
    let names = first.split("   ").map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn definition() -> Value {
    let column = |name: &str, class: &str, path: &str| json!({"name": name, "type": class, "jsonPath": path});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget", "shortNames": ["gg"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    column("Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status"),
                    column("Size", "integer", ".spec.size"),
                    column("Since", "date", ".metadata.creationTimestamp"),
                ],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "integer", "description": "How large it is."}}},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                }}},
            }],
        },
    })
}

#[test]
fn kubectl_shows_objects_as_tables_and_in_whole() {
    let Some(desk) = Desk::open() else { return };
    desk.run("wait --for=condition=Ready node,pod --all -A --timeout=60s");
    let nodes = desk.run("get nodes -o wide");
    assert_eq!(
        header(&nodes),
        [
            "NAME",
            "STATUS",
            "ROLES",
            "AGE",
            "VERSION",
            "INTERNAL-IP",
            "EXTERNAL-IP",
            "OS-IMAGE",
            "KERNEL-VERSION",
            "CONTAINER-RUNTIME"
        ]
    );
    assert!(nodes.contains("Ready    control-plane"), "{nodes}");
    let pods = desk.run("get pods --all-namespaces --selector k8s-app=kube-dns --no-headers");
    assert!(pods.lines().all(|line| line.contains("coredns-")), "{pods}");
    assert!(pods.contains("1/1") && pods.contains("Running"), "{pods}");
    let all = desk.run("get all,sc,events,sa,clusterroles -A");
    for part in [
        "daemonset.apps/kindnet",
        "service/kubernetes",
        "standard (default)",
        "rancher.io/local-path",
    ] {
        assert!(all.contains(part), "{part} is missing:\n{all}");
    }
    let service = desk.run("get service kubernetes -o yaml");
    assert!(
        service.contains("kind: Service\n") && service.contains("  clusterIP: "),
        "{service}"
    );
    let name = desk.run("get service kubernetes -o jsonpath={.spec.ports[0].name}");
    assert_eq!(name, "https");
    let none = desk.try_run("get pods --field-selector status.phase=Failed");
    assert!(none.err.contains("No resources found"), "{}", none.err);
    assert!(
        desk.fails("get pod none")
            .contains("pods \"none\" not found")
    );
    assert!(
        desk.fails("get gadgets")
            .contains("doesn't have a resource type \"gadgets\"")
    );

    let kinds = desk.run("api-resources");
    assert!(kinds.contains("deploy"), "{kinds}");
    let explained = desk.run("explain deployment.spec.replicas");
    assert!(
        explained.contains("FIELD: replicas <integer>"),
        "{explained}"
    );
    assert!(
        desk.run("describe node dot-control-plane")
            .contains("control-plane")
    );
    assert!(desk.run("version").contains("Server Version: v1."));
}

#[test]
fn kubectl_makes_objects_in_its_own_encoding() {
    let Some(desk) = Desk::open() else { return };
    for line in [
        "create namespace team",
        "create serviceaccount robot",
        "create configmap plain --from-literal=a=b",
        "create secret generic hidden --from-literal=a=b",
        "create role reader --verb=get --resource=pods",
        "create rolebinding readers --role=reader --serviceaccount=default:robot",
        "create clusterrole lister --verb=list --resource=nodes",
        "create clusterrolebinding listers --clusterrole=lister --serviceaccount=default:robot",
        "create deployment web --image=nginx --replicas=2 --port=80",
        "create service clusterip other --tcp=80:8080",
        "create ingress front --rule=example.com/=web:80",
        "create job once --image=busybox -- true",
        "create cronjob often --image=busybox --schedule=@hourly",
        "create quota little --hard=pods=20",
        "create poddisruptionbudget some --selector=app=web --min-available=1",
        "create priorityclass high --value=1000",
        "expose deployment web --port=80",
        "autoscale deployment web --min=1 --max=3",
        "run alone --image=nginx",
    ] {
        desk.run(line);
    }
    let get = |line: &str| desk.run(&format!("get -o jsonpath={line}"));
    assert_eq!(get("{.data.a} secret hidden"), "Yg==");
    assert_eq!(get("{.spec.replicas} deployment web"), "2");
    assert_eq!(
        get("{.spec.rules[0].http.paths[0].backend.service.port.number} ingress front"),
        "80"
    );
    assert_eq!(get("{.spec.ports[0].targetPort} service other"), "8080");
    assert_eq!(get("{.subjects[0].name} rolebinding readers"), "robot");
    assert!(
        desk.run("create token robot --duration 20m")
            .starts_with("ey")
    );
    assert_eq!(desk.run("auth can-i create pods").trim(), "yes");
    let refused = desk.try_run("auth can-i delete pods --as system:serviceaccount:default:robot");
    assert_eq!((refused.out.trim(), refused.code), ("no", 1));
    let granted = desk.run("auth can-i get pods --as system:serviceaccount:default:robot");
    assert_eq!(granted.trim(), "yes");
    assert!(
        desk.fails("create namespace team")
            .contains("already exists")
    );
    desk.run("delete deployment web --grace-period=1 --timeout=30s");
    let dry = desk.run("create namespace dry --dry-run=server");
    assert!(dry.contains("created (server dry run)"), "{dry}");
    desk.fails("get namespace dry");
}

#[test]
fn kubectl_applies_and_changes() {
    let Some(desk) = Desk::open() else { return };
    let settings = |x: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"x": x}});
    assert!(
        desk.with("apply -f FILE", &settings("1"))
            .contains("created")
    );
    assert!(
        desk.with("apply -f FILE", &settings("1"))
            .contains("unchanged")
    );
    assert!(
        desk.with("apply -f FILE", &settings("2"))
            .contains("configured")
    );
    desk.run("delete configmap app");
    let applied = desk.with("apply --server-side -f FILE", &settings("1"));
    assert!(applied.contains("serverside-applied"), "{applied}");
    desk.put(&settings("2"));
    let conflict = desk.fails("apply --server-side --field-manager=other -f object.json");
    assert!(conflict.contains("conflict with \"kubectl\""), "{conflict}");
    assert!(conflict.contains(".data.x"), "{conflict}");
    desk.run("apply --server-side --field-manager=other --force-conflicts -f object.json");
    let owners = desk.run("get configmap app -o jsonpath={.metadata.managedFields[*].manager}");
    assert_eq!(owners, "other");

    desk.run("label configmap app tier=front");
    desk.run("annotate configmap app note=here");
    let labelled = desk.run("get configmap --selector tier=front --show-labels");
    assert!(labelled.contains("tier=front"), "{labelled}");
    desk.run("patch configmap app --type=merge -p {\"data\":{\"y\":\"1\",\"x\":null}}");
    desk.run("patch configmap app --type=json -p [{\"op\":\"add\",\"path\":\"/data/z\",\"value\":\"1\"}]");
    assert_eq!(
        desk.run("get configmap app -o jsonpath={.data}"),
        "{\"y\":\"1\",\"z\":\"1\"}"
    );
    let wrong = desk
        .fails("patch configmap app --type=json -p [{\"op\":\"remove\",\"path\":\"/data/none\"}]");
    assert!(
        wrong.contains("the server rejected our request") || wrong.contains("none"),
        "{wrong}"
    );
    desk.put(
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "dta": {}}),
    );
    let strict = desk.fails("apply -f object.json");
    assert!(strict.contains("unknown field \"dta\""), "{strict}");

    let made = desk.with("create -f FILE", &definition());
    assert!(
        made.contains("customresourcedefinition.apiextensions.k8s.io/gadgets.example.com created")
    );
    desk.run("wait --for=condition=Established crd/gadgets.example.com --timeout=30s");
    let gadget = json!({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"size": 3}});
    desk.with("apply -f FILE", &gadget);
    desk.run("patch gadget g --subresource=status --type=merge -p {\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");
    desk.run("wait --for=condition=Ready gadget/g --timeout=30s");
    let shown = desk.run("get gg");
    assert_eq!(header(&shown), ["NAME", "READY", "SIZE", "SINCE"]);
    let row: Vec<&str> = shown
        .lines()
        .nth(1)
        .expect("a row")
        .split_whitespace()
        .collect();
    assert_eq!(row[..3], ["g", "True", "3"]);
    let described = desk.run("describe gadget g");
    assert!(described.contains("Size:  3"), "{described}");
    let explained = desk.run("explain gadget.spec.size");
    assert!(explained.contains("How large it is."), "{explained}");
    desk.fails("scale gadget g --replicas=2");
}

#[test]
fn kubectl_follows_a_rollout_to_its_end() {
    let Some(desk) = Desk::open() else { return };
    desk.run("create deployment web --image=nginx --replicas=2");
    let mut watch = desk.start("get deployments --watch --output-watch-events --no-headers");
    watch.prints("ADDED");
    desk.run("annotate deployment web note=here");
    desk.run("rollout status deployment web --timeout=60s");
    watch.prints("MODIFIED");
    desk.run("set image deployment/web nginx=nginx:2");
    desk.run("rollout status deployment web --timeout=60s");
    desk.run("patch deployment web -p {\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"nginx\",\"env\":[{\"name\":\"A\",\"value\":\"b\"}]}]}}}}");
    let image =
        desk.run("get deployment web -o jsonpath={.spec.template.spec.containers[*].image}");
    assert_eq!(
        image, "nginx:2",
        "a strategic patch goes into the container of that name"
    );
    desk.run("rollout status deployment web --timeout=60s");
    desk.run("scale deployment web --replicas=3");
    desk.run("wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=60s");
    let described = desk.run("describe deployment web");
    assert!(
        described.contains("3 desired | 3 updated | 3 total | 3 available"),
        "{described}"
    );
    desk.run("rollout restart deployment web");
    desk.run("rollout status deployment web --timeout=60s");

    desk.run("run broken --image=example.com/app:crash");
    desk.run("wait --for=jsonpath={.status.containerStatuses[0].restartCount}=3 pod/broken --timeout=60s");
    let broken = desk.run("get pod broken");
    assert!(broken.contains("CrashLoopBackOff"), "{broken}");
    let logs = desk.run("logs broken --tail=1");
    assert!(logs.contains("it says to crash"), "{logs}");
    let described = desk.run("describe pod broken");
    assert!(
        described.contains("Back-off restarting failed container"),
        "{described}"
    );

    desk.run("delete deployment web --cascade=orphan");
    let sets = desk.run("get replicasets --no-headers");
    assert!(sets.contains("web-"), "{sets}");
    desk.run("delete replicasets --all --cascade=foreground --timeout=30s");
    let gone = desk.run("get pods --selector app=web -o name");
    assert_eq!(gone, "");
    let waiting = desk.start("wait --for=delete pod/broken --timeout=60s");
    desk.run("delete pod broken --wait");
    assert_eq!(waiting.end().code, 0);

    desk.run("create job once --image=busybox");
    desk.run("wait --for=condition=Complete job/once --timeout=60s");
    let job = desk.run("get job once");
    assert_eq!(
        header(&job),
        ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
    );
    assert!(job.contains("Complete") && job.contains("1/1"), "{job}");
    desk.run("drain dot-control-plane --ignore-daemonsets --delete-emptydir-data --force");
    let nodes = desk.run("get nodes");
    assert!(nodes.contains("Ready,SchedulingDisabled"), "{nodes}");
    desk.run("uncordon dot-control-plane");
    assert_eq!(desk.world.containers(), ["dot-control-plane"]);
}

#[test]
fn kubectl_is_told_what_a_pod_went_through_and_that_nothing_runs_in_it() {
    let Some(desk) = Desk::open() else { return };
    desk.run("run web --image=nginx:1");
    desk.run("wait --for=condition=Ready pod/web --timeout=60s");
    let described = desk.run("describe pod web");
    for part in [
        "Successfully assigned default/web to dot-control-plane",
        "Pulling image \"nginx:1\"",
        "Successfully pulled image \"nginx:1\"",
        "Container created",
        "Container started",
    ] {
        assert!(described.contains(part), "{part} is missing:\n{described}");
    }
    for (line, what) in [
        ("exec web -- ls", "a command could run in"),
        ("attach web", "could be attached to"),
        ("port-forward pod/web :80", "a port could be forwarded to"),
    ] {
        let said = desk.fails(line);
        let wanted = format!("this is a rehearsal: behind pod web is nothing that {what}");
        assert!(said.contains(&wanted), "kubectl {line}: {said}");
    }
    let none = desk.fails("exec none -- ls");
    assert!(none.contains("pods \"none\" not found"), "{none}");
    desk.run("delete pod web --wait");
    let killed = desk.run("get events --field-selector reason=Killing");
    assert!(killed.contains("Stopping container web"), "{killed}");

    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "each"},
        "spec": {
            "completionMode": "Indexed", "completions": 3, "parallelism": 3,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}},
        },
    });
    desk.with("apply -f FILE", &job);
    desk.run("wait --for=condition=Complete job/each --timeout=60s");
    let described = desk.run("describe job each");
    assert!(
        described.contains("Completion Mode:    Indexed"),
        "{described}"
    );
    assert!(described.contains("Completed Indexes:  0-2"), "{described}");
}
