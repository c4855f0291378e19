//! The schema and the reader say the same.

use std::{cell::RefCell, path::Path};

use serde_json::Value;

use super::*;

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&SCHEMA).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// Returns a file as a JSON schema sees it.
fn as_json(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

/// Returns what is wrong with a file, its meaning aside, as the reader sees it.
pub(super) fn problems(text: &str) -> Vec<String> {
    let problems = RefCell::default();
    let file = Path::new(FILE);
    let mut root = tree::parse(file, text).unwrap();
    let reader = reader::Reader {
        file,
        problems: &problems,
        partial: false,
    };
    file::overlay(&mut root, reader, None);
    if let Some(table) = reader.table(root) {
        file::read(table);
    }
    problems
        .into_inner()
        .iter()
        .map(|problem| problem.message.clone())
        .collect()
}

#[test]
fn files_that_the_reader_takes_are_valid() {
    let validator = validator();
    let blank = crate::settings::EXAMPLE;
    let full: String = blank
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_ne!(blank, full);
    for text in ["", include_str!("full.toml"), blank, &full] {
        assert_eq!(problems(text), Vec::<String>::new(), "{text}");
        let faults: Vec<String> = validator
            .iter_errors(&as_json(text))
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}\n{text}");
    }
}

#[test]
fn values_are_refused_by_both_or_by_neither() {
    let validator = validator();
    let good = [
        ("clusters.a.provider", &["\"kind\"", "\"gcp\""][..]),
        ("clusters.a.kubernetes-version", &["\"1.36\"", "\"1.36.1\""]),
        (
            "clusters.a.lifetime",
            &["\"8h\"", "\"1d2h3m\"", "\"never\"", "\"10m\""],
        ),
        ("clusters.a.nodes.min", &["1", "1000"]),
        ("clusters.a.nodes.size", &["\"large\""]),
        ("clusters.a.kind.engine", &["\"nerdctl\""]),
        (
            "clusters.a.kind.image",
            &["\"kindest/node:v1.36.1@sha256:0a\""],
        ),
        ("clusters.a.kind.http-port", &["0", "65535"]),
        (
            "clusters.a.aws.region",
            &["\"eu-west-1\"", "\"us-gov-east-1\""],
        ),
        ("clusters.a.aws.profile", &["\"my profile\""]),
        ("clusters.a.aws.zones", &["[]", "[\"eu-west-1a\"]"]),
        ("clusters.a.aws.machine", &["\"m7i-flex.large\""]),
        ("clusters.a.aws.disk", &["20", "16384"]),
        ("clusters.a.aws.allowed-cidrs", &["[\"203.0.113.0/24\"]"]),
        ("clusters.a.aws.subnets", &["[\"subnet-0a\"]"]),
        (
            "clusters.a.aws.logs",
            &["[\"audit\", \"controllerManager\"]"],
        ),
        (
            "clusters.a.azure.subscription",
            &["\"0000000a-0000-0000-0000-00000000000B\""],
        ),
        ("clusters.a.azure.location", &["\"westus3\""]),
        ("clusters.a.azure.resource-group", &["\"rg.(1)-x_y\""]),
        (
            "clusters.a.azure.machine",
            &["\"Standard_NC4as_T4_v3\"", "\"Standard_M8-2ms\""],
        ),
        ("clusters.a.azure.zones", &["[]", "[\"1\", \"3\"]"]),
        ("clusters.a.azure.disk", &["30", "2048"]),
        ("clusters.a.azure.upgrades", &["\"node-image\""]),
        ("clusters.a.azure.istio", &["true"]),
        (
            "clusters.a.azure.ssh-key",
            &["\"ssh-ed25519 AAAAC3Nz me@here\"", "\"ssh-rsa AAAA\""],
        ),
        (
            "clusters.a.azure.controllers",
            &["[\"aso\", \"external-dns\"]"],
        ),
        (
            "clusters.a.google.project",
            &["\"acme-dev\"", "\"acme.org:acme-dev\""],
        ),
        (
            "clusters.a.google.parent",
            &["\"folders/1\"", "\"organizations/12\""],
        ),
        (
            "clusters.a.google.billing-account",
            &["\"012345-6789AB-CDEF01\""],
        ),
        (
            "clusters.a.google.location",
            &["\"us-east1\"", "\"us-east1-b\""],
        ),
        ("clusters.a.google.zones", &["[]", "[\"us-east1-b\"]"]),
        ("clusters.a.google.machine", &["\"e2-standard-4\""]),
        ("clusters.a.google.disk", &["10", "65536"]),
        (
            "clusters.a.google.network",
            &["\"default\"", "\"projects/acme-dev/global/networks/a\""],
        ),
        ("clusters.a.google.allowed-cidrs", &["[\"203.0.113.0/24\"]"]),
        (
            "clusters.a.google.impersonate",
            &["\"ci@acme-dev.iam.gserviceaccount.com\""],
        ),
        (
            "clusters.a.node-pools",
            &[
                "[]",
                "[{ name = \"a\", accelerator = \"nvidia-l4\", accelerators = 2, driver = \"latest\" }]",
                "[{ name = \"a\", min = 0 }]",
                "[{ name = \"a\", machine = \"Standard_NC4as_T4_v3\", zone = \"1\", spot = true }]",
            ],
        ),
        ("clusters.a-b1", &["{}"]),
        ("components.x.version", &["\"v1.2.3-rc.1+x\""]),
        ("components.crossplane.cloud", &["\"gcp\"", "\"none\""]),
        ("components.crossplane.db-provider", &["true"]),
        (
            "components.aso.crd-pattern",
            &["[\"storage.azure.com/*\", \"network.azure.com/NatGateway\"]"],
        ),
        ("components.aso.sync-period", &["\"1h\""]),
        (
            "components.cert-manager.issuer",
            &["[\"staging\", \"production\"]"],
        ),
        (
            "components.cert-manager.email",
            &["\"a.b+c@windlass-users.io\""],
        ),
        (
            "components.cert-manager.dns-resource-group",
            &["\"a_b.c(d)\""],
        ),
        ("components.external-dns.domain", &["[\"a.example.org\"]"]),
        ("components.istio.revision", &["\"1-30\""]),
        (
            "components.crossplane.activate",
            &[
                "[]",
                "[\"*.s3.aws.m.upbound.io\", \"buckets.s3.aws.m.upbound.io\"]",
            ],
        ),
        (
            "components.crossplane.tenant-id",
            &["\"01234567-89ab-CDEF-0123-456789abcdef\""],
        ),
        ("components.crossplane.project-id", &["\"dot-20261124\""]),
        ("components.crossplane.credentials", &["\"AWS_CREDS\""]),
        (
            "components.crossplane.identity",
            &[
                "\"arn:aws:iam::123456789012:role/dot\"",
                "\"a@b.iam.gserviceaccount.com\"",
            ],
        ),
        ("components.x.secrets", &["{ \"a.b[0].c\" = \"_X1\" }"]),
        (
            "gitops.url",
            &[
                "\"https://e.org/x.git\"",
                "\"http://e.org:80/x\"",
                "\"ssh://git@e.org:22/x\"",
                "\"ssh://e.org/x\"",
            ],
        ),
        (
            "gitops",
            &[
                "{ url = \"https://e.org/x\", commit = \"0123456789abcdef0123456789ABCDEF01234567\" }",
            ],
        ),
        (
            "platform.namespaces",
            &["[]", "[\"a\", \"b\"]", "[\"kubes\"]"],
        ),
        ("environments.e.gitops.branch", &["\"a/b.c\""]),
        ("environments.e.gitops.path", &["\"a/..b/c\"", "\".\""]),
        ("environments.e.gitops.interval", &["\"10s\"", "\"1d\""]),
    ];
    let bad = [
        ("clusters", &["1", "[]"][..]),
        ("clusters.A", &["{}"]),
        ("clusters.a--b", &["{}"]),
        ("clusters.1a", &["{}"]),
        ("clusters.a.provider", &["\"Kind\"", "true", "\"\""]),
        (
            "clusters.a.kubernetes-version",
            &["1.36", "\"v1.36\"", "\"1\"", "\"1.2.3.4\"", "\"1.2345\""],
        ),
        (
            "clusters.a.lifetime",
            &["8", "\"\"", "\"0s\"", "\"8 hours\"", "\"1m1h\"", "\"1.5h\""],
        ),
        ("clusters.a.nodes.min", &["0", "1001", "\"1\"", "1.5"]),
        ("clusters.a.nodes.size", &["\"tiny\"", "1"]),
        ("clusters.a.kind.engine", &["\"doker\""]),
        (
            "clusters.a.kind.image",
            &["\"--privileged\"", "\"a b\"", "\"\""],
        ),
        ("clusters.a.kind.https-port", &["-1", "65536"]),
        (
            "clusters.a.aws.region",
            &["\"eu\"", "\"EU-WEST-1\"", "\"eu-west-1a\""],
        ),
        ("clusters.a.aws.profile", &["\"\"", "\"[a]\"", "1"]),
        (
            "clusters.a.aws.zones",
            &["\"eu-west-1a\"", "[\"eu-west-1\"]"],
        ),
        ("clusters.a.aws.machine", &["\"t3\"", "\"T3.medium\""]),
        ("clusters.a.aws.image", &["\"al2\""]),
        ("clusters.a.aws.disk", &["19", "\"20\""]),
        ("clusters.a.aws.endpoint", &["\"none\""]),
        (
            "clusters.a.aws.allowed-cidrs",
            &["[\"203.0.113.0\"]", "[\"::/0\"]"],
        ),
        ("clusters.a.aws.vpc", &["\"default\""]),
        ("clusters.a.aws.nat", &["\"two\""]),
        ("clusters.a.aws.logs", &["[\"Audit\"]"]),
        ("clusters.a.aws.log-days", &["0"]),
        ("clusters.a.azure.subscription", &["\"x\"", "1"]),
        ("clusters.a.azure.tenant", &["\"example.org\""]),
        (
            "clusters.a.azure.location",
            &["\"West Europe\"", "\"eu-west-1\""],
        ),
        ("clusters.a.azure.resource-group", &["\"rg.\"", "\"a/b\""]),
        ("clusters.a.azure.machine", &["\"t3.medium\""]),
        ("clusters.a.azure.zones", &["[\"4\"]", "[1]"]),
        ("clusters.a.azure.disk", &["29"]),
        ("clusters.a.azure.tier", &["\"Free\""]),
        ("clusters.a.azure.upgrades", &["\"weekly\""]),
        ("clusters.a.azure.identity", &["\"none\""]),
        ("clusters.a.azure.network", &["\"kubenet\""]),
        ("clusters.a.azure.allowed-cidrs", &["[\"::/0\"]"]),
        ("clusters.a.azure.entra-groups", &["[\"admins\"]"]),
        ("clusters.a.azure.azure-rbac", &["1"]),
        (
            "clusters.a.azure.ssh-key",
            &["\"AAAA\"", "\"ssh-rsa AAAA\\nssh-rsa BBBB\""],
        ),
        ("clusters.a.azure.controllers", &["[\"owner\"]"]),
        (
            "clusters.a.google.project",
            &["\"acme\"", "\"Acme-dev\"", "\"acme-dev-\""],
        ),
        ("clusters.a.google.parent", &["\"folders/\"", "\"1\""]),
        ("clusters.a.google.billing-account", &["\"1\""]),
        (
            "clusters.a.google.location",
            &["\"us\"", "\"us-east-1\"", "\"us-east1-bb\""],
        ),
        (
            "clusters.a.google.zones",
            &["\"us-east1-b\"", "[\"us-east1\"]"],
        ),
        ("clusters.a.google.mode", &["\"Standard\""]),
        ("clusters.a.google.channel", &["\"none\""]),
        ("clusters.a.google.dataplane", &["\"v1\""]),
        ("clusters.a.google.machine", &["\"t3.medium\""]),
        ("clusters.a.google.disk", &["9", "\"10\""]),
        ("clusters.a.google.network", &["\"\"", "\"A\""]),
        ("clusters.a.google.allowed-cidrs", &["[\"203.0.113.0\"]"]),
        ("clusters.a.google.impersonate", &["\"a@b\""]),
        (
            "clusters.a.node-pools",
            &[
                "{}",
                "[{ name = \"a\", accelerators = 1 }]",
                "[{ name = \"a\", accelerator = \"nvidia-l4\", driver = \"old\" }]",
                "[{ name = \"a\", machine = \"-x\" }]",
                "[{ name = \"a\", zone = \"A\" }]",
                "[{ name = \"a\", spot = 1 }]",
                "[{}]",
                "[{ name = \"Batch\" }]",
                "[{ name = \"a\", max = 0 }]",
                "[{ name = \"a\", labels = { \"a/b/c\" = \"\" } }]",
                "[{ name = \"a\", labels = { a = \"-x\" } }]",
                "[{ name = \"a\", taints = [{ key = \"k\" }] }]",
                "[{ name = \"a\", taints = [{ key = \"k\", effect = \"noSchedule\" }] }]",
            ],
        ),
        ("components.x", &["\"41.3.0\""]),
        ("components.X_", &["{}"]),
        ("components.x.enabled", &["\"yes\""]),
        ("components.x.cloud", &["\"aws\""]),
        ("components.crossplane.cloud", &["\"upcloud\"", "true"]),
        ("components.crossplane.db-provider", &["\"true\"", "1"]),
        (
            "components.aso.crd-pattern",
            &[
                "[\"*\"]",
                "[\"*.azure.com/*\"]",
                "[\"example.org/*\"]",
                "[\"storage.azure.com\"]",
            ],
        ),
        ("components.aso.client-id", &["\"me\""]),
        (
            "components.cert-manager.issuer",
            &["\"production\"", "[\"test\"]"],
        ),
        (
            "components.cert-manager.email",
            &["\"me\"", "\"me@host\"", "\"a b@c.de\""],
        ),
        (
            "components.external-dns.domain",
            &["[\"org\"]", "[\"*.example.org\"]"],
        ),
        ("components.external-dns.policy", &["\"delete\""]),
        ("components.istiod.revision", &["\"A\""]),
        (
            "components.crossplane.activate",
            &["\"*\"", "[\"*\"]", "[\"a.*.io\"]", "[\"buckets\"]"],
        ),
        ("components.crossplane.tenant-id", &["\"x\"", "1"]),
        (
            "components.crossplane.project-id",
            &["\"Dot-1\"", "\"dot\"", "\"dot-1-\""],
        ),
        ("components.crossplane.credentials", &["\"{ 'key': 1 }\""]),
        ("components.crossplane.identity", &["\"a b\"", "\"\""]),
        ("components.x.version", &["\">=1\"", "\"\"", "1"]),
        ("components.x.namespace", &["\"a_b\"", "\"-a\""]),
        ("components.x.values", &["1", "[]"]),
        (
            "components.x.secrets",
            &[
                "{ \"a..b\" = \"X\" }",
                "{ \"\" = \"X\" }",
                "{ a = \"hunter2!\" }",
                "{ a = \"1X\" }",
                "{ a = 1 }",
            ],
        ),
        (
            "gitops",
            &[
                "{}",
                "{ url = \"https://e.org/x\", branch = \"a\", tag = \"b\" }",
            ],
        ),
        (
            "gitops.url",
            &[
                "\"https://u:p@e.org/x\"",
                "\"https://t@e.org/x\"",
                "\"ssh://git:p@e.org/x\"",
                "\"git@e.org:x\"",
                "\"file:///x\"",
                "\"https://e.org\"",
                "\"https:///x\"",
                "\"https://e.org/x?t=1\"",
                "\"https://e.org/x y\"",
                "\"https://e.org/x#y\"",
            ],
        ),
        (
            "platform.namespaces",
            &[
                "\"a\"",
                "[\"kube-x\"]",
                "[\"default\"]",
                "[\"flux-system\"]",
                "[\"a\", \"a\"]",
                "[\"no.dots\"]",
                "[1]",
            ],
        ),
        ("environments.e.environments", &["{}"]),
        ("environments.\"not a name\"", &["{}"]),
        (
            "environments.e.gitops.branch",
            &[
                "\"v 1\"",
                "\"-a\"",
                "\"a..b\"",
                "\"a~1\"",
                "\"a*\"",
                "\"a\\\\b\"",
                "\"\"",
            ],
        ),
        ("environments.e.gitops.commit", &["\"abc\""]),
        (
            "environments.e.gitops.path",
            &["\"../x\"", "\"a/../b\"", "\"/x\"", "\"\""],
        ),
        ("environments.e.gitops.prune", &["1"]),
    ];
    let all = good
        .iter()
        .map(|case| (case, true))
        .chain(bad.iter().map(|case| (case, false)));
    for ((key, values), valid) in all {
        for value in *values {
            let text = format!("{key} = {value}\n");
            assert_eq!(problems(&text).is_empty(), valid, "the reader: {text}");
            assert_eq!(
                validator.is_valid(&as_json(&text)),
                valid,
                "the schema: {text}"
            );
        }
    }
}
