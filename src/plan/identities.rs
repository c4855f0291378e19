//! Identities at the cluster's cloud for the components that act on it.

use serde_json::{Value, json};
use windlass_provider::ProviderId;

use crate::{
    catalog::Catalog,
    spec::{ComponentSpec, Spec},
};

/// The components that act on a cloud.
const ACTING: [&str; 3] = ["cert-manager", "crossplane", "external-dns"];

/// Gives the components of `spec` that act on Google Cloud the addresses of service accounts, which the cluster's plan makes;
/// `account` tells that of a component in a project. Who was told of an identity keeps it. A project that has no name yet has no
/// addresses.
pub fn give_identities(
    spec: &mut Spec,
    catalog: &Catalog,
    account: impl Fn(&str, &str) -> Option<String>,
) {
    if spec.cluster.provider != ProviderId::Google {
        return;
    }
    let Some(project) = spec.cluster.google.project.clone() else {
        return;
    };
    for name in ACTING {
        let by_default = catalog.get(name).is_some_and(|it| it.default);
        if !spec.wants(name, by_default) {
            continue;
        }
        let Some(account) = account(&project, name) else {
            continue;
        };
        let mut said = match spec.components.iter().position(|it| it.name == name) {
            Some(at) => spec.components.remove(at),
            None => nothing_said(name),
        };
        if give(&mut said, &project, &account) {
            spec.cluster.google.identities.push(name.to_owned());
        }
        spec.components.push(said);
    }
    spec.components.sort_by(|a, b| a.name.cmp(&b.name));
}

/// Gives one component its identity; returns whether it has a use for it, and has no other.
fn give(said: &mut ComponentSpec, project: &str, account: &str) -> bool {
    let is = |key: &str, value: &str| said.options.get(key).is_some_and(|it| it == value);
    if said.name == "crossplane" {
        let elsewhere = said.options.contains_key("cloud") && !is("cloud", "google");
        if elsewhere || said.options.contains_key("identity") {
            return false;
        }
        said.options.insert("identity".to_owned(), json!(account));
        said.options
            .entry("project-id")
            .or_insert_with(|| json!(project));
        return true;
    }
    if said.name == "cert-manager" {
        if !is("solver", "dns01") {
            return false;
        }
        said.options
            .entry("dns-project")
            .or_insert_with(|| json!(project));
    }
    let own = json!({ "serviceAccount": { "annotations": { "iam.gke.io/gcp-service-account": account } } });
    if said.values.contains_key("serviceAccount") {
        return false;
    }
    let mut values = Value::Object(std::mem::take(&mut said.values));
    crate::catalog::merge(&mut values, &own);
    if let Value::Object(values) = values {
        said.values = values;
    }
    true
}

fn nothing_said(name: &str) -> ComponentSpec {
    ComponentSpec {
        name: name.to_owned(),
        enabled: None,
        version: None,
        namespace: None,
        values: Default::default(),
        secrets: Default::default(),
        options: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(project: Value, components: Value) -> Spec {
        serde_json::from_value(json!({
            "cluster": {
                "name": "dot", "provider": "google", "kubernetes_version": null, "nodes": {"min": 1, "max": 1, "size": "small"},
                "node_pools": [], "lifetime": null, "google": { "project": project },
                "kind": {"engine": null, "image": null, "http_port": 80, "https_port": 443},
            },
            "environment": null, "components": components, "only": ["crossplane", "external-dns", "cert-manager"],
            "without": [], "gitops": null, "namespaces": [],
        }))
        .unwrap()
    }

    fn said(name: &str, options: Value, values: Value) -> Value {
        json!({
            "name": name, "enabled": null, "version": null, "namespace": null, "values": values, "secrets": {},
            "options": options,
        })
    }

    #[test]
    fn who_acts_on_the_cloud_has_an_account_unless_he_has_another() {
        let catalog = Catalog::load().unwrap();
        let account = |project: &str, name: &str| Some(format!("{name}@{project}"));
        let mut plain = spec(json!("acme-dev"), json!([]));
        give_identities(&mut plain, &catalog, account);
        // cert-manager proves names over http where nobody said otherwise.
        assert_eq!(
            plain.cluster.google.identities,
            ["crossplane", "external-dns"]
        );
        let crossplane = &plain.component("crossplane").unwrap().options;
        assert_eq!(crossplane["identity"], "crossplane@acme-dev");
        assert_eq!(crossplane["project-id"], "acme-dev");

        let mut own = spec(
            json!("acme-dev"),
            json!([
                said(
                    "cert-manager",
                    json!({ "solver": "dns01" }),
                    json!({ "replicaCount": 2 })
                ),
                said("crossplane", json!({ "cloud": "aws" }), json!({})),
                said(
                    "external-dns",
                    json!({}),
                    json!({ "serviceAccount": { "create": false } })
                ),
            ]),
        );
        give_identities(&mut own, &catalog, account);
        assert_eq!(own.cluster.google.identities, ["cert-manager"]);
        let values = &own.component("cert-manager").unwrap().values;
        assert_eq!(values["replicaCount"], 2);
        assert_eq!(
            values["serviceAccount"]["annotations"]["iam.gke.io/gcp-service-account"],
            "cert-manager@acme-dev"
        );

        let mut unnamed = spec(Value::Null, json!([]));
        give_identities(&mut unnamed, &catalog, account);
        assert!(unnamed.cluster.google.identities.is_empty());
    }
}
