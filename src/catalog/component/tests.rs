use super::*;

#[test]
fn the_catalogue_loads_and_its_needs_are_in_it() {
    let catalog = Catalog::load().unwrap();
    for name in catalog.names() {
        let component = catalog.get(name).unwrap();
        let parts = component.parts(&Value::Null).unwrap();
        let parts = parts.iter().map(|part| &part.name);
        for need in component.needs.iter().chain(parts) {
            assert!(catalog.get(need).is_some(), "{name} needs {need}");
        }
        // A set comes apart before anything else is asked of it.
        assert!(!component.is_set() || component.needs.is_empty(), "{name}");
        assert!(component.is_set() || component.options.is_empty(), "{name}");
    }
    assert_eq!(
        catalog.get("flux").unwrap().manifest("2.9.4").unwrap(),
        "https://github.com/fluxcd/flux2/releases/download/v2.9.4/install.yaml"
    );
}

#[test]
fn values_are_laid_over_each_other_as_helm_does() {
    let catalog = Catalog::load().unwrap();
    let users = json!({ "ports": { "web": { "hostPort": null } }, "extra": [1] });
    let values = catalog
        .get("traefik")
        .unwrap()
        .values(ProviderId::Kind, "dot", &[&users]);
    assert_eq!(
        values["ports"],
        json!({ "web": { "hostPort": null }, "websecure": { "hostPort": 443 } })
    );
    assert_eq!(values["extra"], json!([1]));
    assert_eq!(values["ingressClass"]["isDefaultClass"], json!(true));
}

#[test]
fn a_set_has_the_parts_that_its_options_ask_for() {
    let catalog = Catalog::load().unwrap();
    let istio = catalog.get("istio").unwrap();
    let names = |values: &Value| -> Vec<String> {
        let parts = istio.parts(values).unwrap().into_iter();
        parts.filter(|it| it.included).map(|it| it.name).collect()
    };
    assert_eq!(
        names(&Value::Null),
        ["istio-base", "istiod", "istio-gateway"]
    );
    assert_eq!(names(&json!({ "ambient": false })).len(), 3);
    let ambient = json!({
        "ambient": true, "global": { "logAsJson": true }, "istiod": { "profile": "demo", "replicaCount": 2 },
    });
    assert_eq!(
        names(&ambient),
        [
            "istio-base",
            "istiod",
            "istio-gateway",
            "istio-cni",
            "ztunnel"
        ]
    );
    let parts = istio.parts(&ambient).unwrap();
    let values = |name: &str| &parts.iter().find(|part| part.name == name).unwrap().values;
    let global = json!({ "logAsJson": true });
    assert_eq!(
        values("istiod"),
        &json!({ "profile": "demo", "global": global, "replicaCount": 2 })
    );
    assert_eq!(
        values("ztunnel"),
        &json!({ "profile": "ambient", "global": global })
    );
    assert_eq!(values("istio-base"), &json!({ "global": global }));
    for (values, says) in [
        (
            json!({ "ambeint": true }),
            "istio has no value \"ambeint\": allowed are ambient, istio-base, istiod, istio-gateway, istio-cni, ztunnel, global",
        ),
        (
            json!({ "ambient": "yes" }),
            "istio: ambient must be true or false",
        ),
        (
            json!({ "istiod": 3 }),
            "istio: istiod must be a map of values",
        ),
    ] {
        assert_eq!(istio.parts(&values).unwrap_err().to_string(), says);
    }
}

#[test]
fn our_values_know_the_cluster_and_users_cannot_refer_to_it() {
    let catalog = Catalog::load().unwrap();
    let values = catalog.get("external-dns").unwrap().values(
        ProviderId::Google,
        "blue",
        &[&json!({ "domainFilters": ["${cluster}.example.com"] })],
    );
    assert_eq!(values["txtOwnerId"], "blue");
    assert_eq!(values["provider"]["name"], "google");
    assert_eq!(values["domainFilters"][0], "${cluster}.example.com");
}

#[test]
fn kinds_are_known_by_what_brings_them() {
    let catalog = Catalog::load().unwrap();
    for (group, name) in [
        ("monitoring.coreos.com", Some("prometheus")),
        ("acme.cert-manager.io", Some("cert-manager")),
        ("rds.aws.m.upbound.io", Some("crossplane")),
        ("resources.azure.com", Some("aso")),
        ("example.com", None),
    ] {
        let found = catalog.bringing(group).map(|it| it.name.as_str());
        assert_eq!(found, name, "{group}");
    }
}

#[test]
fn ports_of_the_node_are_known_by_the_values() {
    let catalog = Catalog::load().unwrap();
    let ports = |name: &str, over: Value, provider: ProviderId| {
        let component = catalog.get(name).unwrap();
        let values = component.values(provider, "dot", &[&over]);
        component
            .host_ports(&values)
            .into_iter()
            .collect::<Vec<_>>()
    };
    for name in ["traefik", "contour", "nginx"] {
        assert_eq!(
            ports(name, json!({}), ProviderId::Kind),
            [80, 443],
            "{name}"
        );
        assert!(ports(name, json!({}), ProviderId::Aws).is_empty(), "{name}");
        // What is said to free them does.
        let mut free = serde_json::Map::new();
        let text = catalog.get(name).unwrap().without_host_ports();
        super::super::assign(&mut free, &text, super::super::Typing::Typed).unwrap();
        assert!(
            ports(name, free.into(), ProviderId::Kind).is_empty(),
            "{text}"
        );
    }
    let moved = json!({ "ports": { "web": { "hostPort": 8080 } } });
    assert_eq!(ports("traefik", moved, ProviderId::Kind), [443, 8080]);
    assert!(ports("istio-gateway", json!({}), ProviderId::Kind).is_empty());
}
