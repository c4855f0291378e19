//! Every template, rendered for every provider and with every optional part on and off, is checked strictly against the
//! schemas of the real kinds. An unknown kind fails.

#![expect(clippy::print_stderr, reason = "a test says aloud what it skipped")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use windlass::{
    catalog::{self, Catalog, Home, Release, extras, gitops, namespaces, release},
    plan::{self, Chart},
    spec::{ComponentSpec, special::Special},
};
use windlass_provider::{Outputs, ProviderId};

/// Returns the folder with the schemas; `None`, loudly, in a clone that has none. In CI they must be there.
fn schemas() -> Option<PathBuf> {
    let folder = std::env::var_os("WINDLASS_SCHEMAS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/schemas"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing: set WINDLASS_SCHEMAS",
        folder.display()
    );
    eprintln!("SKIPPED: no schemas at {}", folder.display());
    None
}

struct Schemas {
    folder: PathBuf,
    core: Value,
    compiled: BTreeMap<String, jsonschema::Validator>,
}

impl Schemas {
    fn open(folder: PathBuf) -> Self {
        let core = read(&folder.join("k8s/v1.37.0.json"));
        Self {
            folder,
            core,
            compiled: BTreeMap::new(),
        }
    }

    fn check(&mut self, object: &Value) {
        let faults = self.faults(object);
        assert!(faults.is_empty(), "{faults:#?}\n{object:#}");
    }

    fn faults(&mut self, object: &Value) -> Vec<String> {
        let api = object["apiVersion"].as_str().expect("an apiVersion");
        let kind = object["kind"].as_str().expect("a kind");
        let key = format!("{api}/{kind}");
        if !self.compiled.contains_key(&key) {
            let schema = self.schema(api, kind);
            let validator = jsonschema::validator_for(&schema).expect("a schema that compiles");
            self.compiled.insert(key.clone(), validator);
        }
        self.compiled[&key]
            .iter_errors(object)
            .map(|fault| format!("{key} {}: {fault}", fault.instance_path()))
            .collect()
    }

    fn schema(&self, api: &str, kind: &str) -> Value {
        if let Some(name) = self.core["x-gvk-index"]
            .get(format!("{api}/{kind}"))
            .and_then(Value::as_str)
        {
            return json!({ "$ref": format!("#/$defs/{name}"), "$defs": self.core["$defs"] });
        }
        let (group, version) = api.split_once('/').unwrap_or(("", api));
        let file = format!("crds/{group}/{}_{version}.json", kind.to_lowercase());
        let path = self.folder.join(&file);
        assert!(path.is_file(), "there is no schema of {api} {kind}: {file}");
        read(&path)
    }
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a readable schema");
    serde_json::from_str(&text).expect("a schema in JSON")
}

#[test]
fn every_rendered_object_is_valid() {
    let Some(folder) = schemas() else { return };
    let mut schemas = Schemas::open(folder);
    let catalog = Catalog::load().expect("the catalogue");
    let mut checked = 0;
    let secrets = [("auth.password".to_owned(), "x".to_owned())].into();
    for name in catalog.names() {
        let component = catalog.get(name).expect("a component");
        for provider in ProviderId::ALL {
            let values = component.values(
                provider,
                "dot",
                &[&json!({ "extra": { "list": [1, "two"] } })],
            );
            for secrets in [&BTreeMap::new(), &secrets] {
                let objects = release(&Release {
                    component,
                    version: &component.version,
                    namespace: &component.namespace,
                    values: &values,
                    secrets,
                })
                .expect("rendered objects");
                for object in &objects {
                    schemas.check(object);
                    checked += 1;
                }
            }
        }
    }
    for reference in [
        json!({ "branch": "main" }),
        json!({ "tag": "v1" }),
        json!({ "commit": "0123456789abcdef0123456789abcdef01234567" }),
    ] {
        let scope = json!({
            "url": "https://example.com/platform.git", "ref": reference, "path": "./kubernetes",
            "interval": "1m", "prune": true, "namespace": "flux-system",
        });
        for object in gitops(&scope).expect("rendered objects") {
            schemas.check(&object);
            checked += 1;
        }
    }
    for object in namespaces(&["a-team".to_owned()]).expect("rendered objects") {
        schemas.check(&object);
        checked += 1;
    }
    assert!(checked > 20, "only {checked} objects were checked");
}

/// Keys that are tried together, and the values that they are tried with besides being left out.
type Choice<'a> = (&'a [&'a str], &'a [&'a [Value]]);

/// Returns every combination of what a component's options can be, as `[components.<name>]` would have them.
fn combinations(choices: &[Choice<'_>]) -> Vec<serde_json::Map<String, Value>> {
    let mut all = vec![serde_json::Map::new()];
    for (keys, tried) in choices {
        let with = |said: &serde_json::Map<String, Value>| -> Vec<_> {
            let mut variants = vec![said.clone()];
            for values in *tried {
                let mut said = said.clone();
                let entries = keys.iter().zip(*values);
                said.extend(entries.map(|(key, value)| ((*key).to_owned(), value.clone())));
                variants.push(said);
            }
            variants
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

#[test]
fn every_object_of_every_option_is_valid() {
    let Some(folder) = schemas() else { return };
    let mut schemas = Schemas::open(folder);
    let clouds = ["aws", "azure", "google", "none"].map(|cloud| [Value::from(cloud)]);
    let clouds = clouds.each_ref().map(|cloud| &cloud[..]);
    let (yes, no) = ([Value::Bool(true)], [Value::Bool(false)]);
    let (policies, kinds) = (Value::Bool(true), json!(["*.s3.aws.m.upbound.io"]));
    let id = Value::from("01234567-89ab-cdef-0123-456789abcdef");
    let [name, variable] = ["some-name", "VARIABLE"].map(|name| [Value::from(name)]);
    let crossplane: [Choice<'_>; 9] = [
        (&["cloud"], &clouds),
        // Where there is a cloud they are on.
        (&["db-provider"], &[&no]),
        (&["app-config"], &[&no]),
        (&["db-config"], &[&yes]),
        (&["policies", "activate"], &[&[policies, kinds]]),
        (&["cluster-admin"], &[&yes]),
        (
            &["identity", "project-id"],
            &[&[name[0].clone(), name[0].clone()], &name],
        ),
        (&["tenant-id", "subscription-id"], &[&[id.clone(), id]]),
        (&["credentials"], &[&variable]),
    ];
    let text = |text: &str| [Value::from(text)];
    let uuid = text("01234567-89ab-cdef-0123-456789abcdef");
    let ids = [uuid[0].clone(), uuid[0].clone(), uuid[0].clone()];
    let (team, group) = ([json!(["a-team"])], [json!(["storage.azure.com/*"])]);
    let (period, dns01) = (text("1h"), text("dns01"));
    let aso: [Choice<'_>; 5] = [
        (&["subscription", "tenant", "client-id"], &[&ids]),
        (&["client-secret"], &[&variable]),
        (&["credentials-in"], &[&team]),
        (&["crd-pattern"], &[&group]),
        (&["sync-period"], &[&period]),
    ];
    let issuers = [
        json!(["staging", "production"]),
        json!("a@windlass-users.io"),
    ];
    let (zone, region) = (text("dot.example.org"), text("us-east-1"));
    let azure = [json!("dot"), zone[0].clone()];
    let cert_manager: [Choice<'_>; 8] = [
        (&["issuer", "email"], &[&issuers]),
        (&["solver"], &[&dns01]),
        (&["ingress-class"], &[&name]),
        (&["dns-region"], &[&region]),
        (&["dns-project"], &[&name]),
        (&["dns-resource-group", "dns-zone"], &[&azure]),
        (&["dns-subscription"], &[&uuid]),
        (&["dns-identity"], &[&uuid]),
    ];
    let istiod: [Choice<'_>; 2] = [(&["revision"], &[&name]), (&["strict-mtls"], &[&yes])];
    let (domains, policies) = (
        [json!(["a.example.org"])],
        [json!("sync"), json!("upsert-only")],
    );
    let policies = policies.each_ref().map(std::slice::from_ref);
    let cloudflare = text("cloudflare");
    let external_dns: [Choice<'_>; 5] = [
        (&["zone-resource-group"], &[&name]),
        (&["dns-provider"], &[&cloudflare]),
        (&["domain"], &[&domains]),
        (&["owner"], &[&name]),
        (&["policy"], &policies),
    ];
    let part: [Choice<'_>; 1] = [(&["revision"], &[&name])];
    // With how many objects besides the chart's each has at least.
    let keys = [
        ("aso", &aso[..], 2),
        ("cert-manager", &cert_manager[..], 8),
        ("crossplane", &crossplane[..], 21),
        ("external-dns", &external_dns[..], 1),
        ("istiod", &istiod[..], 1),
        ("istio-base", &part[..], 0),
        ("istio-cni", &part[..], 0),
        ("istio-gateway", &part[..], 0),
        ("ztunnel", &part[..], 0),
    ];
    let catalog = Catalog::load().expect("the catalogue");
    let with_keys: BTreeSet<&str> = catalog
        .all()
        .filter(|it| !it.is_set() && !windlass::settings::special::keys(&it.name).is_empty())
        .map(|it| it.name.as_str())
        .collect();
    let tried: BTreeSet<&str> = keys.iter().map(|(component, ..)| *component).collect();
    assert_eq!(with_keys, tried, "each component that has keys is tried");
    let mut rendered: Vec<String> = Vec::new();
    for (component, keys, least) in keys {
        let known = windlass::settings::special::keys(component);
        let known: BTreeSet<&str> = known.iter().map(|key| key.name).collect();
        let tried: BTreeSet<&str> = keys.iter().flat_map(|(keys, _)| *keys).copied().collect();
        assert_eq!(known, tried, "each key of {component} is tried");
        let mut kinds = BTreeMap::<String, usize>::new();
        let mut seen = BTreeSet::new();
        for options in combinations(keys) {
            for provider in ProviderId::ALL {
                let said = serde_json::from_value(json!({
                    "name": component, "enabled": null, "version": null, "namespace": null, "values": {}, "secrets": {},
                    "options": options,
                }));
                let said: ComponentSpec = said.expect("what was said");
                let cluster = "dot".parse().expect("a name");
                let known = catalog.get(component).expect("a component");
                let Ok(chart) = plan::chart(known, Some(&said), (provider, &cluster)) else {
                    continue;
                };
                // Not all that can be said goes together.
                let special = Special::settle(component, Some(&said), provider);
                for (special, values) in known_in_azure(special.ok().flatten(), &chart, provider) {
                    let of_chart = release(&Release {
                        component: known,
                        version: &chart.version,
                        namespace: &chart.namespace,
                        values: &values,
                        secrets: &chart.secrets,
                    });
                    for object in of_chart.expect("rendered objects") {
                        if seen.insert(object.to_string()) {
                            schemas.check(&object);
                        }
                    }
                    let Some(special) = special else { continue };
                    let home = Home {
                        cluster: "dot",
                        provider,
                        namespace: "home",
                    };
                    let extras = extras(&special, home, &|name| format!("value of {name}"));
                    for object in extras.expect("rendered objects").objects() {
                        // Most are the same in most combinations.
                        if !seen.insert(object.to_string()) {
                            continue;
                        }
                        schemas.check(object);
                        rendered.push(object.to_string());
                        let kind = object["kind"].as_str().expect("a kind");
                        *kinds.entry(kind.to_owned()).or_default() += 1;
                    }
                }
            }
        }
        assert!(
            kinds.values().sum::<usize>() >= least,
            "{component}: {kinds:?}"
        );
    }
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/components");
    for folder in list(&templates).into_iter().filter(|it| it.is_dir()) {
        for file in list(&folder) {
            let text = std::fs::read_to_string(&file).expect("a template");
            let template: Value = serde_saphyr::from_str(&text).expect("YAML");
            let words = words(&template);
            let from_it = |object: &&String| words.iter().all(|word| object.contains(word));
            let found = rendered.iter().find(from_it);
            assert!(found.is_some(), "{} is never rendered", file.display());
        }
    }
}

/// Returns options, with the values of their chart: as they were said, and as they are in Azure, where the provider made an identity.
fn known_in_azure(
    special: Option<Special>,
    chart: &Chart,
    provider: ProviderId,
) -> Vec<(Option<Special>, Value)> {
    let mut all = Vec::new();
    if let Some(nobody) = special.as_ref().filter(|it| it.lacks_identity())
        && provider == ProviderId::Azure
    {
        let told = ["subscription", "tenant", "client-id"].map(|key| {
            (
                key.to_owned(),
                "00000000-0000-0000-0000-000000000000".to_owned(),
            )
        });
        let id = "/subscriptions/s/resourceGroups/windlass-dot/providers/p/t/windlass-dot-x";
        let mut outputs = Outputs::from(told);
        outputs.insert("id".to_owned(), id.to_owned());
        let mut somebody = nobody.clone();
        somebody.identify(&outputs);
        assert!(!somebody.lacks_identity(), "{somebody:?}");
        let mut values = chart.values.clone();
        catalog::merge(&mut values, &catalog::special_values(&somebody));
        all.push((Some(somebody), values));
        if nobody.check_identity(&chart.values).is_err() {
            return all;
        }
    }
    all.push((special, chart.values.clone()));
    all
}

/// Returns what a folder has.
fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|it| it.expect("an entry").path()).collect()
}

/// Returns the names and the texts of a template, as they stand in what is made from it.
fn words(template: &Value) -> BTreeSet<String> {
    match template {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| {
                // What is wholly filled in may be left out.
                let open = value.as_str().is_some_and(|it| it.starts_with("${"));
                let name = (!open).then(|| format!("\"{key}\":"));
                name.into_iter().chain(words(value))
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(words).collect(),
        Value::String(text) if !text.contains("${") => [template.to_string()].into(),
        _ => BTreeSet::new(),
    }
}

/// What no template makes (the inventory, accounts and their roles) is looked at where it is sent.
#[test]
fn every_object_that_is_sent_is_valid() {
    let Some(folder) = schemas() else { return };
    let mut schemas = Schemas::open(folder);
    let bed = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_windlass"))
            .args(args)
            .args(["--rehearse", "--trace", "trace.jsonl"])
            .current_dir(bed.path())
            .env_clear()
            .env("PATH", "")
            .env("WINDLASS_REHEARSE_WORLD", bed.path().join("world"))
            .env("WINDLASS_REHEARSE_SPEED", "max")
            .output()
            .expect("a program that starts");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{args:?}: {said}");
    };
    run(&["setup", "kind"]);
    let kinds = "*.rds.aws.m.upbound.io";
    run(&["upgrade", "crossplane", "--activate", kinds, "--policies"]);
    run(&[
        "gitops",
        "sync",
        "--url",
        "https://github.com/example/platform",
    ]);
    for role in ["view", "cluster-admin"] {
        run(&[
            "kubeconfig",
            "--service-account",
            role,
            "--role",
            role,
            "--destination",
            role,
        ]);
    }
    run(&["uninstall", "traefik"]);
    let trace = std::fs::read_to_string(bed.path().join("trace.jsonl")).expect("a trace");
    let mut kinds = BTreeSet::new();
    for line in trace.lines() {
        let request: Value = serde_json::from_str(line).expect("JSON");
        let sent = &request["sent"];
        let Some(kind) = sent["kind"]
            .as_str()
            .filter(|_| sent["apiVersion"].is_string())
        else {
            continue;
        };
        schemas.check(sent);
        kinds.insert(kind.to_owned());
    }
    for kind in [
        "ConfigMap",
        "ServiceAccount",
        "ClusterRoleBinding",
        "HelmRelease",
    ] {
        assert!(kinds.contains(kind), "{kind} was not sent: {kinds:?}");
    }
}

#[test]
fn a_misspelt_field_is_found() {
    let Some(folder) = schemas() else { return };
    let faults = Schemas::open(folder).faults(&json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
        "metadata": { "name": "x" }, "spec": { "url": "https://example.com", "intervall": "1h" },
    }));
    assert_eq!(
        faults,
        [
            "source.toolkit.fluxcd.io/v1/HelmRepository /spec: Additional properties are not allowed \
             ('intervall' was unexpected)"
        ]
    );
}
