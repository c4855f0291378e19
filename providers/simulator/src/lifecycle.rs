//! One lifecycle, from `kind create cluster` to nothing: the programs, the official Kubernetes client, Flux, and the log.

use crate::{
    FaultFile,
    stage::{Stage, yaml},
};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{Namespace, Node, Pod, Service},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
    runtime::{conditions, wait::await_condition},
};
use serde_json::{Value, json};
use std::time::Duration;

async fn client(stage: &Stage) -> Client {
    let kubeconfig: Kubeconfig = serde_json::from_value(yaml(&stage.kubeconfig())).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

fn api(client: &Client, object: &Value) -> Api<DynamicObject> {
    let (group, version) = match object["apiVersion"].as_str().unwrap().split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", object["apiVersion"].as_str().unwrap()),
    };
    let kind = object["kind"].as_str().unwrap();
    let resource = match kind {
        "NetworkPolicy" => ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk(group, version, kind),
            "networkpolicies",
        ),
        _ => ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind)),
    };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

async fn apply(client: &Client, object: &Value) {
    let name = object["metadata"]["name"].as_str().unwrap();
    let parameters = PatchParams::apply("test").force();
    let applied = api(client, object)
        .patch(name, &parameters, &Patch::Apply(object))
        .await;
    applied.unwrap_or_else(|error| panic!("{object}: {error}"));
}

/// Waits until an object's condition has the status, and returns the condition.
async fn condition(client: &Client, object: &Value, kind: &str, status: &str) -> Value {
    let holds =
        |it: Option<&DynamicObject>| it.is_some_and(|it| find(it, kind)["status"] == status);
    let name = object["metadata"]["name"].as_str().unwrap();
    let found = await_condition(api(client, object), name, holds)
        .await
        .unwrap();
    find(&found.unwrap(), kind)
}

fn find(object: &DynamicObject, kind: &str) -> Value {
    let conditions = object.data["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    conditions
        .into_iter()
        .find(|it| it["type"] == kind)
        .unwrap_or_default()
}

async fn flux(stage: &Stage, client: &Client) {
    let url = stage.world.manifest("flux", "v2.9.4");
    let path = url.split("/manifests/").nth(1).unwrap();
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&crate::manifests::find(path).unwrap()).unwrap();
    let first = |object: &&Value| {
        ["Namespace", "CustomResourceDefinition"].contains(&object["kind"].as_str().unwrap())
    };
    for object in objects.iter().filter(first) {
        apply(client, object).await;
    }
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for object in objects
        .iter()
        .filter(|it| it["kind"] == "CustomResourceDefinition")
    {
        let name = object["metadata"]["name"].as_str().unwrap();
        await_condition(definitions.clone(), name, conditions::is_crd_established())
            .await
            .unwrap();
    }
    for object in objects.iter().filter(|object| !first(object)) {
        apply(client, object).await;
    }
    for object in objects.iter().filter(|it| it["kind"] == "Deployment") {
        let available = condition(client, object, "Available", "True").await;
        assert_eq!(available["reason"], "MinimumReplicasAvailable");
    }
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn source(name: &str, url: &str, tag: &str) -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata": {"name": name, "namespace": name},
        "spec": {"interval": "10m", "url": url, "ref": {"tag": tag}},
    })
}

fn release(name: &str, values: &Value) -> Value {
    json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": name, "namespace": name},
        "spec": {"interval": "10m", "chartRef": {"kind": "OCIRepository", "name": name}, "values": values},
    })
}

const CERT_MANAGER: &str = "oci://quay.io/jetstack/charts/cert-manager";
const TRAEFIK: &str = "oci://ghcr.io/traefik/helm/traefik";

#[tokio::test]
async fn a_platform_is_raised_and_let_down_again() {
    let stage = Stage::open().await;
    stage.dot().await;
    let client1 = client(&stage).await;
    let nodes: Api<Node> = Api::all(client1.clone());
    let ready = |node: Option<&Node>| {
        let conditions = node
            .and_then(|it| it.status.as_ref()?.conditions.clone())
            .unwrap_or_default();
        conditions
            .iter()
            .any(|it| it.type_ == "Ready" && it.status == "True")
    };
    await_condition(nodes, "dot-control-plane", ready)
        .await
        .unwrap();
    flux(&stage, &client1).await;

    let values = json!({"crds": {"enabled": true}});
    for object in [
        namespace("cert-manager"),
        namespace("traefik"),
        source("cert-manager", CERT_MANAGER, "v1.21.1"),
        source("traefik", TRAEFIK, "41.3.0"),
        release("cert-manager", &values),
        release(
            "traefik",
            &json!({"service": {"type": "ClusterIP"}, "deployment": {"replicas": 2}}),
        ),
    ] {
        apply(&client1, &object).await;
    }
    let traefik = release("traefik", &json!({}));
    let manager = release("cert-manager", &values);
    for (object, chart) in [
        (&manager, "cert-manager@v1.21.1"),
        (&traefik, "traefik@41.3.0"),
    ] {
        let ready = condition(&client1, object, "Ready", "True").await;
        assert_eq!(ready["reason"], "InstallSucceeded");
        assert!(
            ready["message"].as_str().unwrap().ends_with(chart),
            "{ready}"
        );
    }
    let deployments: Api<Deployment> = Api::namespaced(client1.clone(), "traefik");
    let status = deployments.get("traefik").await.unwrap().status.unwrap();
    assert_eq!(
        (status.ready_replicas, status.observed_generation),
        (Some(2), Some(1))
    );
    let services: Api<Service> = Api::namespaced(client1.clone(), "traefik");
    let service = services.get("traefik").await.unwrap();
    assert_eq!(service.labels()["helm.toolkit.fluxcd.io/name"], "traefik");
    assert!(service.spec.unwrap().cluster_ip.is_some());

    // A world that is opened again goes on where it was, under the same address.
    let before = stage.get("state").await;
    let stage = stage.reopen().await;
    let after = stage.get("state").await;
    assert_eq!(sorted(&before), sorted(&after));
    let client2 = client(&stage).await;
    let values = json!({"crds": {"enabled": true}, "replicaCount": 2});
    apply(&client2, &release("cert-manager", &values)).await;
    let upgraded = |it: Option<&DynamicObject>| {
        it.is_some_and(|it| find(it, "Ready")["reason"] == "UpgradeSucceeded")
    };
    let found = await_condition(api(&client2, &manager), "cert-manager", upgraded)
        .await
        .unwrap()
        .unwrap();
    let history = &found.data["status"]["history"];
    assert_eq!(
        (&history[0]["version"], &history[1]["status"]),
        (&json!(2), &json!("superseded"))
    );

    for object in [&manager, &traefik] {
        let name = object["metadata"]["name"].as_str().unwrap();
        let api = api(&client2, object);
        let uid = api.get(name).await.unwrap().uid().unwrap();
        api.delete(name, &DeleteParams::default()).await.unwrap();
        await_condition(api, name, conditions::is_deleted(&uid))
            .await
            .unwrap();
    }
    let state = stage.get("state").await;
    let objects = state["clusters"][0]["objects"].as_array().unwrap();
    let kinds = ["Deployment", "ReplicaSet", "Pod", "Service", "HelmRelease"];
    let left: Vec<String> = objects
        .iter()
        .filter(|it| it["namespace"] == "traefik" || it["namespace"] == "cert-manager")
        .filter(|it| kinds.contains(&it["kind"].as_str().unwrap()))
        .map(|it| format!("{}/{}", it["kind"], it["name"]))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let definitions: Api<CustomResourceDefinition> = Api::all(client2.clone());
    let kept = definitions
        .get_opt("certificates.cert-manager.io")
        .await
        .unwrap();
    assert!(
        kept.is_some_and(|it| it.meta().deletion_timestamp.is_none()),
        "definitions are kept"
    );
    let namespaces: Api<Namespace> = Api::all(client2.clone());
    let uid = namespaces.get("traefik").await.unwrap().uid().unwrap();
    namespaces
        .delete("traefik", &DeleteParams::default())
        .await
        .unwrap();
    await_condition(namespaces, "traefik", conditions::is_deleted(&uid))
        .await
        .unwrap();

    stage
        .ok("kind", &["delete", "cluster", "--name", "dot"])
        .await;
    let state = stage.get("state").await;
    assert_eq!(
        (&state["containers"], &state["clusters"]),
        (&json!([]), &json!([]))
    );
    let history = stage.get("history").await;
    assert!(
        history
            .as_array()
            .unwrap()
            .iter()
            .all(|life| !life["died"].is_null()),
        "{history}"
    );
}

fn sorted(state: &Value) -> Vec<String> {
    let mut all: Vec<String> = state["clusters"][0]["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn what_flux_cannot_do_it_says_as_the_real_one() {
    let stage = Stage::open().await;
    stage.dot().await;
    let client = client(&stage).await;
    flux(&stage, &client).await;
    for name in ["place", "version", "crash", "held", "waits"] {
        apply(&client, &namespace(name)).await;
    }
    apply(
        &client,
        &source("place", "oci://quay.io/jetstack/cert-manager", "v1.21.1"),
    )
    .await;
    apply(&client, &source("version", CERT_MANAGER, "v0.0.1")).await;
    for (name, code) in [("place", "NAME_UNKNOWN"), ("version", "MANIFEST_UNKNOWN")] {
        apply(&client, &release(name, &json!({}))).await;
        let failed = condition(&client, &source(name, "", ""), "FetchFailed", "True").await;
        assert_eq!(failed["reason"], "OCIArtifactPullFailed");
        assert!(
            failed["message"].as_str().unwrap().contains(code),
            "{failed}"
        );
        let ready = condition(&client, &release(name, &json!({})), "Ready", "False").await;
        assert_eq!(ready["reason"], "SourceNotReady");
    }

    // An image that crashes: the release fails at its timeout, and the pod says why.
    apply(&client, &source("crash", CERT_MANAGER, "v1.21.1")).await;
    let mut crash = release("crash", &json!({"image": {"tag": "crash"}}));
    crash["spec"]["timeout"] = json!("2m");
    apply(&client, &crash).await;
    let stalled = condition(&client, &crash, "Stalled", "True").await;
    assert_eq!(stalled["reason"], "RetriesExceeded");
    let ready = condition(&client, &crash, "Ready", "False").await;
    assert_eq!(ready["reason"], "InstallFailed");
    assert!(
        ready["message"]
            .as_str()
            .unwrap()
            .contains("resource Deployment/crash/crash-cert-manager not ready"),
        "{ready}"
    );
    let pods: Api<Pod> = Api::namespaced(client.clone(), "crash");
    let pods = pods.list(&ListParams::default()).await.unwrap();
    let crashing = pods.iter().find(|pod| {
        let containers = pod
            .status
            .as_ref()
            .and_then(|it| it.container_statuses.clone())
            .unwrap_or_default();
        containers.iter().any(|it| {
            it.state
                .as_ref()
                .and_then(|it| it.waiting.as_ref()?.reason.clone())
                .as_deref()
                == Some("CrashLoopBackOff")
        })
    });
    let pod = crashing.expect("a pod crashes").name_any();
    let pods: Api<Pod> = Api::namespaced(client.clone(), "crash");
    assert!(
        pods.logs(&pod, &Default::default())
            .await
            .unwrap()
            .contains("cannot read the configuration")
    );

    // Helm takes nothing over that another made.
    apply(&client, &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "held-cert-manager", "namespace": "held"}})).await;
    apply(&client, &source("held", CERT_MANAGER, "v1.21.1")).await;
    apply(&client, &release("held", &json!({}))).await;
    let ready = condition(&client, &release("held", &json!({})), "Ready", "False").await;
    let wanted = |it: Option<&DynamicObject>| {
        it.is_some_and(|it| find(it, "Ready")["reason"] == "InstallFailed")
    };
    assert!(ready["status"] == "False");
    let object = release("held", &json!({}));
    let found = await_condition(api(&client, &object), "held", wanted)
        .await
        .unwrap()
        .unwrap();
    let message = find(&found, "Ready")["message"].to_string();
    assert!(
        message.contains("cannot be imported into the current release"),
        "{message}"
    );

    // A suspended release does nothing, and its deletion leaves what is there.
    let mut waits = release("waits", &json!({}));
    waits["spec"]["dependsOn"] = json!([{"name": "held", "namespace": "held"}]);
    apply(&client, &source("waits", CERT_MANAGER, "v1.21.1")).await;
    apply(&client, &waits).await;
    let ready = condition(&client, &waits, "Ready", "False").await;
    assert_eq!(ready["message"], "dependency 'held/held' is not ready");
}

#[tokio::test]
async fn a_finalizer_that_a_fault_holds_stays() {
    let stage = Stage::open().await;
    stage.dot().await;
    let client = client(&stage).await;
    flux(&stage, &client).await;
    apply(&client, &namespace("stuck")).await;
    apply(&client, &source("stuck", CERT_MANAGER, "v1.21.1")).await;
    let stuck = release("stuck", &json!({}));
    apply(&client, &stuck).await;
    condition(&client, &stuck, "Ready", "True").await;

    let faults = FaultFile::parse("[[finalizer]]\nkind = \"HelmRelease\"\nname = \"*/stuck\"\n");
    stage.world.inject(&faults.unwrap()).await.unwrap();
    let releases = api(&client, &stuck);
    let uid = releases.get("stuck").await.unwrap().uid().unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "stuck");
    let made = deployments.list(&ListParams::default()).await.unwrap();
    releases
        .delete("stuck", &DeleteParams::default())
        .await
        .unwrap();
    for made in made {
        let (name, uid) = (made.name_any(), made.uid().unwrap());
        await_condition(deployments.clone(), &name, conditions::is_deleted(&uid))
            .await
            .unwrap();
    }
    stage.world.clock().sleep(Duration::from_secs(600)).await;
    let held = releases.get("stuck").await.unwrap();
    assert!(held.meta().deletion_timestamp.is_some());
    assert_eq!(held.finalizers(), ["finalizers.fluxcd.io"]);

    // Faults end with the process: the controller lets go.
    let stage = stage.reopen().await;
    let client = self::client(&stage).await;
    await_condition(api(&client, &stuck), "stuck", conditions::is_deleted(&uid))
        .await
        .unwrap();
}
