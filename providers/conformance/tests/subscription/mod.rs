//! What somebody else does in the simulated subscription, over the wire.

mod around;
mod judged;

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::Ctx;

pub(crate) const ID: &str = "00000000-0000-4000-8000-00000000a25e";
pub(crate) const TENANT: &str = "00000000-0000-4000-8000-0000007e4a47";
pub(crate) const CLIENT: &str = "00000000-0000-4000-8000-000000c11e47";
pub(crate) const SECRET: &str = "rehearsal";
/// A group of the directory's that the principal is in.
pub(crate) const ADMINS: &str = "00000000-0000-4000-8000-0000009409b0";
/// Where clusters are.
pub(crate) const LOCATION: &str = "eastus";
/// The resource group of somebody else.
pub(crate) const GROUP: &str = "theirs";

pub(crate) struct Subscription {
    pub(crate) url: String,
    token: String,
    http: reqwest::Client,
}

fn client() -> reqwest::Client {
    // reqwest panics without one; it fails only where there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build();
    http.expect("a client")
}

/// Asks an API server for something; returns the status.
pub(crate) async fn get(url: &str, token: &str) -> u16 {
    let asked = client()
        .get(url)
        .header("authorization", format!("Bearer {token}"));
    asked.send().await.expect("an answer").status().as_u16()
}

impl Subscription {
    pub(crate) async fn new(url: String) -> Self {
        let http = client();
        let form = format!(
            "grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default"
        );
        let asked = http.post(format!("{url}/login/{TENANT}/oauth2/v2.0/token"));
        let told = asked.body(form).send().await.expect("an answer");
        let told: Value = serde_json::from_str(&told.text().await.expect("text")).expect("JSON");
        let token = told["access_token"].as_str().expect("a token").to_owned();
        Self { url, token, http }
    }

    async fn send(&self, method: &str, url: &str, body: &Value) -> (u16, String, Value) {
        let method = method.parse().expect("a method");
        let mut request = self
            .http
            .request(method, url)
            .header("authorization", format!("Bearer {}", self.token));
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let link = ["azure-asyncoperation", "location"]
            .iter()
            .find_map(|name| {
                answer
                    .headers()
                    .get(*name)?
                    .to_str()
                    .ok()
                    .map(str::to_owned)
            });
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("text");
        let body = serde_json::from_str(&text).unwrap_or_default();
        (status, link.unwrap_or_default(), body)
    }

    /// Changes something, and waits until that has ended.
    pub(crate) async fn change(&self, cx: &Ctx, method: &str, path: &str, body: Value) {
        let version = match path {
            path if path.contains("ContainerService/managed") => "2026-05-01",
            path if path.contains("ManagedIdentity/user") => "2023-01-31",
            path if path.contains("Microsoft.Network/") => "2024-05-01",
            path if path.contains("Microsoft.KeyVault/vaults") => "2023-07-01",
            _ => "2024-11-01",
        };
        let url = format!(
            "{}/subscriptions/{ID}{path}?api-version={version}",
            self.url
        );
        let (status, link, told) = self.send(method, &url, &body).await;
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {told}"
        );
        while !link.is_empty() {
            let (status, _, told) = self.send("GET", &link, &Value::Null).await;
            if status != 202 && told["status"] != "InProgress" {
                assert_ne!(told["status"], "Failed", "{told}");
                return;
            }
            cx.clock.sleep(Duration::from_secs(10)).await;
        }
    }

    pub(crate) async fn make_group(&self, cx: &Ctx) {
        self.make_named_group(cx, GROUP).await;
    }

    pub(crate) async fn make_named_group(&self, cx: &Ctx, name: &str) {
        let path = format!("/resourcegroups/{name}");
        self.change(cx, "PUT", &path, json!({ "location": "eastus" }))
            .await;
    }

    /// Makes a public IP address as AKS's cloud provider does for a service: in the group of a cluster's nodes, which outlives the
    /// cluster where something hinders AKS in deleting it.
    pub(crate) async fn leave_behind(&self, cx: &Ctx, cluster: &str) {
        let group = format!("windlass-{cluster}-nodes");
        let owner = format!(
            "/subscriptions/{ID}/resourceGroups/windlass-{cluster}/providers/Microsoft.ContainerService/managedClusters/{cluster}"
        );
        let tags = json!({ "aks-managed-cluster-name": cluster, "aks-managed-cluster-rg": format!("windlass-{cluster}") });
        let body = json!({ "location": LOCATION, "managedBy": owner, "tags": tags });
        let path = format!(
            "{}/subscriptions/{ID}/resourcegroups/{group}?api-version=2024-11-01",
            self.url
        );
        if self.send("GET", &path, &Value::Null).await.0 == 404 {
            self.change(cx, "PUT", &format!("/resourcegroups/{group}"), body)
                .await;
        }
        let body = json!({
            "location": LOCATION,
            "sku": { "name": "Standard" },
            "tags": {
                "aks-managed-cluster-name": cluster,
                "k8s-azure-cluster-name": "kubernetes",
                "k8s-azure-service": "default/web",
            },
        });
        let path = format!(
            "/resourceGroups/{group}/providers/Microsoft.Network/publicIPAddresses/kubernetes-{}",
            cx.clock.now().as_second()
        );
        self.change(cx, "PUT", &path, body).await;
    }

    /// Makes a cluster as the portal would, in a group of its own.
    pub(crate) async fn make_cluster(&self, cx: &Ctx, name: &str) {
        self.make_group(cx).await;
        let path = format!(
            "/resourceGroups/{GROUP}/providers/Microsoft.ContainerService/managedClusters/{name}"
        );
        let body = json!({
            "location": "eastus",
            "identity": { "type": "SystemAssigned" },
            "properties": {
                "dnsPrefix": name,
                "agentPoolProfiles": [
                    { "name": "agentpool", "mode": "System", "vmSize": "Standard_D2s_v5", "count": 1 },
                ],
            },
        });
        self.change(cx, "PUT", &path, body).await;
    }
}
