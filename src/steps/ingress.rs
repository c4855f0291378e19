//! Where an ingress controller is reached from outside of its cluster.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use windlass_provider::{ClusterName, Ctx, Error, Fault, Provider, ProviderId, Result, Scope};

use super::{Connection, chart::release_ref};
use crate::kube::{Cluster, ObjectRef, Selector};

/// The ingress controllers of the catalogue.
pub const INGRESS_CLASSES: [&str; 3] = ["traefik", "contour", "nginx"];

/// How long a name that nobody knows yet is left alone before it is asked for again.
const PAUSE: Duration = Duration::from_secs(5);

/// How the addresses of a name are looked up.
pub type LookUp = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// Where an ingress controller is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IngressAddress {
    /// What tells so, as in "Service traefik/traefik".
    pub service: String,
    /// The address.
    pub ip: IpAddr,
    /// The name that the cloud gave in place of an address.
    pub hostname: Option<String>,
    /// The port for http.
    pub port: u16,
}

impl IngressAddress {
    /// Returns a name below `domain` that leads to the address, as nip.io and sslip.io answer for: `203.0.113.7.nip.io`.
    #[must_use]
    pub fn host(&self, domain: Option<&str>) -> String {
        match self.ip {
            IpAddr::V4(ip) => format!("{ip}.{}", domain.unwrap_or("nip.io")),
            // Colons cannot stand in a name (https://sslip.io: dashes in their place), and nip.io knows no IPv6.
            IpAddr::V6(ip) => {
                let dashed = ip.to_string().replace(':', "-");
                // No part of a name begins or ends with a dash.
                let begin = if dashed.starts_with('-') { "0" } else { "" };
                let end = if dashed.ends_with('-') { "0" } else { "" };
                format!("{begin}{dashed}{end}.{}", domain.unwrap_or("sslip.io"))
            }
        }
    }
}

/// Finds where the ingress controller `class` in `namespace` is reached: the address of its load balancer, or on Kind the one of
/// this machine. `wait`: until the deadline, for what is not there yet. `look_up` resolves the name of a load balancer that has no
/// address.
///
/// # Errors
/// [`Fault::Failed`] where there is no address, or none yet; [`Fault::TimedOut`] with what is missing; those of the provider and of
/// the API.
pub async fn find_ingress_address(
    cx: &Ctx,
    connection: &Connection,
    provider: &Arc<dyn Provider>,
    name: &ClusterName,
    (class, namespace): (&str, &str),
    wait: bool,
    look_up: &LookUp,
) -> Result<IngressAddress> {
    let cluster = connection.open(cx, provider, name).await?;
    let release = release_ref(class);
    if wait && cluster.get(cx, &release).await?.is_some() {
        cluster.wait_ready(cx, &[release]).await?;
    }
    let mut services = services(cx, &cluster, class, namespace).await?;
    let (port, balanced) = (
        |it: &Value| has_port(it, 80),
        |it: &Value| it["spec"]["type"] == "LoadBalancer",
    );
    // Of several, the one for http.
    services.sort_by_key(|it| (!balanced(it), !port(it)));
    let Some(service) = services.into_iter().next() else {
        return Err(Error::new(
            Fault::Failed,
            format!("{class} has no Service in namespace {namespace}"),
        ));
    };
    let reference = ObjectRef::of(&service)
        .ok_or_else(|| Error::new(Fault::Failed, "the API listed a Service without a name"))?;
    if !balanced(&service) {
        return on_this_machine(cx, provider, name, &reference, &service).await;
    }
    let mut address = address_of(&service);
    if address.is_none() && wait {
        cluster
            .wait_ready(cx, std::slice::from_ref(&reference))
            .await?;
        address = cluster
            .get(cx, &reference)
            .await?
            .and_then(|it| address_of(&it));
    }
    let Some((ip, hostname)) = address else {
        let mut error = Error::new(Fault::Failed, format!("{reference} has no address yet"));
        error.hints.push("wait for it: --wait".to_owned());
        return Err(error);
    };
    let ip = match (ip, &hostname) {
        (Some(ip), _) => ip,
        (None, name) => resolve(cx, name.as_deref().unwrap_or_default(), wait, look_up).await?,
    };
    Ok(IngressAddress {
        service: reference.to_string(),
        ip,
        hostname,
        port: first_port(&service),
    })
}

/// Returns the Services that lead to the controller: those that select its pods, or else all of its namespace.
async fn services(cx: &Ctx, cluster: &Cluster, class: &str, namespace: &str) -> Result<Vec<Value>> {
    let kind = cluster.kind(cx, "v1", "Service").await?;
    let mut all = cluster
        .list(cx, &kind, Some(namespace), &Selector::default())
        .await?;
    // Pods are labelled with the name of their chart.
    let chart = match class {
        "nginx" => "ingress-nginx",
        other => other,
    };
    let selects = |it: &Value| it["spec"]["selector"]["app.kubernetes.io/name"] == chart;
    if all.iter().any(selects) {
        all.retain(selects);
    }
    Ok(all)
}

fn ports(service: &Value) -> impl Iterator<Item = u64> {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    ports.filter_map(|port| port["port"].as_u64())
}

fn has_port(service: &Value, wanted: u64) -> bool {
    ports(service).any(|port| port == wanted)
}

/// Returns the port for http: 80 where there is one.
fn first_port(service: &Value) -> u16 {
    if has_port(service, 80) {
        return 80;
    }
    ports(service)
        .find_map(|port| port.try_into().ok())
        .unwrap_or(80)
}

/// Returns the address that a load balancer has, or its name; an IPv4 address where there are several.
fn address_of(service: &Value) -> Option<(Option<IpAddr>, Option<String>)> {
    let given = service["status"]["loadBalancer"]["ingress"].as_array()?;
    let text = |it: &Value, key: &str| {
        it[key]
            .as_str()
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
    };
    let mut ips: Vec<IpAddr> = given
        .iter()
        .filter_map(|it| text(it, "ip")?.parse().ok())
        .collect();
    ips.sort_by_key(IpAddr::is_ipv6);
    let hostname = given.iter().find_map(|it| text(it, "hostname"));
    match (ips.first(), hostname) {
        (None, None) => None,
        (ip, hostname) => Some((ip.copied(), hostname)),
    }
}

/// Returns the address of a controller without a load balancer: on Kind, ports of this machine lead to it.
async fn on_this_machine(
    cx: &Ctx,
    provider: &Arc<dyn Provider>,
    name: &ClusterName,
    reference: &ObjectRef,
    service: &Value,
) -> Result<IngressAddress> {
    let refuse = |why: String| {
        let mut error = Error::new(
            Fault::Failed,
            format!("{reference} has no address outside of its cluster"),
        );
        error.causes.push(why);
        error.hints.push(format!(
            "reach it through the API server: kubectl --namespace {} port-forward service/{} 8080:{}",
            reference.namespace.as_deref().unwrap_or("default"),
            reference.name,
            first_port(service),
        ));
        error
    };
    let kind = service["spec"]["type"].as_str().unwrap_or("ClusterIP");
    if provider.id() != ProviderId::Kind {
        return Err(refuse(format!("its type is {kind}, not LoadBalancer")));
    }
    let found = match provider.discover(cx, Scope::of(name)).await {
        Err(error) if error.fault == Fault::NoAccess => Vec::new(),
        found => found?,
    };
    let Some(outputs) = found
        .iter()
        .map(|found| &found.observed.outputs)
        .find(|outputs| outputs.contains_key("engine"))
    else {
        return Err(refuse(format!(
            "its type is {kind}, and kind's cluster {name} is not on this machine"
        )));
    };
    let port = outputs.get("http-port").and_then(|port| port.parse().ok());
    let Some(port) = port else {
        return Err(refuse(
            "the cluster was made without a port of this machine for http (--http-port 0)"
                .to_owned(),
        ));
    };
    let ip = outputs
        .get("address")
        .and_then(|address| address.parse().ok());
    Ok(IngressAddress {
        service: reference.to_string(),
        ip: ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        hostname: None,
        port,
    })
}

/// Asks the name servers of this machine.
#[must_use]
pub fn ask_name_servers(name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
    Box::pin(async move {
        let found = tokio::net::lookup_host((name, 80)).await?;
        Ok(found.map(|address| address.ip()).collect())
    })
}

/// Resolves the name of a load balancer; clouds tell it minutes before their name servers know it.
async fn resolve(cx: &Ctx, hostname: &str, wait: bool, look_up: &LookUp) -> Result<IpAddr> {
    let work = async {
        loop {
            let why = match look_up(hostname.to_owned()).await {
                Ok(mut found) => {
                    found.sort_by_key(IpAddr::is_ipv6);
                    if let Some(ip) = found.first() {
                        return Ok(*ip);
                    }
                    "it has no address".to_owned()
                }
                Err(error) => error.to_string(),
            };
            if !wait {
                let mut error = Error::new(
                    Fault::Failed,
                    format!("cannot resolve {hostname}, the name of the load balancer"),
                );
                error.causes.push(why);
                error
                    .hints
                    .push("a new name takes minutes to be known: --wait".to_owned());
                return Err(error);
            }
            cx.progress.say(format!("resolve {hostname}: {why}"));
            cx.clock.sleep(PAUSE).await;
        }
    };
    cx.bound(&format!("resolve {hostname}"), work).await
}

#[cfg(test)]
mod tests {
    use std::{
        future,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use serde_json::json;
    use windlass_provider::SystemClock;

    use super::*;

    fn at(ip: &str) -> IngressAddress {
        IngressAddress {
            service: "Service traefik/traefik".to_owned(),
            ip: ip.parse().unwrap(),
            hostname: None,
            port: 80,
        }
    }

    #[test]
    fn hosts_lead_to_their_address() {
        assert_eq!(at("203.0.113.7").host(None), "203.0.113.7.nip.io");
        assert_eq!(
            at("203.0.113.7").host(Some("lab.test")),
            "203.0.113.7.lab.test"
        );
        assert_eq!(at("2001:db8::1").host(None), "2001-db8--1.sslip.io");
        assert_eq!(at("::1").host(None), "0--1.sslip.io");
        assert_eq!(at("2001:db8::").host(Some("x.test")), "2001-db8--0.x.test");
    }

    #[test]
    fn an_address_is_taken_before_a_name_and_the_fourth_version_before_the_sixth() {
        let given =
            |ingress: Value| address_of(&json!({"status": {"loadBalancer": {"ingress": ingress}}}));
        let four: IpAddr = "203.0.113.7".parse().unwrap();
        assert_eq!(
            given(json!([{"ip": "2001:db8::1"}, {"ip": "203.0.113.7"}])),
            Some((Some(four), None))
        );
        assert_eq!(
            given(json!([{"hostname": "a.elb.test"}])),
            Some((None, Some("a.elb.test".to_owned())))
        );
        assert_eq!(given(json!([])), None);
        assert_eq!(given(json!([{"ip": ""}])), None);
        assert_eq!(given(Value::Null), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_is_not_known_yet_is_waited_for() {
        let cx = Ctx::new(Arc::new(SystemClock));
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let look_up = move |_: String| {
            let known = count.fetch_add(1, Ordering::SeqCst) >= 2;
            let found = ["2001:db8::1", "203.0.113.7"].map(|it| it.parse().unwrap());
            let answer = match known {
                true => Ok(found.to_vec()),
                false => Err(io::Error::other("not known")),
            };
            Box::pin(future::ready(answer)) as BoxFuture<'static, _>
        };
        let early = resolve(&cx, "a.elb.test", false, &look_up)
            .await
            .unwrap_err();
        assert_eq!(early.causes, ["not known"]);
        assert!(early.hints[0].contains("--wait"));
        let found = resolve(&cx, "a.elb.test", true, &look_up).await.unwrap();
        assert_eq!(found.to_string(), "203.0.113.7");
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }
}
