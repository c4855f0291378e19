//! ResourceQuotas: what of them is used. That nothing exceeds them is the API server's business.

use super::{Cx, Next, object::deleting};
use serde_json::{Value, json};

pub(super) fn quota(cx: &Cx<'_>, it: &Value) -> Next {
    if !deleting(it) {
        let used = cx.api.quota_usage(it);
        let status = json!({"hard": it["spec"]["hard"], "used": used});
        cx.status(it, "kube-controller-manager", status);
    }
    Next::NEVER
}
