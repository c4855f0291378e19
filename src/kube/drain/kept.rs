//! What becomes of the cloud resource behind an object: whether deleting the object deletes it, and how the cloud calls it.

use serde_json::{Value, json};

use crate::kube::ObjectRef;

const RECONCILE_POLICY: &str = "serviceoperator.azure.com/reconcile-policy";
const DETACH: &str = "detach-on-delete";

/// Says why the cloud resource behind an object stays when the object goes; `None` where it goes with it.
///
/// Sources: Crossplane's managementPolicies and deletionPolicy, <https://docs.crossplane.io/latest/managed-resources/managed-resources/>;
/// Azure Service Operator's annotations, <https://azure.github.io/azure-service-operator/guide/annotations/>.
pub(super) fn stays_because(object: &Value) -> Option<String> {
    let annotation = object["metadata"]["annotations"][RECONCILE_POLICY].as_str();
    if let Some(policy @ (DETACH | "skip")) = annotation {
        return Some(format!("{RECONCILE_POLICY} is {policy}"));
    }
    let spec = &object["spec"];
    if object["kind"] == "PersistentVolume" {
        let policy = spec["persistentVolumeReclaimPolicy"].as_str();
        // The API server fills it in; volumes that were not provisioned are retained.
        let policy = policy.unwrap_or("Retain");
        return (policy != "Delete").then(|| format!("its reclaim policy is {policy}"));
    }
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

/// Returns those of `found` whose cloud resource stays, and why: by their own word, or since something that stays is in it. In
/// Azure what is deleted takes along all that is in it.
pub(super) fn staying(found: &[Value]) -> Vec<(&Value, String)> {
    let own: Vec<(&Value, String)> = found
        .iter()
        .filter_map(|object| Some((object, stays_because(object)?)))
        .collect();
    let mut housing: Vec<(&Value, String)> = Vec::new();
    // One in which another stays is told to stay for that, be it that it was told so itself by now.
    let holds_another = |object: &Value| {
        let mut houses = own.iter().filter_map(|(it, _)| house_of(it, found));
        houses.any(|house| std::ptr::eq(house, object))
    };
    let residents = own.iter().map(|(object, _)| *object);
    for resident in residents.filter(|it| is_azure(it) && !holds_another(it)) {
        let mut at = resident;
        while let Some(house) = house_of(at, found) {
            // A ring has no end; what has been seen, and all around it, is known.
            if housing.iter().any(|(known, _)| std::ptr::eq(*known, house)) {
                break;
            }
            let name = ObjectRef::of(resident).map_or_else(String::new, |name| name.to_string());
            housing.push((house, format!("{name}, which stays, is in it")));
            at = house;
        }
    }
    let houses = |object: &Value| housing.iter().any(|(it, _)| std::ptr::eq(*it, object));
    let own = own.iter().filter(|(object, _)| !houses(object)).cloned();
    let own: Vec<_> = own.collect();
    own.into_iter().chain(housing).collect()
}

/// Returns those of `found` that would take something along that stays, and do not stay by their own word yet.
pub(super) fn undetached(found: &[Value]) -> Vec<&Value> {
    let staying = staying(found).into_iter().map(|(object, _)| object);
    staying.filter(|it| stays_because(it).is_none()).collect()
}

/// Returns the patch after which an object goes and leaves what is behind it in Azure where it is.
pub(super) fn detach() -> Value {
    json!({ "metadata": { "annotations": { RECONCILE_POLICY: DETACH } } })
}

pub(super) fn is_azure(object: &Value) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    group.ends_with(super::find::ASO)
}

/// Returns the object of `found` that another one belongs to, in Azure too.
pub(super) fn house_of<'a>(object: &Value, found: &'a [Value]) -> Option<&'a Value> {
    let owners: Vec<&str> = super::find::owner_uids(object).collect();
    found.iter().find(|it| {
        let uid = it["metadata"]["uid"].as_str();
        is_azure(it) && uid.is_some_and(|uid| owners.contains(&uid))
    })
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
    fn what_something_that_stays_is_in_stays_too() {
        let object = |name: &str, owner: &str, policy: &str| {
            json!({
                "apiVersion": "x.azure.com/v1", "kind": "X", "metadata": {
                    "name": name, "uid": name, "ownerReferences": [{ "uid": owner }],
                    "annotations": { RECONCILE_POLICY: policy },
                },
            })
        };
        let all = [
            object("group", "", "manage"),
            object("server", "group", "manage"),
            object("kept", "server", DETACH),
            object("other", "group", "manage"),
        ];
        let told = |all: &[Value]| -> Vec<String> {
            let staying = staying(all);
            let tell = |(it, why): &(&Value, String)| format!("{}: {why}", named(it));
            staying.iter().map(tell).collect()
        };
        let wanted = [
            "X kept: serviceoperator.azure.com/reconcile-policy is detach-on-delete",
            "X server: X kept, which stays, is in it",
            "X group: X kept, which stays, is in it",
        ];
        assert_eq!(told(&all), wanted);
        let names: Vec<String> = undetached(&all).into_iter().map(named).collect();
        assert_eq!(names, ["X server", "X group"]);
        // Once they are told to stay, the reason is the same.
        let [_, _, kept, other] = all;
        let all = [
            object("group", "", DETACH),
            object("server", "group", DETACH),
            kept,
            other,
        ];
        assert_eq!(told(&all), wanted);
        assert!(undetached(&all).is_empty());
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
