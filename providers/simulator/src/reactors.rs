//! What stands in for a cluster's controllers: small reactors, each driven by an object's own state.
//!
//! A reactor looks at one object, acts through the API server as a controller would, and says when it wants to look again. It
//! keeps nothing to itself, so that a world that was closed goes on where it was: on opening, every object is looked at again.

mod aso;
mod balancers;
mod crons;
mod crossplane;
mod external;
mod flux;
mod health;
mod issuers;
mod jobs;
mod nodes;
mod object;
mod pods;
mod queue;
mod quotas;
mod rollout;
mod scheduler;
mod storage;
#[cfg(test)]
mod tests;
mod workloads;

pub(crate) use object::{is_true, key};

use crate::{
    clock::{self, Clock, Work},
    google,
    ground::Ground,
    kube::{ApiServer, Change, ChangeKind, Key, Status},
    site::{Aks, Asset, Eks, Entry, Gke},
};
use jiff::Timestamp;
use queue::Queue;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{
    broadcast::{self, error::TryRecvError},
    watch,
};

/// How long after an event the same is another one.
const AGAIN: Duration = Duration::from_secs(5);

/// When a reactor wants to look again.
#[derive(Clone, Copy, Debug, Default)]
struct Next {
    /// Something is going on that is done then: the clock may jump there.
    at: Option<Timestamp>,
    /// A limit on what others do: the clock does not hurry there.
    limit: Option<Timestamp>,
}

impl Next {
    /// Not before something changes.
    const NEVER: Self = Self {
        at: None,
        limit: None,
    };

    fn at(at: Timestamp) -> Self {
        Self {
            at: Some(at),
            limit: None,
        }
    }

    fn limit(limit: Timestamp) -> Self {
        Self {
            at: None,
            limit: Some(limit),
        }
    }
}

/// What a reactor acts through.
struct Cx<'a> {
    api: &'a Arc<ApiServer>,
    ground: &'a Arc<Ground>,
    /// The cluster's name.
    cluster: &'a str,
    now: Timestamp,
}

impl Cx<'_> {
    fn get(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.api.get(&Key {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            name: name.to_owned(),
        })
    }

    /// Patches an object as `manager`, where the patch changes anything. An object that is gone or refuses is looked at again
    /// when it changes.
    fn patch(
        &self,
        object: &Value,
        manager: &str,
        subresource: Option<&str>,
        patch: Value,
    ) -> Option<Arc<Value>> {
        if object::contains(object, &patch) || self.is_held(object, &patch) {
            return None;
        }
        self.api
            .merge_patch(&key(object), manager, subresource, patch)
            .ok()
    }

    /// Returns whether a patch would remove a finalizer that a fault holds.
    fn is_held(&self, object: &Value, patch: &Value) -> bool {
        let left = match patch["metadata"].get("finalizers") {
            None => return false,
            Some(list) => list.as_array().map_or(&[][..], Vec::as_slice),
        };
        let had = object["metadata"]["finalizers"].as_array();
        let removed = had.into_iter().flatten().filter(|it| !left.contains(it));
        let shown = object::path(object);
        let kind = object::text(object, "kind");
        let mut names = removed.filter_map(Value::as_str);
        names.any(|finalizer| self.ground.faults.holds(kind, &shown, finalizer))
    }

    /// Patches the status of an object.
    fn status(&self, object: &Value, manager: &str, status: Value) -> Option<Arc<Value>> {
        self.patch(object, manager, Some("status"), json!({"status": status}))
    }

    fn create(&self, object: Value) -> Result<Arc<Value>, Status> {
        self.api.create(object)
    }

    fn delete(&self, object: &Value) {
        // Gone already is as good.
        let _ = self.api.delete(&key(object));
    }

    /// Returns whether the cluster's platform has load balancers.
    fn balances(&self) -> bool {
        let site = self.ground.site();
        let cluster = site.clusters.get(self.cluster);
        site.balancers || cluster.is_some_and(|it| it.balancers || it.eks.is_some())
    }

    /// Returns where the cluster runs in the simulated AWS, if there.
    fn eks(&self) -> Option<Eks> {
        let site = self.ground.site();
        site.clusters.get(self.cluster)?.eks.clone()
    }

    /// Returns which cluster of the simulated Azure it is, if one.
    fn aks(&self) -> Option<Aks> {
        let site = self.ground.site();
        site.clusters.get(self.cluster)?.aks.clone()
    }

    /// Returns where the cluster runs in the simulated Google Cloud, if there.
    fn google(&self) -> Option<Gke> {
        let site = self.ground.site();
        site.clusters.get(self.cluster)?.google.clone()
    }

    /// Notes an asset that `maker` has outside of the cluster, and returns since when; it may be there already.
    fn acquire(&self, kind: &str, id: &str, name: &str, maker: &Value) -> Timestamp {
        if let Some(known) = self.ground.site().assets.get(id) {
            return known.created;
        }
        let asset = Asset {
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            cluster: self.cluster.to_owned(),
            maker: format!("{} {}", object::text(maker, "kind"), object::path(maker)),
            created: self.now,
        };
        self.ground.write(Entry::Asset(asset.clone()));
        if let Some(gke) = self.google() {
            google::acquired(self.ground, &gke, &asset);
        }
        self.now
    }

    /// Lets an asset go.
    fn release(&self, id: &str) {
        if self.ground.site().assets.contains_key(id) {
            self.ground.write(Entry::AssetGone { id: id.to_owned() });
            if let Some(gke) = self.google() {
                google::released(self.ground, &gke, id);
            }
        }
    }

    /// Records an event about an object, one for each reason: said again after a while, it is counted.
    fn event(&self, about: &Value, kind: &str, reason: &str, message: &str) {
        self.record(
            about,
            reason,
            json!({"type": kind, "reason": reason, "message": message}),
        );
    }

    /// Records an event about a container of a pod, one for each message.
    fn event_of(&self, pod: &Value, container: &str, kind: &str, reason: &str, message: &str) {
        let said = json!({
            "type": kind, "reason": reason, "message": message,
            "involvedObject": {"fieldPath": format!("spec.containers{{{container}}}")},
        });
        self.record(pod, &format!("{reason} {container} {message}"), said);
    }

    /// Records what is said of an object under a mark that tells it from what else is said of it.
    fn record(&self, about: &Value, mark: &str, mut said: Value) {
        let metadata = &about["metadata"];
        let (name, uid) = (
            object::text(metadata, "name"),
            object::text(metadata, "uid"),
        );
        let namespace = metadata["namespace"].as_str().unwrap_or("default");
        let mark = crate::ground::digest(&format!("{uid} {mark}"));
        let event = format!("{name}.{}", &mark[..16]);
        let source = object::component(about, object::text(&said, "reason"));
        if let Some(known) = self.get("", "Event", namespace, &event) {
            let last = object::time(&known["lastTimestamp"]).unwrap_or(self.now);
            if self.now >= clock::add(last, AGAIN) {
                let count = known["count"].as_u64().unwrap_or(1) + 1;
                let patch = json!({"count": count, "lastTimestamp": object::second(self.now), "message": said["message"]});
                self.patch(&known, source, None, patch);
            }
            return;
        }
        let node = match source {
            "kubelet" => object::text(&about["spec"], "nodeName"),
            _ => "",
        };
        let mut event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": event, "namespace": namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"], "kind": about["kind"], "name": name, "namespace": metadata["namespace"], "uid": uid,
            },
            "count": 1,
            "firstTimestamp": object::second(self.now), "lastTimestamp": object::second(self.now),
            "source": {"component": source}, "reportingComponent": source, "reportingInstance": node,
        });
        if !node.is_empty() {
            event["source"]["host"] = json!(node);
        }
        if let Some(part) = said["involvedObject"]["fieldPath"].take().as_str() {
            event["involvedObject"]["fieldPath"] = json!(part);
        }
        for field in ["type", "reason", "message"] {
            event[field] = said[field].take();
        }
        // That an event is lost is no harm, here as there.
        let _ = self.create(event);
    }
}

/// Lets time stand still from a change until the reactors have seen it.
pub(crate) struct Unrest {
    clock: Clock,
    work: Mutex<Option<Work>>,
}

impl Unrest {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            work: Mutex::new(None),
        }
    }

    pub(crate) fn stir(&self) {
        self.work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| self.clock.work());
    }

    pub(crate) fn calm(&self) {
        self.work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

/// Runs the reactors of a cluster for as long as its control plane does.
pub(crate) async fn run(
    ground: Arc<Ground>,
    cluster: String,
    api: Arc<ApiServer>,
    unrest: Arc<Unrest>,
    mut power: watch::Receiver<bool>,
) {
    let mut changes = api.subscribe();
    loop {
        while !*power.borrow_and_update() {
            // What a cloud does to the objects meanwhile is seen when the control plane is back.
            unrest.calm();
            tokio::select! {
                change = changes.recv() => if let Err(broadcast::error::RecvError::Closed) = change { return },
                changed = power.changed() => if changed.is_err() { return },
            }
        }
        let mut queue = Queue::default();
        everything(&api, &mut queue);
        while *power.borrow_and_update() {
            turn(&ground, &cluster, &api, &unrest, &mut changes, &mut queue);
            let (at, limit) = queue.next();
            tokio::select! {
                change = changes.recv() => match change {
                    Ok(change) => {
                        tell_cloud(&ground, &cluster, &change);
                        concern(&api, &change, &mut queue);
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => everything(&api, &mut queue),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                () = ground.clock.sleep_until(at.unwrap_or_default()), if at.is_some() => {}
                () = ground.clock.reached(limit.unwrap_or_default()), if limit.is_some() => {}
                () = ground.stirred.notified() => everything(&api, &mut queue),
                changed = power.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Looks at all that is due, and at what changes thereby, until nothing is.
fn turn(
    ground: &Arc<Ground>,
    cluster: &str,
    api: &Arc<ApiServer>,
    unrest: &Unrest,
    changes: &mut broadcast::Receiver<Change>,
    queue: &mut Queue,
) {
    let _work = ground.clock.work();
    loop {
        loop {
            match changes.try_recv() {
                Ok(change) => {
                    tell_cloud(ground, cluster, &change);
                    concern(api, &change, queue);
                }
                Err(TryRecvError::Lagged(_)) => everything(api, queue),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let cx = Cx {
            api,
            ground,
            cluster,
            now: ground.clock.now(),
        };
        for pod in queue.take_gone() {
            pods::gone(&cx, &pod);
        }
        let Some(key) = queue.pop(cx.now) else {
            // All that stirred has been seen; what stirs from here on comes as a change.
            unrest.calm();
            return;
        };
        if let Some(object) = api.get(&key) {
            let next = react(&cx, &key, &object);
            queue.wait(key, next);
        }
    }
}

/// Wakes what waits in the cloud for nodes, or for what add-ons run.
fn tell_cloud(ground: &Ground, cluster: &str, change: &Change) {
    let (kind, namespace) = (change.key.kind.as_str(), change.key.namespace.as_deref());
    let system = namespace == Some("kube-system") && ["Deployment", "DaemonSet"].contains(&kind);
    if kind == "Node" || system {
        let managed = |it: &crate::site::Cluster| it.eks.is_some();
        if ground.site().clusters.get(cluster).is_some_and(managed) {
            ground.aws.stir();
        }
    }
}

fn everything(api: &Arc<ApiServer>, queue: &mut Queue) {
    for object in api.objects() {
        queue.push(key(&object));
    }
}

fn react(cx: &Cx<'_>, key: &Key, object: &Value) -> Next {
    match (key.group.as_str(), key.kind.as_str()) {
        ("apps", "Deployment") => {
            crossplane::begin(cx, object);
            aso::begin(cx, object);
            workloads::deployment(cx, object)
        }
        ("apps", "ReplicaSet") => workloads::replica_set(cx, object),
        ("apps", "StatefulSet") => workloads::stateful_set(cx, object),
        ("apps", "DaemonSet") => workloads::daemon_set(cx, object),
        ("batch", "Job") => jobs::job(cx, object),
        ("batch", "CronJob") => crons::cron_job(cx, object),
        ("", "Pod") => pods::pod(cx, object),
        ("", "Node") => nodes::node(cx, object),
        ("", "Service") => balancers::service(cx, object),
        ("", "PersistentVolumeClaim") => storage::claim(cx, object),
        ("", "PersistentVolume") => storage::volume(cx, object),
        ("", "ResourceQuota") => quotas::quota(cx, object),
        (group, kind) if group.ends_with(".fluxcd.io") => flux::react(cx, kind, object),
        _ => crossplane::react(cx, key, object)
            .or_else(|| aso::react(cx, key, object))
            .or_else(|| issuers::react(cx, key, object))
            .unwrap_or(Next::NEVER),
    }
}

/// Queues the objects that a change concerns: the changed one, its owner, and those that look at it.
fn concern(api: &Arc<ApiServer>, change: &Change, queue: &mut Queue) {
    let object = &change.object;
    match change.kind {
        ChangeKind::Deleted if change.key.kind == "Pod" => queue.note_gone(object.clone()),
        ChangeKind::Deleted => {}
        _ => queue.push(change.key.clone()),
    }
    if let Some(owner) = object::controller(object) {
        queue.push(owner);
    }
    let mut all = |group: &str, kind: &str, namespace: Option<&str>| {
        for object in api.list(group, kind, namespace) {
            queue.push(key(&object));
        }
    };
    let namespace = change.key.namespace.as_deref();
    if namespace.is_some() && (change.kind != ChangeKind::Modified || change.key.kind == "Pod") {
        all("", "ResourceQuota", namespace);
    }
    match (change.key.group.as_str(), change.key.kind.as_str()) {
        ("", "Node") => {
            all("apps", "DaemonSet", None);
            all("", "Pod", None);
        }
        ("apps", "DaemonSet") if namespace == Some("kube-system") => all("", "Node", None),
        ("", "Pod") => all("", "PersistentVolumeClaim", namespace),
        // Pods may be made again that were one too many.
        ("", "ResourceQuota") => {
            for kind in ["ReplicaSet", "StatefulSet", "DaemonSet"] {
                all("apps", kind, namespace);
            }
            all("batch", "Job", namespace);
        }
        ("", "PersistentVolumeClaim") => all("", "PersistentVolume", None),
        // What provisions disks may have come.
        ("apps", "Deployment") if namespace == Some("kube-system") => {
            all("", "PersistentVolumeClaim", None);
            all("", "PersistentVolume", None);
        }
        ("storage.k8s.io", "StorageClass") => all("", "PersistentVolumeClaim", None),
        _ => {}
    }
    if change.key.kind == "Pod"
        && change.kind == ChangeKind::Deleted
        && scheduler::has_ports(&object["spec"])
    {
        // Another may have its ports now.
        let pods = api.list("", "Pod", None);
        let waiting = pods.iter().filter(|it| it["spec"]["nodeName"].is_null());
        waiting.for_each(|it| queue.push(key(it)));
    }
    let others = flux::concern(api, change).into_iter();
    let others = others.chain(crossplane::concern(api, change));
    for key in others.chain(aso::concern(api, change)) {
        queue.push(key);
    }
}
