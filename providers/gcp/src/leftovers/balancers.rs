//! Load balancers, as GKE's controllers name their parts.
//!
//! Sources: <https://github.com/kubernetes/cloud-provider-gcp/blob/master/providers/gce/gce_loadbalancer_naming.go>,
//! <https://github.com/kubernetes/ingress-gce/blob/master/pkg/utils/namer/namer.go>,
//! <https://github.com/kubernetes/ingress-gce/blob/master/pkg/utils/namer/l4_namer.go>

/// What all parts of a load balancer share in their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Balancer {
    /// Of a Service: all that belongs to it has its name.
    Service(String),
    /// Of a cluster's Ingresses, and of its Services within: all that belongs to them has the mark of the cluster's uid.
    Marked(String),
    /// The look at a cluster's nodes that its Services share, by its uid.
    Shared(String),
}

impl Balancer {
    /// Returns the load balancer that a part of it names; `None`: it is no part of one.
    pub(super) fn of(name: &str) -> Option<Self> {
        if let Some(mark) = mark(name) {
            return Some(Self::Marked(mark.to_owned()));
        }
        if is_service(name) {
            return Some(Self::Service(name.to_owned()));
        }
        let bare = name.strip_prefix("k8s-")?;
        let looked = bare.strip_suffix("-http-hc").unwrap_or(bare);
        if let Some(id) = looked.strip_suffix("-node").filter(|it| is_uid(it)) {
            return Some(Self::Shared(id.to_owned()));
        }
        let service = bare.strip_prefix("fw-").unwrap_or(looked);
        is_service(service).then(|| Self::Service(service.to_owned()))
    }

    /// Returns the load balancer of a Service that a firewall rule to its nodes names, however it is called.
    pub(super) fn of_firewall(name: &str) -> Option<Self> {
        let service = name.strip_prefix("k8s-fw-");
        Self::of(name).or_else(|| Some(Self::Service(service?.to_owned())))
    }

    /// Returns whether something that is called so belongs to it.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Service(own) => {
                name == own
                    || name == format!("k8s-{own}-http-hc")
                    || name == format!("k8s-fw-{own}")
            }
            Self::Shared(_) => Self::of(name).as_ref() == Some(self),
            Self::Marked(uid) => mark(name).is_some_and(|it| {
                // What is newer has only the beginning of a uid.
                it == uid || (it.len() == 8 && uid.starts_with(it))
            }),
        }
    }
}

/// Returns the mark of a cluster's uid in a name: of "k8s-be-30080--UID", "k8s1-UID-…", "k8s2-UID-…" and "k8s2-fr-UID-…".
fn mark(name: &str) -> Option<&str> {
    if name.starts_with("k8s-") {
        let (_, uid) = name.rsplit_once("--")?;
        return is_uid(uid).then_some(uid);
    }
    let places = match name.split_once('-')?.0 {
        "k8s1" => 1,
        "k8s2" => 2,
        _ => return None,
    };
    let mut parts = name.split('-').skip(1).take(places);
    parts.find(|it| it.len() == 8 && is_uid(it))
}

fn is_uid(text: &str) -> bool {
    text.len() >= 8 && text.bytes().all(|it| it.is_ascii_hexdigit())
}

/// Returns whether this is the name of a Service's load balancer: "a", and the Service's uid.
fn is_service(name: &str) -> bool {
    let rest = name.strip_prefix('a').unwrap_or_default();
    (8..=31).contains(&rest.len()) && rest.bytes().all(|it| it.is_ascii_hexdigit())
}
