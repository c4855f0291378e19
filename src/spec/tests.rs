use std::fs;

use windlass_provider::ProviderId;

use super::*;
use crate::settings::{FILE, Flags, Inputs};

const FULL: &str = include_str!("../settings/tests/full.toml");

fn resolve(toml: &str, flags: Flags) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), toml).unwrap();
    let inputs = Inputs {
        flags,
        directory: folder.path().to_owned(),
        ..Inputs::default()
    };
    Settings::resolve(&inputs).unwrap()
}

fn spec(toml: &str, flags: Flags) -> Spec {
    Spec::new(&resolve(toml, flags)).unwrap()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_whole_file_becomes_a_whole_spec() {
    let spec = spec(FULL, Flags::default());
    insta::assert_snapshot!(serde_json::to_string_pretty(&spec).unwrap(), @r#"
    {
      "cluster": {
        "name": "dot",
        "provider": "kind",
        "kubernetes_version": "1.36.1",
        "nodes": {
          "min": 1,
          "max": 3,
          "size": "medium"
        },
        "node_pools": [
          {
            "name": "batch",
            "min": 1,
            "max": 2,
            "labels": {
              "example.org/tier": "batch"
            },
            "taints": [
              {
                "key": "batch",
                "value": "yes",
                "effect": "NoSchedule"
              }
            ]
          }
        ],
        "lifetime": 28800,
        "kind": {
          "engine": "podman",
          "image": "kindest/node:v1.36.1",
          "http_port": 8080,
          "https_port": 0
        }
      },
      "environment": null,
      "components": [
        {
          "name": "cert-manager",
          "enabled": false,
          "version": null,
          "namespace": null,
          "values": {},
          "secrets": {}
        },
        {
          "name": "crossplane",
          "enabled": null,
          "version": null,
          "namespace": null,
          "values": {},
          "secrets": {},
          "options": {
            "cloud": "google",
            "db-provider": false
          }
        },
        {
          "name": "traefik",
          "enabled": true,
          "version": "41.3.0",
          "namespace": "edge",
          "values": {
            "at": "2026-01-02",
            "deployment": {
              "replicas": 2
            },
            "list": [
              1.5,
              "a",
              true
            ]
          },
          "secrets": {
            "auth.password": "TRAEFIK_PASSWORD"
          }
        }
      ],
      "only": null,
      "without": [],
      "gitops": {
        "url": "https://example.org/fleet.git",
        "reference": {
          "tag": "v1"
        },
        "path": "clusters/dot",
        "interval_seconds": 300,
        "prune": false,
        "namespace": "fleet"
      },
      "namespaces": [
        "red",
        "blue"
      ]
    }
    "#);
}

#[test]
fn an_environment_is_laid_over_the_rest() {
    let asked = |environment: Option<&str>| {
        let flags = Flags {
            environment: environment.map(str::to_owned),
            ..Flags::default()
        };
        spec(FULL, flags).asked()
    };
    let base = asked(None);
    let mut told = String::new();
    for environment in ["staging", "production"] {
        let over = asked(Some(environment));
        let keys: std::collections::BTreeSet<_> = base.keys().chain(over.keys()).collect();
        for key in keys {
            let (before, after) = (base.get(key), over.get(key));
            if before != after {
                told.push_str(&format!("{environment}: {key}: {before:?} → {after:?}\n"));
            }
        }
    }
    insta::assert_snapshot!(told, @r#"
    staging: components.traefik.values: Some("sha256:565567639045dcb1ead583ac36c34bfab74fecb7fd2133a3492827df1e5f4f46") → Some("sha256:39e7ef2b6b32ea4f94d7f63ee6d45ae4f09e9d61bd0514270b42253aa5fc2edf")
    staging: environment: None → Some("staging")
    staging: gitops.branch: None → Some("next")
    staging: gitops.tag: Some("v1") → None
    staging: nodes.max: Some("3") → Some("5")
    production: environment: None → Some("production")
    production: lifetime: Some("8h") → None
    "#);
}

#[test]
fn what_nobody_said_is_a_default() {
    let flags = Flags {
        provider: some("kind"),
        ..Flags::default()
    };
    let mut settings = resolve("", flags);
    insta::assert_snapshot!(tell(&Spec::new(&settings).unwrap()), @r"
    cluster = dot
    kind.http-port = 80
    kind.https-port = 443
    nodes.max = 1
    nodes.min = 1
    platform.namespaces = a-team,b-team
    provider = kind
    ");
    settings.answer_provider(ProviderId::Google);
    insta::assert_snapshot!(tell(&Spec::new(&settings).unwrap()), @r"
    cluster = dot
    google.channel = regular
    google.dataplane = v2
    google.mode = standard
    nodes.max = 4
    nodes.min = 2
    nodes.size = small
    platform.namespaces = a-team,b-team
    provider = google
    ");
}

fn tell(spec: &Spec) -> String {
    let asked = spec.asked().into_iter();
    asked
        .map(|(key, value)| format!("{key} = {value}\n"))
        .collect()
}

#[test]
fn a_number_of_nodes_moves_the_other_one_along() {
    for (provider, min, max, expected) in [
        ("kind", Some("3"), None, (3, 3)),
        ("kind", None, Some("3"), (1, 3)),
        ("aws", Some("6"), None, (6, 6)),
        ("aws", Some("3"), None, (3, 4)),
        ("gcp", None, Some("1"), (1, 1)),
        ("azure", Some("1"), Some("9"), (1, 9)),
    ] {
        let flags = Flags {
            provider: some(provider),
            min_nodes: min.map(str::to_owned),
            max_nodes: max.map(str::to_owned),
            ..Flags::default()
        };
        let nodes = spec("", flags).cluster.nodes;
        assert_eq!(
            (nodes.min, nodes.max),
            expected,
            "{provider} {min:?} {max:?}"
        );
    }
}

#[test]
fn without_a_provider_there_is_no_spec() {
    let settings = resolve("", Flags::default());
    assert_eq!(settings.provider, None);
    insta::assert_snapshot!(Spec::new(&settings).unwrap_err(), @r#"
    error: which provider? there are aws, azure, google, kind
      hint: name it after the command, with --provider, with WINDLASS_PROVIDER, or in windlass.toml: [clusters.dot] provider = "kind"
    "#);
}

#[test]
fn components_are_wanted_by_flag_then_file_then_catalogue() {
    let asked = |only: &[&str], without: &[&str]| {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let flags = Flags {
            only: own(only),
            without: own(without),
            ..Flags::default()
        };
        spec(FULL, flags)
    };
    let plain = asked(&[], &[]);
    assert!(plain.wants("traefik", false));
    assert!(!plain.wants("cert-manager", true));
    assert!(plain.wants("flux", true) && !plain.wants("flux", false));
    let only = asked(&["flux, cert-manager"], &[]);
    assert!(only.wants("cert-manager", false) && only.wants("flux", false));
    assert!(!only.wants("traefik", true));
    assert!(!asked(&[], &["traefik"]).wants("traefik", true));
}

#[test]
fn no_secret_is_in_a_spec_or_in_what_tells_runs_apart() {
    let toml =
        "[components.x.values]\npassword = \"hunter2\"\n[components.x.secrets]\na = \"SECRET\"\n";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), toml).unwrap();
    let settings = Settings::resolve(&Inputs {
        flags: Flags {
            provider: some("kind"),
            ..Flags::default()
        },
        environment: [("SECRET".to_owned(), "hunter3".to_owned())].into(),
        directory: folder.path().to_owned(),
        ..Inputs::default()
    })
    .unwrap();
    let spec = Spec::new(&settings).unwrap();
    assert!(!serde_json::to_string(&spec).unwrap().contains("hunter3"));
    assert_eq!(spec.asked()["components.x.secrets.a"], "SECRET");
    assert!(!format!("{:?}", spec.asked()).contains("hunter"));
}
