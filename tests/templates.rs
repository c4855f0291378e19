//! Every template, rendered for every provider and with every optional part on and off, is checked strictly against the
//! schemas of the real kinds. An unknown kind fails.

#![expect(clippy::print_stderr, reason = "a test says aloud what it skipped")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use windlass::{
    catalog::{Catalog, Home, Release, extras, gitops, namespaces, release},
    spec::{ComponentSpec, special::Special},
};
use windlass_provider::ProviderId;

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
    let azure = [
        uuid[0].clone(),
        json!("dot"),
        zone[0].clone(),
        uuid[0].clone(),
    ];
    let cert_manager: [Choice<'_>; 6] = [
        (&["issuer", "email"], &[&issuers]),
        (&["solver"], &[&dns01]),
        (&["ingress-class"], &[&name]),
        (&["dns-region"], &[&region]),
        (&["dns-project"], &[&name]),
        (
            &[
                "dns-subscription",
                "dns-resource-group",
                "dns-zone",
                "dns-identity",
            ],
            &[&azure],
        ),
    ];
    let istiod: [Choice<'_>; 2] = [(&["revision"], &[&name]), (&["strict-mtls"], &[&yes])];
    let keys = [
        ("aso", &aso[..], 2),
        ("cert-manager", &cert_manager[..], 8),
        ("crossplane", &crossplane[..], 21),
        ("istiod", &istiod[..], 1),
    ];
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
                // Not all that can be said goes together.
                let Ok(Some(special)) = Special::settle(component, Some(&said), provider) else {
                    continue;
                };
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
                    let kind = object["kind"].as_str().expect("a kind");
                    *kinds.entry(kind.to_owned()).or_default() += 1;
                }
            }
        }
        assert!(
            kinds.values().sum::<usize>() >= least,
            "{component}: {kinds:?}"
        );
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
