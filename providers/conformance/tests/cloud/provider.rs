//! A provider over that cloud, as one for a real cloud would be: small, and with each flaw that the suite must notice.

use std::{collections::BTreeMap, future::Future, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use windlass_provider::{
    Auth, Change, Check, ClusterName, ClusterSpec, Ctx, Difference, Error, ExecCredential, Facts,
    Fault, Found, Known, Kubeconfig, NodePool, Observed, Outputs, Owner, Provider, ProviderId,
    Regions, Resource, ResourceId, Result, Scope, State, Tags, Verdict,
};

use crate::wire::{Answer, broken};

/// The platform's own mark of what a cluster's controllers made.
pub(crate) const MARK: &str = "cluster-owner";

/// A mistake that this provider makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// A call that is refused for the moment is not tried again.
    GivesUp,
    /// Tags come in a call of their own.
    TagsLater,
    /// What others made is deleted.
    TakesForeign,
    /// A cluster is known by how its name begins.
    Prefix,
    /// What controllers made is not looked for.
    Blind,
    /// Only its own region is looked at.
    OneRegion,
    /// A credential is said to last longer than it does.
    Boasts,
    /// What is denied is taken for what passes by itself.
    Hopes,
    /// Labels are not compared.
    Careless,
    /// What is wanted is not compared with what is there, when it is there.
    Lazy,
    /// What is broken is made anew.
    Remakes,
    /// Nobody waits until something is gone.
    Hasty,
    /// The platform's times are taken for its own.
    Clockless,
    /// A connection that is lost is the last word.
    Despairs,
}

/// See the room.
#[derive(Clone)]
pub(crate) struct Cloud {
    pub(crate) address: String,
    pub(crate) region: &'static str,
    pub(crate) flaw: Flaw,
}

impl Cloud {
    pub(crate) fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    async fn make(&self, cx: &Ctx, it: &Resource, known: &Known) -> Result<(Change, Outputs)> {
        let seen = self.look(cx, it, known).await?;
        let (path, want) = (place(it), &it.want);
        let mut change = Change::Unchanged;
        if seen.owner == Owner::Foreign && seen.state != State::Missing {
            return Ok((change, seen.outputs));
        }
        match seen.state {
            State::Missing => {
                change = Change::Made;
                let mut body = want["body"].clone();
                let tags = self.tags(cx, it);
                if want["tagged"] == true && !self.is(Flaw::TagsLater) {
                    body["tags"] = tags.clone();
                }
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                self.ask(cx, "POST", folder, &body).await?;
                if want["tagged"] == true && self.is(Flaw::TagsLater) {
                    self.until(cx, &path, ready).await?;
                    self.ask(cx, "PATCH", &path, &json!({ "tags": tags }))
                        .await?;
                }
            }
            State::Making => change = Change::Updated,
            State::Failed if self.is(Flaw::Remakes) => {
                self.ask(cx, "PATCH", &path, &json!({ "remade": true }))
                    .await?;
                return Ok((Change::Made, seen.outputs));
            }
            State::Failed => return Err(broken(&path)),
            State::Deleting => {
                let what = format!("{path} is being deleted");
                return Err(Error::new(Fault::Transient, what));
            }
            State::Ready if !seen.differs.is_empty() && !self.is(Flaw::Lazy) => {
                change = Change::Updated;
                self.ask(cx, "PATCH", &path, &want["body"]).await?;
            }
            State::Ready => {}
        }
        self.until(cx, &path, ready).await?;
        Ok((change, outputs(it)))
    }

    fn tags(&self, cx: &Ctx, it: &Resource) -> Value {
        let created = Timestamp::from_second(cx.clock.now().as_second()).expect("a time");
        let lifetime = it.want["lifetime"].as_i64();
        let tags = Tags {
            cluster: it.cluster.clone(),
            created,
            expires: lifetime.map(|seconds| created + SignedDuration::from_secs(seconds)),
        };
        json!(tags.to_pairs().into_iter().collect::<BTreeMap<_, _>>())
    }

    async fn look(&self, cx: &Ctx, it: &Resource, _: &Known) -> Result<Observed> {
        let Some(seen) = self.get(cx, &place(it)).await? else {
            return Ok(Observed::missing());
        };
        let whole = place(it);
        let whole = whole.split("/pools/").next().unwrap_or_default();
        let tagged = match it.want["tagged"] == true {
            true => seen.clone(),
            // A pool is its cluster's.
            false => self.get(cx, whole).await?.unwrap_or_default(),
        };
        Ok(self.judge(it, &seen, &tagged))
    }

    fn judge(&self, it: &Resource, seen: &Value, tagged: &Value) -> Observed {
        let mut differs = Vec::new();
        for (field, wanted) in it.want["body"].as_object().into_iter().flatten() {
            let found = &seen[field];
            let careless = field == "labels" && self.is(Flaw::Careless);
            if wanted != found && !careless && it.want["found"] != true {
                let field = match it.id.as_str() {
                    "node-pool-main" => format!("nodes.{field}"),
                    id => format!("node-pools.{}.{field}", id.trim_start_matches("node-pool-")),
                };
                differs.push(Difference {
                    field,
                    wanted: wanted.to_string(),
                    found: found.to_string(),
                    changeable: true,
                });
            }
        }
        let marks = |key: &str| tagged["tags"][key].is_string();
        Observed {
            state: match seen["state"].as_str() {
                Some("making") => State::Making,
                Some("deleting") => State::Deleting,
                Some("failed") => State::Failed,
                _ => State::Ready,
            },
            owner: match marks(Tags::CLUSTER) || marks(MARK) {
                true => Owner::Ours,
                false => Owner::Foreign,
            },
            differs,
            outputs: outputs(it),
            detail: (seen["state"] == "failed").then(|| "it broke down".to_owned()),
            unused: it.id.as_str() == "network",
        }
    }

    async fn remove(&self, cx: &Ctx, it: &Resource, known: &Known) -> Result<Change> {
        let seen = self.look(cx, it, known).await?;
        if seen.state == State::Missing {
            return Ok(Change::Absent);
        }
        if seen.owner == Owner::Foreign && !self.is(Flaw::TakesForeign) {
            return Ok(Change::Kept);
        }
        self.ask(cx, "DELETE", &place(it), &Value::Null).await?;
        if !self.is(Flaw::Hasty) {
            self.until(cx, &place(it), Option::is_none).await?;
        }
        Ok(Change::Removed)
    }

    /// Finds what there is in a region.
    async fn find(&self, cx: &Ctx, region: &str, scope: Scope<'_>) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for kind in ["networks", "clusters", "balancers"] {
            if kind == "balancers" && self.is(Flaw::Blind) {
                continue;
            }
            let folder = format!("{region}/{kind}");
            for thing in self.list(cx, &folder).await? {
                let name = text(&thing["name"]);
                let owner = match kind {
                    "balancers" => text(&thing["tags"][MARK]),
                    _ => name.clone(),
                };
                let owner: ClusterName = owner.parse().expect("a cluster's name");
                let means = |wanted: &ClusterName| match self.is(Flaw::Prefix) {
                    true => owner.as_str().starts_with(wanted.as_str()),
                    false => owner == *wanted,
                };
                if scope.cluster.is_some_and(|wanted| !means(wanted)) {
                    continue;
                }
                let id = match kind {
                    "networks" => "network".to_owned(),
                    "clusters" => "cluster".to_owned(),
                    _ => format!("balancer-{name}"),
                };
                let needs: &[&str] = if kind == "networks" {
                    &[]
                } else {
                    &["network"]
                };
                let it = resource(&owner, &id, kind, &name, needs, region);
                found.push(self.found(it, &thing, &thing));
                if kind == "clusters" {
                    for pool in self.list(cx, &format!("{folder}/{name}/pools")).await? {
                        let pool_name = text(&pool["name"]);
                        let id = format!("node-pool-{pool_name}");
                        let kind = format!("clusters/{name}/pools");
                        let it = resource(&owner, &id, &kind, &pool_name, &["cluster"], region);
                        found.push(self.found(it, &pool, &thing));
                    }
                }
            }
        }
        Ok(found)
    }

    fn found(&self, mut it: Resource, seen: &Value, tagged: &Value) -> Found {
        it.want["found"] = json!(true);
        let tags = serde_json::from_value(seen["tags"].clone()).unwrap_or_default();
        Found {
            observed: self.judge(&it, seen, tagged),
            tags: Tags::from_pairs(&tags).expect("tags that can be read"),
            resource: it,
        }
    }

    async fn access(&self, cx: &Ctx, cluster: &ClusterName) -> Result<(Auth, Timestamp)> {
        let path = format!("{}/clusters/{cluster}/token", self.region);
        let Some(token) = self.ask(cx, "POST", &path, &Value::Null).await? else {
            let what = format!("there is no cluster \"{cluster}\"");
            return Err(Error::new(Fault::Unavailable, what).hint("make it: windlass setup"));
        };
        let expires: Timestamp = text(&token["expires"]).parse().expect("a time");
        let more = if self.is(Flaw::Boasts) { 3600 } else { 0 };
        let auth = Auth::Token(text(&token["token"]));
        Ok((auth, expires + SignedDuration::from_secs(more)))
    }

    /// Does something for as long as the user and the deadline let it.
    async fn bound<T>(
        &self,
        cx: &Ctx,
        it: &Resource,
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        cx.bound(&format!("{} {}", it.kind, it.name), work).await
    }
}

#[async_trait]
impl Provider for Cloud {
    fn id(&self) -> ProviderId {
        ProviderId::Google
    }

    async fn facts(&self, cx: &Ctx, _: &ClusterSpec) -> Result<Facts> {
        let seen = self.get(cx, "identity").await?.unwrap_or_default();
        Ok(Facts {
            identity: text(&seen["account"]),
            values: [("regions".to_owned(), seen["regions"].clone())].into(),
        })
    }

    fn resources(&self, spec: &ClusterSpec, _: &Facts) -> Result<Vec<Resource>> {
        let name = &spec.name;
        let make = |id: &str, kind: &str, called: &str, needs: &[&str]| {
            resource(name, id, kind, called, needs, self.region)
        };
        let mut all = vec![make("network", "networks", name.as_str(), &[])];
        let mut cluster = make("cluster", "clusters", name.as_str(), &["network"]);
        cluster.want["body"]["network"] = json!(place(&all[0]));
        cluster.want["lifetime"] = json!(spec.lifetime.map(|it| it.as_secs()));
        all[0].want["lifetime"] = cluster.want["lifetime"].clone();
        all.push(cluster);
        let main = NodePool {
            name: "main".to_owned(),
            min: spec.nodes.min,
            max: spec.nodes.max,
            labels: BTreeMap::new(),
            taints: Vec::new(),
        };
        for pool in std::iter::once(&main).chain(&spec.node_pools) {
            let id = format!("node-pool-{}", pool.name);
            let kind = format!("clusters/{name}/pools");
            let mut it = make(&id, &kind, &pool.name, &["cluster"]);
            it.want["body"] = serde_json::to_value(pool).expect("JSON");
            all.push(it);
        }
        Ok(all)
    }

    async fn preflight(&self, cx: &Ctx, spec: &ClusterSpec, _: &Facts) -> Vec<Check> {
        let found = self.discover(cx, Scope::of(&spec.name)).await;
        let found = found.unwrap_or_default();
        let foreign = |it: &Found| it.observed.owner == Owner::Foreign;
        let verdict = match found.iter().any(foreign) {
            true => Verdict::Warning,
            false => Verdict::Passed,
        };
        vec![Check::new("the name", verdict, "others may have it")]
    }

    async fn observe(&self, cx: &Ctx, it: &Resource, known: &Known) -> Result<Observed> {
        self.look(cx, it, known).await
    }

    async fn ensure(&self, cx: &Ctx, it: &Resource, known: &Known) -> Result<(Change, Outputs)> {
        self.bound(cx, it, self.make(cx, it, known)).await
    }

    async fn delete(&self, cx: &Ctx, it: &Resource, known: &Known) -> Result<Change> {
        self.bound(cx, it, self.remove(cx, it, known)).await
    }

    async fn discover(&self, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Found>> {
        let regions = match scope.regions {
            Regions::All if !self.is(Flaw::OneRegion) => vec!["here", "there"],
            _ => vec![self.region],
        };
        let mut found = Vec::new();
        for region in regions {
            found.extend(self.find(cx, region, scope).await?);
        }
        Ok(found)
    }

    async fn kubeconfig(&self, cx: &Ctx, cluster: &ClusterName) -> Result<Kubeconfig> {
        let (auth, _) = self.access(cx, cluster).await?;
        Ok(Kubeconfig {
            server: format!(
                "http://{}/api/{}/clusters/{cluster}",
                self.address, self.region
            ),
            certificate_authority: None,
            tls_server_name: None,
            auth,
        })
    }

    async fn credential(&self, cx: &Ctx, cluster: &ClusterName) -> Result<ExecCredential> {
        let (auth, expires) = self.access(cx, cluster).await?;
        Ok(ExecCredential {
            auth,
            expires: Some(expires),
        })
    }
}

fn resource(
    cluster: &ClusterName,
    id: &str,
    kind: &str,
    name: &str,
    needs: &[&str],
    region: &str,
) -> Resource {
    Resource {
        id: ResourceId::new(id),
        cluster: cluster.clone(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        needs: needs.iter().map(|it| ResourceId::new(*it)).collect(),
        want: json!({
            "place": format!("{region}/{kind}/{name}"),
            "tagged": !kind.contains("pools"),
            "body": { "name": name },
        }),
        usual: Duration::from_secs(360),
        limit: Duration::from_secs(1800),
    }
}

fn place(it: &Resource) -> String {
    text(&it.want["place"])
}

fn outputs(it: &Resource) -> Outputs {
    [("place".to_owned(), place(it))].into()
}

fn ready(seen: &Answer) -> bool {
    seen.as_ref().is_some_and(|it| it["state"] == "ready")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
