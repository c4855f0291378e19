//! What of a project's compute API tells of leftovers: read once for all clusters of the project.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use windlass_provider::{Ctx, Tags};

use super::nodes::tag;
use crate::{
    client::{Client, encode},
    refusal::Answer,
    service::Service,
    want::Left,
};

/// What tells of leftovers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    pub(super) firewalls: Vec<Value>,
    pub(super) disks: Vec<Value>,
    pub(super) pools: Vec<Value>,
    pub(super) groups: Vec<Value>,
    pub(super) endpoints: Vec<Value>,
    /// The nodes in groups that were asked, by their paths: each is asked once for all clusters.
    pub(super) asked: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

impl Survey {
    /// Leaves out what lies where nobody looks. Firewall rules lie nowhere.
    pub(crate) fn look_within(&mut self, near: impl Fn(Option<&str>) -> bool) {
        let here = |it: &Value| {
            let link = it["zone"].as_str().or(it["region"].as_str());
            near(link.and_then(|it| it.rsplit('/').next()))
        };
        for all in [
            &mut self.disks,
            &mut self.pools,
            &mut self.groups,
            &mut self.endpoints,
        ] {
            all.retain(&here);
        }
    }

    /// Returns what is left without that of these clusters: their mark is in the tag of their nodes, and their place on their disks.
    pub(crate) fn without(&self, clusters: &[&Value]) -> Self {
        let has = |it: &Value| {
            let tags = it["targetTags"].as_array().into_iter().flatten();
            let marks: Vec<&str> = tags.filter_map(|it| Some(tag(it.as_str()?)?.1)).collect();
            let place = it["labels"]["goog-k8s-cluster-location"].as_str();
            clusters.iter().any(|cluster| {
                let id = cluster["id"].as_str().unwrap_or_default();
                let of_it = it["labels"]["goog-k8s-cluster-name"] == cluster["name"];
                let ours = !it["labels"][Tags::CLUSTER].is_null();
                marks.iter().any(|mark| id.starts_with(mark))
                    || of_it && !ours && place.is_none_or(|place| cluster["location"] == place)
            })
        };
        let mut rest = self.clone();
        rest.firewalls.retain(|it| !has(it));
        rest.disks.retain(|it| !has(it));
        rest
    }
}

/// Looks through a project for what tells of leftovers.
pub(crate) async fn survey(client: &Client, cx: &Ctx, project: &str) -> Answer<Survey> {
    let kinds = [
        Left::Firewall,
        Left::Disk,
        Left::TargetPool,
        Left::InstanceGroup,
        Left::EndpointGroup,
    ];
    let looks = kinds.map(|left| async move {
        match collection(client, cx, project, left).await {
            Err(trouble) if trouble.is_disabled() => Ok(Vec::new()),
            found => found,
        }
    });
    let mut found = try_join_all(looks).await?.into_iter();
    let mut next = || found.next().unwrap_or_default();
    Ok(Survey {
        firewalls: next(),
        disks: next(),
        pools: next(),
        groups: next(),
        endpoints: next(),
        asked: Arc::default(),
    })
}

/// Returns all of a collection of the compute API, in all places.
pub(super) async fn collection(
    client: &Client,
    cx: &Ctx,
    project: &str,
    left: Left,
) -> Answer<Vec<Value>> {
    let kind = left.collection();
    let project = encode(project);
    let call = (Service::Compute, left.list());
    if left.is_global() {
        let path = format!("/compute/v1/projects/{project}/global/{kind}?maxResults=500");
        return client.list(cx, call, &path, "items").await;
    }
    let path = format!("/compute/v1/projects/{project}/aggregated/{kind}?maxResults=500");
    let places = client.list(cx, call, &path, "items").await?;
    let items = places
        .into_iter()
        .filter_map(|mut place| match place[kind].take() {
            Value::Array(items) => Some(items),
            _ => None,
        });
    Ok(items.flatten().collect())
}

impl Survey {
    /// Returns the nodes in a group of instances, or of endpoints.
    pub(super) async fn members(
        &self,
        client: &Client,
        cx: &Ctx,
        left: Left,
        path: &str,
    ) -> Answer<Vec<String>> {
        let mut asked = self.asked.lock().await;
        if let Some(known) = asked.get(path) {
            return Ok(known.clone());
        }
        let found = members(client, cx, left, path).await?;
        asked.insert(path.to_owned(), found.clone());
        Ok(found)
    }
}

async fn members(client: &Client, cx: &Ctx, left: Left, path: &str) -> Answer<Vec<String>> {
    let (action, verb, key, body) = match left {
        Left::InstanceGroup => (
            "instanceGroups.list",
            "listInstances",
            None,
            json!({ "instanceState": "ALL" }),
        ),
        _ => (
            "networkEndpointGroups.list",
            "listNetworkEndpoints",
            Some("networkEndpoint"),
            json!({ "healthStatus": "SKIP" }),
        ),
    };
    let path = format!("/compute/v1/{path}/{verb}?maxResults=500");
    let call = (Service::Compute, action);
    let found = client.call(cx, call, ("POST", &path), Some(&body)).await;
    let found = match found {
        // It went meanwhile.
        Err(trouble) if trouble.is_missing() => return Ok(Vec::new()),
        found => found?,
    };
    let items = found["items"].as_array().into_iter().flatten();
    let nodes = items.filter_map(|it| match key {
        Some(key) => it[key]["instance"].as_str(),
        None => it["instance"].as_str(),
    });
    Ok(nodes.map(str::to_owned).collect())
}

impl Left {
    /// Returns whether there are such only for the whole world.
    fn is_global(self) -> bool {
        matches!(self, Self::Firewall | Self::HttpHealthCheck)
    }

    /// Returns the call that lists them, as permissions name it.
    fn list(self) -> &'static str {
        match self {
            Self::ForwardingRule => "forwardingRules.list",
            Self::HttpProxy => "targetHttpProxies.list",
            Self::HttpsProxy => "targetHttpsProxies.list",
            Self::Certificate => "sslCertificates.list",
            Self::UrlMap => "urlMaps.list",
            Self::BackendService => "backendServices.list",
            Self::TargetPool => "targetPools.list",
            Self::HealthCheck => "healthChecks.list",
            Self::HttpHealthCheck => "httpHealthChecks.list",
            Self::EndpointGroup => "networkEndpointGroups.list",
            Self::InstanceGroup => "instanceGroups.list",
            Self::Address => "addresses.list",
            Self::Firewall => "firewalls.list",
            Self::Disk => "disks.list",
        }
    }
}
