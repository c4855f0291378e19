//! What is sent, judged by others: by the role that windlass hands out, and by the models of Microsoft's own clients.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use serde_json::Value;
use windlass_conformance::Bed;
use windlass_provider::{AzureIdentity, NodePool, Verdict};

use crate::{Cloud, pool, subscription};

/// Each call of a life, checks included, is allowed by the role that windlass hands out.
#[tokio::test]
async fn the_role_allows_each_call_that_is_made() {
    let bed = Cloud::open().await;
    let (cx, sent) = bed.ground.recording();
    let mut spec = bed.spec("dot");
    spec.azure.identity = AzureIdentity::User;
    spec.azure.controllers = vec!["aso".into(), "platform".into()];
    spec.azure.flux_extension = true;
    spec.node_pools = vec![pool("batch")];
    let provider = bed.provider();
    let facts = provider.facts(&cx, &spec).await.expect("facts");
    for check in provider.preflight(&cx, &spec, &facts).await {
        assert_ne!(check.verdict, Verdict::Failed, "{check:?}");
    }
    bed.make(&cx, &spec).await.expect("a cluster");
    provider.kubeconfig(&cx, &spec.name).await.expect("access");
    bed.unmake(&cx).await;

    let role = include_str!("../../../../templates/azure/role.json");
    let role: Value = serde_json::from_str(role).expect("JSON");
    let allowed: BTreeSet<&str> = role["Actions"]
        .as_array()
        .expect("actions")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let calls = sent.calls();
    assert!(calls.len() > 25, "{calls:?}");
    for call in calls.iter().filter(|it| !it.contains("/azure/login/")) {
        let action = action(call);
        // An operation is read by whoever began it, under a link of its own.
        let link = action.contains("operationresults");
        assert!(
            link || allowed.contains(action.as_str()),
            "{action}: {call}"
        );
    }
}

/// Returns the permission that a call wants: what its path is made of, without names, and the verb.
fn action(call: &str) -> String {
    let (method, url) = call.split_once(' ').expect("a method");
    let path = url.split_once("/azure/").expect("a path").1;
    let path = path.split('?').next().unwrap_or_default();
    let steps: Vec<&str> = path.split('/').collect();
    let at = steps.iter().rposition(|step| *step == "providers");
    let mut kinds: Vec<&str> = match at {
        Some(at) if steps.len() > at + 2 => steps[at + 1..].to_vec(),
        Some(_) => return "Microsoft.Resources/subscriptions/providers/read".to_owned(),
        None => std::iter::once("Microsoft.Resources")
            .chain(steps.iter().copied())
            .collect(),
    };
    if kinds.last() == Some(&"register") {
        return format!("{}/register/action", kinds[0]);
    }
    let post = (method == "POST").then(|| kinds.pop()).flatten();
    let service = kinds[0];
    let kinds: Vec<&str> = kinds[1..].iter().step_by(2).copied().collect();
    let kinds = kinds.join("/").replace("resourcegroups", "resourceGroups");
    match (method, post) {
        ("POST", Some(post)) => format!("{service}/{kinds}/{post}/action"),
        ("GET", _) => format!("{service}/{kinds}/read"),
        ("DELETE", _) => format!("{service}/{kinds}/delete"),
        _ => format!("{service}/{kinds}/write"),
    }
}

/// Each body that is sent in a life with all that can be chosen is one that the models of Microsoft's own clients know.
#[tokio::test]
async fn microsofts_models_know_each_body_that_is_sent() {
    let note = "nobody judged what is sent to Azure";
    let Some(python) = windlass_conformance::python("WINDLASS_TEST_AZURE", note) else {
        return;
    };
    let bed = Cloud::open().await;
    let (cx, sent) = bed.ground.recording();
    let mut spec = bed.spec("dot");
    spec.lifetime = Some(Duration::from_secs(3600));
    spec.node_pools = vec![NodePool {
        spot: true,
        zone: Some("1".into()),
        labels: BTreeMap::from([("tier".into(), "fast".into())]),
        machine: Some("Standard_NC4as_T4_v3".into()),
        ..pool("gpu")
    }];
    let azure = &mut spec.azure;
    azure.identity = AzureIdentity::User;
    azure.controllers = vec!["aso".into()];
    azure.entra_groups = vec![subscription::ADMINS.into()];
    azure.azure_rbac = true;
    azure.no_local_accounts = true;
    azure.istio = true;
    azure.flux_extension = true;
    azure.allowed_cidrs = vec!["203.0.113.0/24".into()];
    azure.zones = vec!["1".into(), "2".into()];
    azure.disk = Some(64);
    azure.ssh_key = Some("ssh-ed25519 AAAAC3Nz me".into());
    spec.kubernetes_version = Some("1.34".into());
    bed.make(&cx, &spec).await.expect("a cluster");
    spec.kubernetes_version = Some("1.35".into());
    spec.nodes.max += 1;
    spec.lifetime = Some(Duration::from_secs(7200));
    spec.azure.istio = false;
    spec.node_pools[0].labels.clear();
    bed.make(&cx, &spec).await.expect("the same, changed");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/subscription/bodies.py");
    let lines = sent.lines(&["PUT", "PATCH"]);
    let out = windlass_conformance::judge(&python, &script, &lines);
    let out = out.unwrap_or_else(|wrong| panic!("{wrong}"));
    for kind in [
        "AgentPool",
        "Extension",
        "FederatedIdentityCredential",
        "ManagedCluster",
        "ResourceGroupPatchable",
        "RoleAssignment",
    ] {
        assert!(out.contains(kind), "{out}");
    }
}
