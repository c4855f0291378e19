//! The ground that everything in a running world stands on: clock, log, state, the API servers of its clusters, and the gate.
//!
//! Changes of state go through [`Ground::write`], which logs them first.

use crate::{
    aws, azure,
    charts::Chart,
    clock::Clock,
    faults::{FaultFile, Faults},
    gate::Gate,
    google,
    kube::{self, ApiServer},
    log::Log,
    reactors,
    site::{self, Cluster, Entry, Repository, Role, Site, Status},
    tls::Identity,
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

/// See the room.
pub(crate) struct Ground {
    pub(crate) clock: Clock,
    pub(crate) gate: Gate,
    pub(crate) faults: Faults,
    /// Where the simulated AWS is acted on.
    pub(crate) aws: aws::Desk,
    /// Where the simulated Azure is acted on.
    pub(crate) azure: aws::Desk,
    pub(crate) log: Arc<Log>,
    /// "http://127.0.0.1:PORT".
    pub(crate) address: String,
    /// What its API servers prove who they are with.
    pub(crate) identity: Identity,
    /// Wakes reactors that depend on what is no object: Git repositories.
    pub(crate) stirred: Notify,
    site: Mutex<Site>,
    servers: Mutex<BTreeMap<String, Arc<Running>>>,
    ids: AtomicU64,
}

/// A cluster's API server with what moves its objects.
pub(crate) struct Running {
    pub(crate) api: Arc<ApiServer>,
    /// Whether its control plane runs.
    pub(crate) power: watch::Sender<bool>,
    _reactors: AbortOnDropHandle<()>,
}

impl Ground {
    pub(crate) fn new(
        clock: Clock,
        log: Arc<Log>,
        address: String,
        identity: Identity,
        site: Site,
    ) -> Arc<Self> {
        let ids = AtomicU64::new(site.lives.len() as u64);
        Arc::new(Self {
            aws: aws::Desk::new(clock.clone()),
            azure: aws::Desk::new(clock.clone()),
            clock,
            gate: Gate::new(),
            faults: Faults::new(),
            log,
            address,
            identity,
            stirred: Notify::new(),
            site: Mutex::new(site),
            servers: Mutex::default(),
            ids,
        })
    }

    /// Returns the state. Never held across an await.
    pub(crate) fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs an entry and takes it over.
    pub(crate) fn write(&self, entry: Entry) {
        let mut site = self.site();
        let at = self.clock.now();
        self.log.append(at, Some(entry.clone()));
        site.take(at, entry);
    }

    /// Lets there be a Git repository of which nothing is known, unless there is one of that URL; returns whether there was none.
    pub(crate) fn assume_repository(&self, url: &str) -> bool {
        if self.site().repositories.contains_key(url) {
            return false;
        }
        self.write(Entry::Repository(Repository::assumed(url)));
        self.stirred.notify_waiters();
        true
    }

    /// Returns the addresses of a name that a load balancer of some cluster has; none, where no such name is known.
    pub(crate) fn resolve(&self, name: &str) -> Vec<IpAddr> {
        let running: Vec<_> = self.servers().values().cloned().collect();
        let objects = running.iter().flat_map(|it| it.api.objects());
        let balanced = objects.filter(|it| {
            let given = it["status"]["loadBalancer"]["ingress"].as_array();
            it["kind"] == "Service" && given.into_iter().flatten().any(|it| it["hostname"] == name)
        });
        let addresses: BTreeSet<IpAddr> = balanced
            .filter_map(|it| Some(address_of(it["metadata"]["uid"].as_str()?).into()))
            .collect();
        addresses.into_iter().collect()
    }

    /// Returns whether a fault lets a chart be missing where it is.
    pub(crate) fn lacks(&self, chart: &Chart) -> bool {
        self.faults.lacks(&chart.place(), &chart.version)
    }

    /// Says whether the clusters of the machine have load balancers.
    pub(crate) fn have_load_balancers(&self, any: bool) {
        self.write(Entry::Balancers(any));
        self.stirred.notify_waiters();
    }

    /// Returns a new id of 64 hexadecimal digits, as docker's.
    pub(crate) fn mint(&self, what: &str) -> String {
        let n = self.ids.fetch_add(1, Ordering::Relaxed);
        digest(&format!("{what} {n} {} {}", self.address, self.clock.now()))
    }

    /// Starts the API server of a cluster that is in the state, with the objects that it had.
    pub(crate) fn serve(
        self: &Arc<Self>,
        cluster: &Cluster,
        records: Vec<kube::Record>,
    ) -> Arc<Running> {
        let name = cluster.name.clone();
        let unrest = Arc::new(reactors::Unrest::new(self.clock.clone()));
        let api = ApiServer::new(kube::Settings {
            git_version: cluster.version.clone(),
            now: Arc::new(ClusterClock(self.clock.clone())),
            sink: Arc::new(ClusterLog {
                cluster: name.clone(),
                clock: self.clock.clone(),
                log: self.log.clone(),
                unrest: unrest.clone(),
            }),
            token: Some(cluster.token.clone()),
        });
        if let Some(eks) = &cluster.eks {
            api.trust(aws::authenticator(self, eks));
        }
        if let Some(aks) = &cluster.aks {
            api.trust(azure::authenticator(self, aks));
        }
        if cluster.google.is_some() {
            api.trust(google::authenticator(self));
        }
        api.restore(records);
        let (power, powered) = watch::channel(self.powered(&name));
        let reactors = reactors::run(self.clone(), name.clone(), api.clone(), unrest, powered);
        let running = Arc::new(Running {
            api,
            power,
            _reactors: AbortOnDropHandle::new(tokio::spawn(reactors)),
        });
        self.servers().insert(name, running.clone());
        running
    }

    /// Returns the API server of a cluster, whether or not its control plane runs.
    pub(crate) fn running(&self, cluster: &str) -> Option<Arc<Running>> {
        self.servers().get(cluster).cloned()
    }

    /// Brings the API servers in line with the containers: those whose control plane stopped fall silent, those whose control
    /// plane is gone end.
    pub(crate) fn settle(&self) {
        let gone: Vec<String> = {
            let site = self.site();
            let lives = |name: &str| {
                site.containers
                    .values()
                    .any(|it| it.cluster == name && it.role == Role::ControlPlane)
            };
            let there = |cluster: &&Cluster| match (&cluster.eks, &cluster.aks, &cluster.google) {
                (Some(eks), ..) => aws::is_there(&site, eks, &cluster.name),
                (_, Some(aks), _) => azure::is_there(&site, aks, &cluster.name),
                (.., Some(gke)) => google::is_there(&site, gke, &cluster.name),
                _ => lives(&cluster.name),
            };
            let gone = site.clusters.values().filter(|it| !there(it));
            gone.map(|it| it.name.clone()).collect()
        };
        for name in gone {
            if let Some(running) = self.servers().remove(&name) {
                running.power.send_replace(false);
            }
            self.write(Entry::ClusterGone { name });
        }
        for (name, running) in self.servers().iter() {
            let powered = self.powered(name);
            running
                .power
                .send_if_modified(|power| std::mem::replace(power, powered) != powered);
        }
    }

    /// Lets the world misbehave as a file says; who waits for what misbehaved before looks again.
    pub(crate) fn misbehave(self: &Arc<Self>, faults: &FaultFile) {
        let other = self.faults.put(faults, self.clock.now());
        self.stirred.notify_waiters();
        if other {
            aws::unstick(self);
            azure::unstick(self);
        }
    }

    /// Lets the API server of a cluster die, and come back after `pause`.
    pub(crate) fn strike(self: &Arc<Self>, cluster: &str, pause: Duration) {
        self.faults.turn(cluster, true);
        self.settle();
        let (clock, ground, cluster) =
            (self.clock.clone(), Arc::downgrade(self), cluster.to_owned());
        tokio::spawn(async move {
            clock.sleep(pause).await;
            if let Some(ground) = ground.upgrade() {
                ground.faults.turn(&cluster, false);
                ground.settle();
            }
        });
    }

    /// Ends every API server.
    pub(crate) fn close(&self) {
        self.clock.close();
        self.servers().clear();
    }

    /// Returns whether enough of a cluster's control plane runs to answer.
    fn powered(&self, cluster: &str) -> bool {
        let site = self.site();
        let known = site.clusters.get(cluster);
        if known.is_some_and(|it| it.eks.is_some() || it.google.is_some()) {
            return !self.faults.is_down(cluster);
        }
        if let Some(aks) = known.and_then(|it| it.aks.as_ref()) {
            return azure::is_on(&site, aks) && !self.faults.is_down(cluster);
        }
        let planes = site
            .containers
            .values()
            .filter(|it| it.cluster == cluster && it.role == Role::ControlPlane);
        let (all, up) = planes.fold((0, 0), |(all, up), it| {
            (all + 1, up + usize::from(it.status == Status::Running))
        });
        // etcd needs a majority.
        up * 2 > all && !self.faults.is_down(cluster)
    }

    fn servers(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Running>>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct ClusterClock(Clock);

impl kube::Now for ClusterClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

struct ClusterLog {
    cluster: String,
    clock: Clock,
    log: Arc<Log>,
    unrest: Arc<reactors::Unrest>,
}

impl kube::Sink for ClusterLog {
    fn record(&self, record: &kube::Record) {
        let entry = Entry::Object {
            cluster: self.cluster.clone(),
            record: record.clone(),
        };
        self.log.append(self.clock.now(), Some(entry));
        self.unrest.stir();
    }
}

/// Returns the SHA-256 of a text, in hexadecimal digits.
pub(crate) fn digest(text: &str) -> String {
    use sha2::Digest;
    use std::fmt::Write;
    let mut digits = String::with_capacity(64);
    for byte in sha2::Sha256::digest(text) {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Returns the address of the load balancer of the Service with this uid: one of TEST-NET-3 (RFC 5737), where nothing real answers.
pub(crate) fn address_of(uid: &str) -> Ipv4Addr {
    let number = u32::from_str_radix(&digest(uid)[..4], 16).unwrap_or_default();
    // Never more than 254.
    Ipv4Addr::new(203, 0, 113, u8::try_from(1 + number % 254).unwrap_or(1))
}

/// Returns the records of one cluster in the order of their revisions.
pub(crate) fn records(objects: &mut site::Objects, cluster: &str) -> Vec<kube::Record> {
    let mut records: Vec<_> = objects
        .remove(cluster)
        .unwrap_or_default()
        .into_values()
        .collect();
    records.sort_by_key(|record| record.revision);
    records
}
