//! Services of type LoadBalancer: an address after a while, where the cluster's platform has load balancers; pending for ever, where it
//! has none. The balancer is an asset outside of the cluster: a finalizer keeps the Service until it is gone.

use super::{
    Cx, Next, external,
    object::{deleting, mark, name, namespace, path, time, uid},
};
use crate::{aws, clock, ground::digest, site::Eks};
use serde_json::{Value, json};
use std::time::Duration;

const MANAGER: &str = "cloud-controller-manager";
/// <https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/#garbage-collecting-load-balancers>
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// Assumed time until a balancer has an address, and until it is gone.
const MAKE: Duration = Duration::from_secs(30);
const REMOVE: Duration = Duration::from_secs(15);
/// Assumed time after which a balancer that cannot be made is tried again.
const AGAIN: Duration = Duration::from_secs(300);

pub(super) fn service(cx: &Cx<'_>, it: &Value) -> Next {
    let held = external::is_held(it, FINALIZER);
    let eks = cx.eks();
    if eks.is_some() && !held && aws::controllers::is_foreign(it) {
        return Next::NEVER;
    }
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
    if let Some(eks) = cx.eks() {
        return make_in_aws(cx, &eks, it);
    }
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
        let number = u32::from_str_radix(&digest(uid(it))[..4], 16).unwrap_or_default();
        // TEST-NET-3 (RFC 5737): nothing real answers there.
        let address = format!("203.0.113.{}", 1 + number % 254);
        cx.status(
            it,
            MANAGER,
            json!({"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}),
        );
        cx.event(it, "Normal", "EnsuredLoadBalancer", "Ensured load balancer");
    }
    Next::NEVER
}

/// Makes a balancer of Elastic Load Balancing's, which has a host name.
fn make_in_aws(cx: &Cx<'_>, eks: &Eks, it: &Value) -> Next {
    let (made, host) = match aws::controllers::ensure_balancer(cx.ground, eks, it) {
        Ok(made) => made,
        Err(why) => {
            let message =
                format!("Error syncing load balancer: failed to ensure load balancer: {why}");
            cx.event(it, "Warning", "SyncLoadBalancerFailed", &message);
            return Next::limit(clock::add(cx.now, AGAIN));
        }
    };
    let ready = clock::add(made, MAKE);
    if cx.now < ready {
        return Next::at(ready);
    }
    if it["status"]["loadBalancer"]["ingress"].is_null() {
        let ingress = json!({"loadBalancer": {"ingress": [{"hostname": host}]}});
        cx.status(it, MANAGER, ingress);
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
    match cx.eks() {
        Some(eks) => aws::controllers::release_balancer(cx.ground, &eks, it),
        None => cx.release(&id(it)),
    }
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
