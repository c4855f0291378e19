use serde_json::{Value, json};

use super::policies::refuses;

#[test]
fn policies_refuse_by_their_own_rules() {
    let policy = |constraint: &str, list: Value| json!({ "constraint": format!("constraints/{constraint}"), "listPolicy": list });
    let refused = |policy: &Value, location: &str| refuses(policy, "acme-dev", location);
    let boolean = json!({ "constraint": "constraints/iam.disableServiceAccountCreation", "booleanPolicy": { "enforced": true } });
    assert!(refused(&boolean, "us-east1"));
    assert!(!refused(&json!({ "booleanPolicy": {} }), "us-east1"));
    let address = |list: Value| policy("compute.vmExternalIpAccess", list);
    assert!(refused(
        &address(json!({ "allValues": "DENY" })),
        "us-east1"
    ));
    assert!(refused(
        &address(json!({ "allowedValues": ["projects/p/zones/z/instances/i"] })),
        "us-east1"
    ));
    assert!(!refused(
        &address(json!({ "allValues": "ALLOW" })),
        "us-east1"
    ));
    let places =
        |allowed: &[&str]| policy("gcp.resourceLocations", json!({ "allowedValues": allowed }));
    assert!(refused(&places(&["europe-west1"]), "us-east1-b"));
    assert!(!refused(&places(&["us-east1"]), "us-east1-b"));
    assert!(!refused(&places(&["in:us-locations"]), "us-east1"));
    assert!(!refused(&places(&["in:eu-locations"]), "europe-west1"));
    let services = |list: Value| policy("gcp.restrictServiceUsage", list);
    assert!(refused(
        &services(json!({ "deniedValues": ["container.googleapis.com"] })),
        "us-east1"
    ));
    assert!(refused(
        &services(json!({ "allowedValues": ["compute.googleapis.com"] })),
        "us-east1"
    ));
    assert!(!refused(
        &services(json!({ "deniedValues": ["dns.googleapis.com"] })),
        "us-east1"
    ));
    assert!(!refused(
        &services(json!({ "allowedValues": ["in:all"] })),
        "us-east1"
    ));
    let nat = |allowed: &[&str]| {
        policy(
            "compute.restrictCloudNATUsage",
            json!({ "allowedValues": allowed }),
        )
    };
    assert!(refused(&nat(&["under:projects/other"]), "us-east1"));
    assert!(!refused(&nat(&["under:projects/acme-dev"]), "us-east1"));
    assert!(!refused(&nat(&["under:folders/1"]), "us-east1"));
    assert!(!refused(&nat(&[]), "us-east1"));
}
