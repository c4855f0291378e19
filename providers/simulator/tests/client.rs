//! The simulated API through the official client, over plain HTTP on loopback: what windlass itself does with a cluster.

mod common;

use axum::{Router, extract::Request};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Namespace, Secret},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Client, Config, ResourceExt,
    api::{
        Api, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
        PostParams, WatchEvent, WatchParams,
    },
    discovery::{Discovery, Scope},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use windlass_simulator::kube::{ApiServer, Key, Record, Sink};

#[derive(Default)]
struct Log(Mutex<Vec<Record>>);

impl Sink for Log {
    fn record(&self, record: &Record) {
        self.0
            .lock()
            .expect("no test panics while it writes")
            .push(record.clone());
    }
}

fn server(log: Arc<Log>) -> Arc<ApiServer> {
    common::server(Some("secret"), Some(log))
}

/// Serves an API on loopback and returns a client of it.
async fn connect(server: &Arc<ApiServer>) -> Client {
    let server = server.clone();
    let router = Router::new().fallback(move |request: Request| {
        let server = server.clone();
        async move { server.handle(request).await }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut config = Config::new(format!("http://{address}").parse().expect("an address"));
    config.auth_info.token = Some("secret".to_owned().into());
    Client::try_from(config).expect("a client")
}

async fn start() -> (Arc<ApiServer>, Client) {
    let server = server(Arc::default());
    let client = connect(&server).await;
    (server, client)
}

fn applied<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the object has its kind's shape")
}

#[tokio::test]
async fn discovery_finds_builtin_and_custom_kinds() {
    let (_server, client) = start().await;
    assert_eq!(
        client
            .apiserver_version()
            .await
            .expect("a version")
            .git_version,
        "v1.36.2"
    );
    let discovery = Discovery::new(client.clone())
        .run()
        .await
        .expect("discovery");
    let (resource, capabilities) = discovery
        .resolve_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"))
        .expect("deployments are served");
    assert_eq!(resource.plural, "deployments");
    assert_eq!(capabilities.scope, Scope::Namespaced);
    let aggregated = Discovery::new(client)
        .run_aggregated()
        .await
        .expect("aggregated discovery");
    assert!(
        aggregated
            .resolve_gvk(&GroupVersionKind::gvk("", "v1", "Namespace"))
            .is_some()
    );
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let (server, _client) = start().await;
    let request = http::Request::get("/api/v1/namespaces").header("authorization", "Bearer wrong");
    let response = server
        .handle(request.body(axum::body::Body::empty()).expect("a request"))
        .await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn apply_patch_status_and_conflict() {
    let (_server, client) = start().await;
    let api: Api<Deployment> = Api::namespaced(client.clone(), "default");
    let labels = json!({ "app": "web" });
    let object: Value = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "web", "image": "nginx:1.27", "ports": [{ "containerPort": 80 }] }] },
            },
        },
    });
    let params = PatchParams::apply("windlass");
    let made = api
        .patch("web", &params, &Patch::Apply(&object))
        .await
        .expect("applies");
    assert_eq!(made.spec.replicas, Some(1), "defaults are filled in");
    let again = api
        .patch("web", &params, &Patch::Apply(&object))
        .await
        .expect("applies again");
    assert_eq!(
        made.resource_version(),
        again.resource_version(),
        "nothing changed"
    );

    let status =
        json!({ "status": { "replicas": 1, "availableReplicas": 1, "observedGeneration": 1 } });
    let params = PatchParams::default();
    let ready = api
        .patch_status("web", &params, &Patch::Merge(&status))
        .await
        .expect("patches the status");
    assert_eq!(
        ready.status.and_then(|status| status.available_replicas),
        Some(1)
    );
    assert_eq!(
        ready.metadata.generation,
        Some(1),
        "a status is no new generation"
    );

    let mut other = object.clone();
    other["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:2");
    let refused = api
        .patch("web", &PatchParams::apply("other"), &Patch::Apply(&other))
        .await
        .expect_err("conflicts");
    let kube::Error::Api(status) = refused else {
        panic!("not an answer of the API: {refused}")
    };
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    let forced = api
        .patch(
            "web",
            &PatchParams::apply("other").force(),
            &Patch::Apply(&other),
        )
        .await
        .expect("forced");
    assert_eq!(forced.metadata.generation, Some(2));

    let scaled = api
        .patch_scale(
            "web",
            &PatchParams::default(),
            &Patch::Merge(json!({ "spec": { "replicas": 3 } })),
        )
        .await;
    assert_eq!(
        scaled.expect("scales").spec.and_then(|spec| spec.replicas),
        Some(3)
    );
}

#[tokio::test]
async fn lists_in_pages_and_by_labels() {
    let (_server, client) = start().await;
    let api: Api<ConfigMap> = Api::namespaced(client, "default");
    for index in 0..5 {
        let labels = json!({ "n": index.to_string(), "app": "x" });
        let object =
            applied(json!({ "metadata": { "name": format!("c{index}"), "labels": labels } }));
        api.create(&PostParams::default(), &object)
            .await
            .expect("creates");
    }
    let first = api
        .list(&ListParams::default().labels("app").limit(2))
        .await
        .expect("lists");
    assert_eq!(first.items.len(), 2);
    let token = first.metadata.continue_.expect("there is more");
    let rest = api
        .list(&ListParams::default().labels("app").continue_token(&token))
        .await
        .expect("goes on");
    assert_eq!(
        rest.items
            .iter()
            .map(ResourceExt::name_any)
            .collect::<Vec<_>>(),
        ["c2", "c3", "c4"]
    );
    let chosen = api
        .list(&ListParams::default().labels("n in (1,4)"))
        .await
        .expect("lists");
    assert_eq!(chosen.items.len(), 2);
}

#[tokio::test]
async fn watches_tell_every_change_in_order() {
    let (_server, client) = start().await;
    let api: Api<Secret> = Api::namespaced(client, "default");
    let from = api
        .list(&ListParams::default())
        .await
        .expect("lists")
        .metadata
        .resource_version
        .expect("a revision");
    let mut events = api
        .watch(&WatchParams::default(), &from)
        .await
        .expect("watches")
        .boxed();
    let object = applied(json!({ "metadata": { "name": "s" }, "stringData": { "a": "b" } }));
    api.create(&PostParams::default(), &object)
        .await
        .expect("creates");
    api.patch(
        "s",
        &PatchParams::default(),
        &Patch::Merge(json!({ "data": { "c": "ZA==" } })),
    )
    .await
    .expect("patches");
    api.delete("s", &DeleteParams::default())
        .await
        .expect("deletes");
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = events
            .try_next()
            .await
            .expect("no fault")
            .expect("the watch goes on");
        seen.push(match event {
            WatchEvent::Added(secret) => {
                format!("added {}", secret.data.map_or(0, |data| data.len()))
            }
            WatchEvent::Modified(secret) => {
                format!("modified {}", secret.data.map_or(0, |data| data.len()))
            }
            WatchEvent::Deleted(_) => "deleted".to_owned(),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(seen, ["added 1", "modified 2", "deleted"]);
}

#[tokio::test]
async fn the_watcher_lists_by_streaming() {
    let (_server, client) = start().await;
    let api: Api<Namespace> = Api::all(client.clone());
    let mut names: Vec<String> = Vec::new();
    let config = watcher::Config::default().streaming_lists();
    let mut stream = watcher(api.clone(), config).applied_objects().boxed();
    while names.len() < 4 {
        names.push(
            stream
                .try_next()
                .await
                .expect("no fault")
                .expect("the watch goes on")
                .name_any(),
        );
    }
    names.sort();
    assert_eq!(
        names,
        ["default", "kube-node-lease", "kube-public", "kube-system"]
    );
    api.create(
        &PostParams::default(),
        &applied(json!({ "metadata": { "name": "new" } })),
    )
    .await
    .expect("creates");
    assert_eq!(
        stream
            .try_next()
            .await
            .expect("no fault")
            .expect("the watch goes on")
            .name_any(),
        "new"
    );
}

#[tokio::test]
async fn deletion_waits_for_finalizers_and_empties_namespaces() {
    let (_server, client) = start().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .create(
            &PostParams::default(),
            &applied(json!({ "metadata": { "name": "team" } })),
        )
        .await
        .expect("creates");
    let api: Api<ConfigMap> = Api::namespaced(client, "team");
    let held = json!({ "metadata": { "name": "held", "finalizers": ["example.com/hold"] } });
    api.create(&PostParams::default(), &applied(held))
        .await
        .expect("creates");
    namespaces
        .delete("team", &DeleteParams::default())
        .await
        .expect("is deleted");
    let waiting = namespaces.get("team").await.expect("is still there");
    assert_eq!(
        waiting.status.and_then(|status| status.phase).as_deref(),
        Some("Terminating")
    );
    assert!(
        api.get("held")
            .await
            .expect("is held")
            .metadata
            .deletion_timestamp
            .is_some()
    );
    let late = api
        .create(
            &PostParams::default(),
            &applied(json!({ "metadata": { "name": "late" } })),
        )
        .await;
    assert!(matches!(late, Err(kube::Error::Api(status)) if status.code == 403));
    let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    api.patch("held", &PatchParams::default(), &free)
        .await
        .expect("lets go");
    assert!(
        namespaces
            .get_opt("team")
            .await
            .expect("an answer")
            .is_none(),
        "the namespace goes with its last object"
    );
}

fn gadgets() -> CustomResourceDefinition {
    applied(json!({
        "metadata": { "name": "gadgets.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": { "plural": "gadgets", "kind": "Gadget" },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "required": ["size"], "properties": {
                        "size": { "type": "integer" }, "colour": { "type": "string", "default": "red" },
                    } },
                    "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                } } },
            }],
        },
    }))
}

#[tokio::test]
async fn custom_kinds_are_served_once_established() {
    let (_server, client) = start().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PatchParams::apply("windlass");
    let definition = gadgets();
    let object = serde_json::to_value(&definition).expect("writes");
    definitions
        .patch("gadgets.example.com", &params, &Patch::Apply(&object))
        .await
        .expect("applies");
    let established = kube::runtime::wait::conditions::is_crd_established();
    kube::runtime::wait::await_condition(definitions.clone(), "gadgets.example.com", established)
        .await
        .expect("is established");
    let kind = GroupVersionKind::gvk("example.com", "v1", "Gadget");
    let (resource, _) = kube::discovery::pinned_kind(&client, &kind)
        .await
        .expect("is discovered");
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &resource);
    let gadget = json!({ "apiVersion": "example.com/v1", "kind": "Gadget", "metadata": { "name": "g" }, "spec": { "size": 1 } });
    let made = api
        .patch("g", &params, &Patch::Apply(&gadget))
        .await
        .expect("applies");
    assert_eq!(made.data["spec"], json!({ "size": 1, "colour": "red" }));
    let conditions = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
    let ready = api
        .patch_status("g", &PatchParams::default(), &Patch::Merge(&conditions))
        .await
        .expect("patches");
    assert_eq!(ready.data["status"]["conditions"][0]["status"], "True");
    let missing = json!({ "apiVersion": "example.com/v1", "kind": "Gadget", "metadata": { "name": "h" }, "spec": {} });
    let refused = api
        .patch("h", &params, &Patch::Apply(&missing))
        .await
        .expect_err("is refused");
    assert!(refused.to_string().contains("spec.size"), "{refused}");
    definitions
        .delete("gadgets.example.com", &DeleteParams::default())
        .await
        .expect("deletes");
    assert!(
        definitions
            .get_opt("gadgets.example.com")
            .await
            .expect("an answer")
            .is_none()
    );
    assert!(api.get("g").await.is_err(), "its objects go with it");
}

#[tokio::test]
async fn a_server_goes_on_from_its_records() {
    let log: Arc<Log> = Arc::default();
    let first = server(log.clone());
    let client = connect(&first).await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions
        .create(&PostParams::default(), &gadgets())
        .await
        .expect("creates");
    let owner = first
        .create(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "owner", "namespace": "default" } }))
        .expect("creates");
    let reference = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"] }]);
    let child = json!({
        "apiVersion": "example.com/v1", "kind": "Gadget", "spec": { "size": 2 },
        "metadata": { "name": "child", "namespace": "default", "ownerReferences": reference },
    });
    first.apply("test", child).expect("applies");
    let records = log.0.lock().expect("nobody panicked").clone();
    assert!(
        records
            .windows(2)
            .all(|pair| pair[0].revision < pair[1].revision),
        "revisions only grow"
    );

    let second_log: Arc<Log> = Arc::default();
    let second = server(second_log.clone());
    second.restore(records);
    assert_eq!(first.objects().len(), second.objects().len());
    assert!(
        second_log.0.lock().expect("nobody panicked").is_empty(),
        "what is restored is not recorded again"
    );
    let key = |group: &str, kind: &str, name: &str| Key {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: Some("default".to_owned()),
        name: name.to_owned(),
    };
    let status = json!({ "status": { "ready": true } });
    let child = key("example.com", "Gadget", "child");
    let patched = second
        .merge_patch(&child, "test", Some("status"), status)
        .expect("custom kinds are known again");
    assert_eq!(patched["status"]["ready"], true);
    second
        .delete(&key("", "ConfigMap", "owner"))
        .expect("deletes");
    assert!(second.get(&child).is_none(), "owners are known again");
}
