//! What becomes of the cloud resource behind an object: whether deleting the object deletes it, and how the cloud calls it.

use serde_json::Value;

use crate::kube::ObjectRef;

const RECONCILE_POLICY: &str = "serviceoperator.azure.com/reconcile-policy";

/// Says why the cloud resource behind an object stays when the object goes; `None` where it goes with it.
///
/// Sources: Crossplane's managementPolicies and deletionPolicy, <https://docs.crossplane.io/latest/managed-resources/managed-resources/>;
/// Azure Service Operator's annotations, <https://azure.github.io/azure-service-operator/guide/annotations/>.
pub(super) fn stays_because(object: &Value) -> Option<String> {
    let annotation = object["metadata"]["annotations"][RECONCILE_POLICY].as_str();
    if let Some(policy @ ("detach-on-delete" | "skip")) = annotation {
        return Some(format!("{RECONCILE_POLICY} is {policy}"));
    }
    let spec = &object["spec"];
    let policies = spec["managementPolicies"].as_array();
    let is_default = |all: &Vec<Value>| all.len() == 1 && all[0] == "*";
    match policies {
        Some(all) if !is_default(all) => {
            let deletes = all.iter().any(|policy| policy == "*" || policy == "Delete");
            (!deletes).then(|| "its managementPolicies do not say Delete".to_owned())
        }
        _ => {
            (spec["deletionPolicy"] == "Orphan").then(|| "its deletionPolicy is Orphan".to_owned())
        }
    }
}

/// Tells whether a controller of a cloud has taken up a Service, an Ingress or a Gateway: it guards it with a finalizer, and gives
/// a Service an address. Addresses of the others are also written by ingress controllers in the cluster.
pub(super) fn is_taken_up(object: &Value) -> bool {
    let listed = |list: &Value| list.as_array().is_some_and(|all| !all.is_empty());
    listed(&object["metadata"]["finalizers"])
        || object["kind"] == "Service" && listed(&object["status"]["loadBalancer"]["ingress"])
}

/// Returns what the cloud calls the resource behind an object.
pub(super) fn cloud_id(object: &Value) -> Option<&str> {
    let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    [
        &metadata["annotations"]["serviceoperator.azure.com/resource-id"],
        &status["id"],
        &status["atProvider"]["arn"],
        &status["atProvider"]["id"],
        &metadata["annotations"]["crossplane.io/external-name"],
        &spec["csi"]["volumeHandle"],
        &spec["awsElasticBlockStore"]["volumeID"],
        &spec["gcePersistentDisk"]["pdName"],
        &spec["azureDisk"]["diskURI"],
        &status["loadBalancer"]["ingress"][0]["hostname"],
        &status["loadBalancer"]["ingress"][0]["ip"],
    ]
    .into_iter()
    .find_map(|id| id.as_str().filter(|id| !id.is_empty()))
}

/// Names an object with what the cloud calls it: "Bucket team/data (data-7f2c)".
pub(super) fn named(object: &Value) -> String {
    let name = ObjectRef::of(object).map_or_else(String::new, |name| name.to_string());
    match cloud_id(object) {
        Some(id) => format!("{name} ({id})"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_orphan_or_detach_stays() {
        let stays = |spec: Value| stays_because(&json!({ "spec": spec })).is_some();
        assert!(!stays(json!({})));
        assert!(stays(json!({ "deletionPolicy": "Orphan" })));
        assert!(!stays(json!({ "deletionPolicy": "Delete" })));
        assert!(stays(json!({ "managementPolicies": ["Observe"] })));
        assert!(!stays(
            json!({ "managementPolicies": ["Observe", "Delete"] })
        ));
        // The policies beat the older field, unless they are the default.
        assert!(!stays(
            json!({ "deletionPolicy": "Orphan", "managementPolicies": ["Create", "Delete"] })
        ));
        assert!(stays(
            json!({ "deletionPolicy": "Orphan", "managementPolicies": ["*"] })
        ));
        let azure = |policy: &str| {
            stays_because(&json!({ "metadata": { "annotations": { RECONCILE_POLICY: policy } } }))
        };
        assert!(azure("detach-on-delete").is_some());
        assert!(azure("skip").is_some());
        assert!(azure("manage").is_none());
    }

    #[test]
    fn what_no_cloud_took_up_holds_nothing() {
        let address = json!({ "loadBalancer": { "ingress": [{ "ip": "203.0.113.7" }] } });
        let service = json!({ "kind": "Service", "status": address });
        let ingress = json!({ "kind": "Ingress", "status": address });
        assert!(is_taken_up(&service));
        assert!(!is_taken_up(&ingress));
        assert!(!is_taken_up(
            &json!({ "kind": "Service", "status": { "loadBalancer": {} } })
        ));
        let guarded = json!({ "kind": "Ingress", "metadata": { "finalizers": ["ingress.k8s.aws/resources"] } });
        assert!(is_taken_up(&guarded));
    }

    #[test]
    fn an_object_is_named_with_what_the_cloud_calls_it() {
        let bucket = json!({ "apiVersion": "s3.aws.m.upbound.io/v1beta1", "kind": "Bucket", "metadata": {
            "name": "data", "namespace": "team", "annotations": { "crossplane.io/external-name": "data-7f2c" },
        } });
        assert_eq!(named(&bucket), "Bucket team/data (data-7f2c)");
    }
}
