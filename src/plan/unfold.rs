//! Sets of components, taken apart: what the user said of a set is said of its parts.

use serde_json::Value;

use crate::{
    catalog::{Catalog, Misuse, Part},
    spec::{ComponentSpec, Spec, special},
};

/// Replaces each set that `spec` names by its parts. What the user said of a part himself beats what he said of the set; a
/// set's namespace is for the parts that live where it does.
///
/// # Errors
/// Values that mean nothing to the set.
pub fn unfold(spec: &mut Spec, catalog: &Catalog) -> Result<(), Misuse> {
    for name in catalog.names() {
        let Some(set) = catalog.get(name).filter(|it| it.is_set()) else {
            continue;
        };
        let said = take(&mut spec.components, name);
        let values = said.as_ref().map(|said| said.values.clone());
        let parts = set.parts(&values.map_or(Value::Null, Value::Object))?;
        let included = |part: &Part| part.included;
        if let Some(only) = &mut spec.only {
            replace(only, name, parts.iter().filter(|part| included(part)));
        }
        replace(&mut spec.without, name, parts.iter());
        let Some(said) = said else { continue };
        for part in parts {
            let at_home = catalog
                .get(&part.name)
                .is_some_and(|component| component.namespace == set.namespace);
            let own = take(&mut spec.components, &part.name);
            let all = of_part(&said, &part, at_home);
            spec.components.push(match own {
                Some(own) => lay_over(all, own),
                None => all,
            });
        }
    }
    spec.components.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

fn take(components: &mut Vec<ComponentSpec>, name: &str) -> Option<ComponentSpec> {
    let at = components.iter().position(|it| it.name == name)?;
    Some(components.remove(at))
}

fn replace<'a>(names: &mut Vec<String>, set: &str, parts: impl Iterator<Item = &'a Part>) {
    let before = names.len();
    names.retain(|name| name != set);
    if names.len() < before {
        names.extend(parts.map(|part| part.name.clone()));
    }
}

/// Returns what was said of a set, for one of its parts.
fn of_part(said: &ComponentSpec, part: &Part, at_home: bool) -> ComponentSpec {
    let prefix = format!("{}.", part.name);
    let secrets = said.secrets.iter().filter_map(|(path, variable)| {
        let path = path.strip_prefix(&prefix)?;
        Some((path.to_owned(), variable.clone()))
    });
    ComponentSpec {
        name: part.name.clone(),
        enabled: match said.enabled {
            Some(true) => part.included.then_some(true),
            other => other,
        },
        version: said.version.clone(),
        namespace: said.namespace.clone().filter(|_| at_home),
        values: part.values.as_object().cloned().unwrap_or_default(),
        secrets: secrets.collect(),
        options: special::known_to(&part.name, &said.options),
    }
}

fn lay_over(set: ComponentSpec, own: ComponentSpec) -> ComponentSpec {
    let mut values = Value::Object(set.values);
    crate::catalog::merge(&mut values, &Value::Object(own.values));
    let mut secrets = set.secrets;
    secrets.extend(own.secrets);
    let mut options = set.options;
    options.extend(own.options);
    ComponentSpec {
        name: own.name,
        enabled: own.enabled.or(set.enabled),
        version: own.version.or(set.version),
        namespace: own.namespace.or(set.namespace),
        values: values.as_object().cloned().unwrap_or_default(),
        secrets,
        options,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns a spec in which that was said of components: name → what differs from nothing.
    fn spec(said: Value) -> Spec {
        let components = said.as_object().unwrap().iter().map(|(name, said)| {
            let mut component = json!({
                "name": name, "enabled": null, "version": null, "namespace": null, "values": {}, "secrets": {},
            });
            crate::catalog::merge(&mut component, said);
            component
        });
        serde_json::from_value(json!({
            "cluster": {
                "name": "dot", "provider": "kind", "kubernetes_version": null, "nodes": {"min": 1, "max": 1, "size": "small"},
                "node_pools": [], "lifetime": null,
                "kind": {"engine": null, "image": null, "http_port": 80, "https_port": 443},
            },
            "environment": null, "components": components.collect::<Vec<_>>(), "only": null, "without": [], "gitops": null,
            "namespaces": [],
        }))
        .unwrap()
    }

    #[test]
    fn what_is_said_of_a_set_is_said_of_its_parts() {
        let catalog = Catalog::load().unwrap();
        let mut spec = spec(json!({
            "istio": {
                "enabled": true, "version": "1.30.2", "namespace": "mesh", "secrets": { "istiod.token": "TOKEN" },
                "values": { "ambient": true, "istiod": { "replicaCount": 2, "logLevel": "info" } },
            },
            "istiod": { "version": "1.30.3", "values": { "replicaCount": 3 } },
        }));
        unfold(&mut spec, &catalog).unwrap();
        let names: Vec<&str> = spec.components.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "istio-base",
                "istio-cni",
                "istio-gateway",
                "istiod",
                "ztunnel"
            ]
        );
        assert!(spec.components.iter().all(|it| it.enabled == Some(true)));
        let istiod = spec.component("istiod").unwrap();
        assert_eq!(istiod.version.as_deref(), Some("1.30.3"));
        assert_eq!(istiod.namespace.as_deref(), Some("mesh"));
        assert_eq!(
            Value::Object(istiod.values.clone()),
            json!({ "profile": "ambient", "replicaCount": 3, "logLevel": "info" })
        );
        assert_eq!(istiod.secrets["token"], "TOKEN");
        let gateway = spec.component("istio-gateway").unwrap();
        assert_eq!(gateway.version.as_deref(), Some("1.30.2"));
        assert_eq!(gateway.namespace, None);
        assert!(gateway.secrets.is_empty());
    }

    #[test]
    fn sets_are_chosen_and_left_out_by_name() {
        let catalog = Catalog::load().unwrap();
        let mut chosen = spec(json!({}));
        chosen.only = Some(vec!["istio".to_owned(), "traefik".to_owned()]);
        chosen.without = vec!["istio".to_owned()];
        unfold(&mut chosen, &catalog).unwrap();
        assert_eq!(
            chosen.only.unwrap(),
            ["traefik", "istio-base", "istiod", "istio-gateway"]
        );
        assert_eq!(chosen.without.len(), 5);
        let mut off = spec(json!({ "istio": { "enabled": false } }));
        unfold(&mut off, &catalog).unwrap();
        assert!(off.components.iter().all(|it| it.enabled == Some(false)));
    }
}
