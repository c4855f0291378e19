//! Services of type LoadBalancer: an address after a while, where the cluster's platform has load balancers; pending for ever, where it
//! has none. The balancer is an asset outside of the cluster: a finalizer keeps the Service until it is gone.

use super::{
    Cx, Next, external,
    object::{deleting, mark, name, namespace, path, time, uid},
};
use crate::{clock, ground};
use serde_json::{Value, json};
use std::time::Duration;

const MANAGER: &str = "cloud-controller-manager";
/// <https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/#garbage-collecting-load-balancers>
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// Assumed time until a balancer has an address, and until it is gone.
const MAKE: Duration = Duration::from_secs(30);
const REMOVE: Duration = Duration::from_secs(15);

pub(super) fn service(cx: &Cx<'_>, it: &Value) -> Next {
    let held = external::is_held(it, FINALIZER);
    let wanted = it["spec"]["type"] == "LoadBalancer" && !deleting(it);
    match (wanted, held) {
        (false, false) => Next::NEVER,
        (false, true) => remove(cx, it),
        (true, _) if !cx.balances() => Next::NEVER,
        (true, false) => {
            external::hold(cx, it, MANAGER, FINALIZER);
            cx.event(
                it,
                "Normal",
                "EnsuringLoadBalancer",
                "Ensuring load balancer",
            );
            Next::NEVER
        }
        (true, true) => make(cx, it),
    }
}

/// Returns the id of a Service's balancer: every cloud calls it by the Service's uid.
fn id(it: &Value) -> String {
    format!("a{}", uid(it).replace('-', ""))
}

fn make(cx: &Cx<'_>, it: &Value) -> Next {
    let made = cx.acquire(
        "load-balancer",
        &id(it),
        &format!("k8s-{}-{}-{}", namespace(it), name(it), mark(uid(it), 10)),
        it,
    );
    let ready = clock::add(made, MAKE);
    if cx.now < ready {
        return Next::at(ready);
    }
    if it["status"]["loadBalancer"]["ingress"].is_null() {
        let address = ground::address_of(uid(it)).to_string();
        cx.status(
            it,
            MANAGER,
            json!({"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}),
        );
        cx.event(it, "Normal", "EnsuredLoadBalancer", "Ensured load balancer");
    }
    Next::NEVER
}

/// Takes the balancer away, and then lets go of the Service.
fn remove(cx: &Cx<'_>, it: &Value) -> Next {
    cx.event(
        it,
        "Normal",
        "DeletingLoadBalancer",
        "Deleting load balancer",
    );
    // A Service that changed its type tells no time: its balancer goes at once.
    if let Some(since) = time(&it["metadata"]["deletionTimestamp"])
        && cx.now < clock::add(since, REMOVE)
    {
        return Next::at(clock::add(since, REMOVE));
    }
    if !external::may_let_go(cx, it, FINALIZER) {
        return Next::NEVER;
    }
    cx.release(&id(it));
    if !deleting(it) {
        cx.status(it, MANAGER, json!({"loadBalancer": {"ingress": null}}));
    }
    cx.event(
        it,
        "Normal",
        "DeletedLoadBalancer",
        &format!("Deleted load balancer of {}", path(it)),
    );
    external::let_go(cx, it, MANAGER, FINALIZER);
    Next::NEVER
}
