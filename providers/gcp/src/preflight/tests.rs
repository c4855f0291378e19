use serde_json::json;

use super::policies::refuses;

#[test]
fn policies_refuse_by_their_own_rules() {
    let boolean = json!({ "constraint": "constraints/iam.disableServiceAccountCreation", "booleanPolicy": { "enforced": true } });
    assert!(refuses(&boolean, "us-east1"));
    assert!(!refuses(&json!({ "booleanPolicy": {} }), "us-east1"));
    let all = json!({ "constraint": "constraints/compute.vmExternalIpAccess", "listPolicy": { "allValues": "DENY" } });
    assert!(refuses(&all, "us-east1"));
    let places = |allowed: &[&str]| json!({ "constraint": "constraints/gcp.resourceLocations", "listPolicy": { "allowedValues": allowed } });
    assert!(refuses(&places(&["europe-west1"]), "us-east1-b"));
    assert!(!refuses(&places(&["us-east1"]), "us-east1-b"));
    assert!(!refuses(&places(&["in:us-locations"]), "us-east1"));
    assert!(!refuses(&places(&["in:eu-locations"]), "europe-west1"));
}
