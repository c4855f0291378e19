//! Services: an address in the cluster, and node ports. On kind nothing gives a LoadBalancer an address: it stays pending.

use super::{
    Cx, Next,
    object::{deleting, text, uid},
};
use crate::ground::digest;
use serde_json::{Value, json};

pub(super) fn service(cx: &Cx<'_>, service: &Value) -> Next {
    let spec = &service["spec"];
    let kind = spec["type"].as_str().unwrap_or("ClusterIP");
    if deleting(service) || kind == "ExternalName" {
        return Next::NEVER;
    }
    let number = u32::from_str_radix(&digest(uid(service))[..6], 16).unwrap_or_default();
    let mut patch = json!({});
    if text(spec, "clusterIP").is_empty() {
        // 10.96.0.0/16, past the addresses that have a fixed meaning.
        let address = format!("10.96.{}.{}", 1 + number % 255, 1 + (number >> 8) % 254);
        patch["clusterIP"] = json!(address);
        patch["clusterIPs"] = json!([address]);
        patch["ipFamilies"] = json!(["IPv4"]);
        patch["ipFamilyPolicy"] = json!("SingleStack");
    }
    let mut ports = spec["ports"].as_array().cloned().unwrap_or_default();
    let without = |port: &Value| port["nodePort"].as_u64().unwrap_or(0) == 0;
    if ["NodePort", "LoadBalancer"].contains(&kind) && ports.iter().any(without) {
        for (n, port) in (0..).zip(ports.iter_mut()) {
            if without(port) {
                port["nodePort"] = json!(30000 + (number + n) % 2768);
            }
        }
        patch["ports"] = json!(ports);
    }
    cx.patch(service, "kube-apiserver", None, json!({"spec": patch}));
    Next::NEVER
}
