//! The schema and the reader know the same keys.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{schema::problems, *};

#[test]
fn both_know_the_same_keys() {
    let schema: Value = serde_json::from_str(&SCHEMA).unwrap();
    let defs = &schema["$defs"];
    let cluster = defs["clusters"]["additionalProperties"]["properties"].clone();
    let component = defs["component"]["properties"].clone();
    let own = &defs["components"]["properties"];
    let special = |name: &str| {
        let mut keys = component.clone();
        let own = own[name]["properties"].as_object().unwrap().clone();
        keys.as_object_mut().unwrap().extend(own);
        keys
    };
    let names: Vec<&String> = own.as_object().unwrap().keys().collect();
    let tables: Vec<String> = names
        .iter()
        .map(|it| format!("components.{it}.x"))
        .collect();
    let own: Vec<Value> = names.iter().map(|name| special(name)).collect();
    let own = tables.iter().map(String::as_str).zip(&own);
    let pool = cluster["node-pools"]["items"]["properties"].clone();
    let taint = pool["taints"]["items"]["properties"].clone();
    // An unknown key makes the reader list those that it knows.
    for (table, keys) in [
        ("x", &schema["properties"]),
        (
            "environments.e.x",
            &schema["properties"]["environments"]["additionalProperties"]["properties"],
        ),
        ("clusters.a.x", &cluster),
        ("clusters.a.nodes.x", &cluster["nodes"]["properties"]),
        ("clusters.a.kind.x", &cluster["kind"]["properties"]),
        ("clusters.a.aws.x", &cluster["aws"]["properties"]),
        ("clusters.a.azure.x", &cluster["azure"]["properties"]),
        ("clusters.a.google.x", &cluster["google"]["properties"]),
        ("clusters.a.node-pools = [{ name = \"a\", x", &pool),
        (
            "clusters.a.node-pools = [{ name = \"a\", taints = [{ key = \"k\", effect = \"NoExecute\", x",
            &taint,
        ),
        ("components.a.x", &component),
        ("environments.e.gitops.x", &defs["gitops"]["properties"]),
        ("platform.x", &defs["platform"]["properties"]),
    ]
    .into_iter()
    .chain(own)
    {
        let (head, _) = table.rsplit_once('x').unwrap();
        let key = format!("{head}quite-unlike-any-other-key");
        let close = if table.contains("taints") {
            " }] }]"
        } else if table.contains('{') {
            " }]"
        } else {
            ""
        };
        let told = problems(&format!("{key} = 1{close}\n"));
        let known: BTreeSet<&str> = told
            .iter()
            .find_map(|told| told.strip_prefix("unknown key; known here: "))
            .unwrap_or_else(|| panic!("{table}: {told:?}"))
            .split(", ")
            .collect();
        let listed: BTreeSet<&str> = keys
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(known, listed, "{table}");
    }
}
