use super::{CLIENT, SECRET, SUBSCRIPTION, TENANT};
use crate::{FaultFile, Speed, World};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An answer: its status, its headers, and its body.
struct Told {
    status: u16,
    head: String,
    body: Value,
}

impl Told {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|it| it.1)
    }

    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

struct Scene {
    world: World,
    _folder: TempDir,
    token: String,
}

impl Scene {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let world = World::open(&folder.path().join("world"), Speed::Max)
            .await
            .expect("a world");
        let mut scene = Self {
            world,
            _folder: folder,
            token: String::new(),
        };
        let form = format!(
            "grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default"
        );
        let told = scene
            .send("POST", &format!("/login/{TENANT}/oauth2/v2.0/token"), &form)
            .await;
        scene.token = told.body["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
        scene
    }

    fn host(&self) -> String {
        let endpoint = self.world.endpoint();
        endpoint.split('/').nth(2).expect("a host").to_owned()
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Told {
        let host = self.host();
        let mut stream = TcpStream::connect(&host).await.expect("the world");
        let head = format!(
            "{method} /azure{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        stream
            .write_all((head + body).as_bytes())
            .await
            .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head
            .split_whitespace()
            .nth(1)
            .and_then(|it| it.parse().ok());
        Told {
            status: status.expect("a status"),
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or_default(),
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Told {
        let mark = if path.contains('?') {
            ""
        } else {
            "?api-version=2026-05-01"
        };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(
            method,
            &format!("/subscriptions/{SUBSCRIPTION}{path}{mark}"),
            &body,
        )
        .await
    }

    /// Follows a link until the operation has ended.
    async fn follow(&self, link: &str) -> Told {
        let path = link.split_once("/azure").expect("a link").1.to_owned();
        loop {
            let told = self.send("GET", &path, "").await;
            let ended = told.status != 202 && told.body["status"] != "InProgress";
            if ended {
                return told;
            }
            self.world.clock().sleep(Duration::from_secs(10)).await;
        }
    }

    async fn inject(&self, faults: &str) {
        let faults = FaultFile::parse(faults).expect("faults");
        self.world.inject(&faults).await.expect("the world");
    }
}

const GROUP: &str = "/resourcegroups/windlass-dot?api-version=2024-11-01";
const CLUSTER: &str =
    "/resourceGroups/windlass-dot/providers/Microsoft.ContainerService/managedClusters/dot";

fn cluster() -> Value {
    json!({
        "location": "eastus", "identity": {"type": "SystemAssigned"}, "tags": {"windlass-cluster": "dot"},
        "properties": {
            "kubernetesVersion": "1.35", "dnsPrefix": "dot",
            "agentPoolProfiles": [{"name": "system", "mode": "System", "vmSize": "Standard_B2s", "count": 1}],
            "networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "cilium", "networkPolicy": "cilium"},
        },
    })
}

#[tokio::test]
async fn requests_are_held_to_paths_versions_shapes_and_tokens() {
    let mut scene = Scene::open().await;
    let told = scene.ask("PUT", CLUSTER, cluster()).await;
    assert_eq!((told.status, told.code()), (404, "ResourceGroupNotFound"));
    let made = scene
        .ask(
            "PUT",
            GROUP,
            json!({"location": "eastus", "tags": {"a": "b"}}),
        )
        .await;
    assert_eq!(
        (made.status, made.body["name"].as_str()),
        (201, Some("windlass-dot"))
    );
    let refused = async |change: &dyn Fn(&mut Value), said: &str| {
        let mut body = cluster();
        change(&mut body);
        let told = scene.ask("PUT", CLUSTER, body).await;
        assert_eq!(told.status, 400, "{:?}", told.body);
        assert!(told.body.to_string().contains(said), "{:?}", told.body);
    };
    refused(
        &|it| it["properties"]["colour"] = json!("red"),
        "Could not find member 'colour'",
    )
    .await;
    refused(&|it| it["location"] = Value::Null, "location is missing").await;
    refused(
        &|it| it["properties"]["kubernetesVersion"] = json!("1.20"),
        "1.20",
    )
    .await;
    refused(
        &|it| it["properties"]["agentPoolProfiles"][0]["vmSize"] = json!("Standard_X1"),
        "Standard_X1",
    )
    .await;
    refused(
        &|it| it["properties"]["agentPoolProfiles"][0]["count"] = json!(40),
        "InsufficientVCPUQuota",
    )
    .await;
    refused(
        &|it| it["properties"]["agentPoolProfiles"][0]["mode"] = json!("User"),
        "at least one system pool",
    )
    .await;
    refused(
        &|it| it["properties"]["disableLocalAccounts"] = json!(true),
        "AAD",
    )
    .await;
    let told = scene
        .ask(
            "GET",
            &format!("{CLUSTER}?api-version=2019-01-01"),
            Value::Null,
        )
        .await;
    assert_eq!(told.code(), "InvalidApiVersionParameter");
    let told = scene
        .send(
            "GET",
            &format!("/subscriptions/{SUBSCRIPTION}{CLUSTER}"),
            "",
        )
        .await;
    assert_eq!(told.code(), "MissingApiVersionParameter");
    let told = scene
        .ask(
            "GET",
            "/resourceGroups/windlass-dot/providers/Microsoft.Moon/rockets/1",
            Value::Null,
        )
        .await;
    assert_eq!(told.status, 404);
    scene.token.push('x');
    let told = scene.ask("GET", CLUSTER, Value::Null).await;
    assert_eq!(
        (told.status, told.code()),
        (401, "InvalidAuthenticationToken")
    );
    assert!(told.header("www-authenticate").is_some());
    scene.world.close().await;
}

#[tokio::test]
async fn a_cluster_moves_with_time_and_takes_its_own_group_along() {
    let scene = Scene::open().await;
    scene.ask("PUT", GROUP, json!({"location": "eastus"})).await;
    let begun = scene.ask("PUT", CLUSTER, cluster()).await;
    assert_eq!(
        (begun.status, &begun.body["properties"]["provisioningState"]),
        (201, &json!("Creating"))
    );
    let link = begun
        .header("azure-asyncoperation")
        .expect("a link")
        .to_owned();
    // It is followed as it is, or not at all.
    assert!(link.len() > 4000, "{}", link.len());
    let cut = &link[link.find("/azure").unwrap() + 6..link.len() - 1];
    assert_eq!(scene.send("GET", cut, "").await.status, 404);
    let busy = scene
        .ask(
            "PUT",
            &format!("{CLUSTER}/agentPools/more"),
            json!({"properties": {"vmSize": "Standard_B2s", "count": 1}}),
        )
        .await;
    assert_eq!((busy.status, busy.code()), (409, "OperationNotAllowed"));
    assert_eq!(scene.follow(&link).await.body["status"], "Succeeded");
    let made = scene.ask("GET", CLUSTER, Value::Null).await;
    assert_eq!(
        made.body["properties"]["currentKubernetesVersion"],
        "1.35.4"
    );
    assert_eq!(
        made.body["properties"]["agentPoolProfiles"][0]["provisioningState"],
        "Succeeded"
    );
    let nodes = "/resourcegroups/MC_windlass-dot_dot_eastus?api-version=2024-11-01";
    assert_eq!(
        scene.ask("GET", nodes, Value::Null).await.body["tags"]["windlass-cluster"],
        "dot"
    );
    let begun = scene.ask("DELETE", CLUSTER, Value::Null).await;
    assert_eq!(begun.status, 202);
    let link = begun.header("location").expect("a link").to_owned();
    scene.follow(&link).await;
    assert_eq!(
        scene.ask("GET", CLUSTER, Value::Null).await.code(),
        "ResourceNotFound"
    );
    assert_eq!(scene.ask("GET", nodes, Value::Null).await.status, 404);
    assert_eq!(scene.ask("DELETE", CLUSTER, Value::Null).await.status, 204);
    let begun = scene.ask("DELETE", GROUP, Value::Null).await;
    let link = begun.header("location").expect("a link").to_owned();
    assert_eq!(begun.header("azure-asyncoperation"), None);
    assert_eq!(scene.follow(&link).await.status, 200);
    assert_eq!(scene.ask("GET", GROUP, Value::Null).await.status, 404);
    scene.world.close().await;
}

#[tokio::test]
async fn what_fails_behind_a_request_says_why_and_can_be_mended() {
    let scene = Scene::open().await;
    scene.ask("PUT", GROUP, json!({"location": "eastus"})).await;
    let faults = "[[cloud]]\nprovider = \"azure\"\naction = \"Microsoft.ContainerService/managedClusters/write\"\nfails = \"SubnetFull: no room\"\ncount = 1\n";
    scene.inject(faults).await;
    let begun = scene.ask("PUT", CLUSTER, cluster()).await;
    let link = begun
        .header("azure-asyncoperation")
        .expect("a link")
        .to_owned();
    let ended = scene.follow(&link).await;
    assert_eq!(
        (&ended.body["status"], ended.code()),
        (&json!("Failed"), "SubnetFull")
    );
    let failed = scene.ask("GET", CLUSTER, Value::Null).await;
    assert_eq!(failed.body["properties"]["provisioningState"], "Failed");
    let begun = scene.ask("PUT", CLUSTER, cluster()).await;
    assert_eq!(begun.status, 201);
    let link = begun
        .header("azure-asyncoperation")
        .expect("a link")
        .to_owned();
    assert_eq!(scene.follow(&link).await.body["status"], "Succeeded");
    scene
        .inject(
            "[[cloud]]\nprovider = \"azure\"\nservice = \"Microsoft.Resources\"\nstatus = 429\n",
        )
        .await;
    let told = scene.ask("GET", GROUP, Value::Null).await;
    assert_eq!((told.status, told.header("retry-after")), (429, Some("5")));
    scene.world.close().await;
}

#[tokio::test]
async fn roles_outlive_the_identity_that_had_them() {
    let scene = Scene::open().await;
    scene.ask("PUT", GROUP, json!({"location": "eastus"})).await;
    let path = "/resourceGroups/windlass-dot/providers/Microsoft.ManagedIdentity/userAssignedIdentities/windlass-dot-aso";
    let at = |path: &str, version: &str| format!("{path}?api-version={version}");
    let made = scene
        .ask(
            "PUT",
            &at(path, "2023-01-31"),
            json!({"location": "eastus"}),
        )
        .await;
    let principal = made.body["properties"]["principalId"]
        .as_str()
        .expect("a principal")
        .to_owned();
    let role = "/resourceGroups/windlass-dot/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-000000000001";
    let role = at(role, "2022-04-01");
    let definition =
        "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c";
    let mut body =
        json!({"properties": {"principalId": principal, "roleDefinitionId": definition}});
    assert_eq!(
        scene.ask("PUT", &role, body.clone()).await.code(),
        "PrincipalNotFound"
    );
    body["properties"]["principalType"] = json!("ServicePrincipal");
    assert_eq!(scene.ask("PUT", &role, body.clone()).await.status, 201);
    let other = role.replace("0001?", "0002?");
    assert_eq!(
        scene.ask("PUT", &other, body).await.code(),
        "RoleAssignmentExists"
    );
    assert_eq!(
        scene
            .ask("DELETE", &at(path, "2023-01-31"), Value::Null)
            .await
            .status,
        200
    );
    assert_eq!(scene.ask("GET", &role, Value::Null).await.status, 200);
    scene.world.close().await;
}
