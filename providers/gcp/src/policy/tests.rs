use super::*;

#[test]
fn a_policy_is_changed_by_what_is_windlass_s_alone() {
    let before = json!({
        "etag": "x",
        "bindings": [
            { "role": "roles/owner", "members": ["user:a@b"] },
            { "role": "roles/dns.admin", "members": ["user:a@b"] },
            { "role": "roles/dns.admin", "members": ["user:c@d"], "condition": { "title": "t" } },
        ],
    });
    let mut policy = before.clone();
    let roles = ["roles/dns.admin".to_owned(), "roles/x".to_owned()];
    assert!(give(&mut policy, "serviceAccount:e@f", &roles));
    assert!(!give(&mut policy, "serviceAccount:e@f", &roles));
    assert_eq!(roles_of(&policy, "serviceAccount:e@f"), roles);
    assert_eq!(policy["bindings"][2], before["bindings"][2]);
    policy["bindings"][3]["members"] = json!(["deleted:serviceAccount:e@f?uid=1"]);
    assert!(take(&mut policy, "e@f"));
    assert_eq!(policy, before);
    assert!(!take(&mut policy, "e@f"));
}
