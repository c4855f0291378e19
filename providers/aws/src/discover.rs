//! Rebuilds what there is of clusters from tags alone: stacks, clusters, what is in them, and what controllers left behind.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use windlass_provider::{
    ClusterName, Ctx, Found, Owner, Regions, Resource, ResourceId, Result, Scope,
};

use crate::{
    addons,
    balancers::{self, Balancer},
    client::Client,
    cluster, ec2, eks, identities,
    leftovers::{self, Leftover, Place},
    logs, network, nodes,
    plan::{EARLY, LATE},
    stacks::{self, Stack},
    tagged,
    want::{
        CLUSTER, LOGS, NETWORK, NODES, NODES_GROUP, Piece, Shape, VPC, Want, add_on_id,
        identity_id, log_group_name, nodes_id, stack_name,
    },
};

/// Finds what there is, in the regions of the scope.
pub(crate) async fn discover(client: &Client, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Found>> {
    if scope.regions == Regions::Configured {
        return region(client, cx, scope.cluster).await;
    }
    let regions = ec2::regions(client, cx).await?;
    let here = client.region().to_owned();
    let looks = regions.iter().map(|name| {
        let client = client.within(name);
        let here = &here;
        async move {
            let mut found = region(&client, cx, scope.cluster).await?;
            if name != here {
                found.iter_mut().for_each(|it| move_to(it, name));
            }
            Ok::<_, windlass_provider::Error>(found)
        }
    });
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}

/// Gives what is in another region ids of its own: a cluster there may have the name of one here.
fn move_to(found: &mut Found, region: &str) {
    let rename = |id: &ResourceId| ResourceId::new(format!("{id}-{region}"));
    let resource = &mut found.resource;
    resource.id = rename(&resource.id);
    resource.needs = resource.needs.iter().map(rename).collect();
}

/// Finds what there is in one region.
async fn region(client: &Client, cx: &Ctx, only: Option<&ClusterName>) -> Result<Vec<Found>> {
    let (stacks, names) = match only {
        Some(name) => {
            let stack = stacks::describe(client, cx, &stack_name(name)).await?;
            (stack.into_iter().collect(), vec![name.clone()])
        }
        None => {
            let mut stacks = stacks::all(client, cx).await?;
            // Another stack of ours, in the account of a user of Crossplane's, say, is none of a network.
            stacks.retain(|stack| {
                stack.status != "DELETE_COMPLETE"
                    && tagged::is_ours(&stack.tags)
                    && stack.name.starts_with("windlass-")
            });
            let names = names(client, cx, &stacks).await?;
            (stacks, names)
        }
    };
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let balancers = balancers::all(client, cx).await?;
    let mut all = Vec::new();
    for name in &names {
        let stack = stacks.iter().find(|it| it.name == stack_name(name));
        let look = Look {
            client,
            cx,
            name,
            balancers: &balancers,
        };
        all.extend(look.find(stack).await?);
    }
    Ok(all)
}

/// Returns the names of all clusters of which there is anything.
async fn names(client: &Client, cx: &Ctx, stacks: &[Stack]) -> Result<Vec<ClusterName>> {
    let mut names: BTreeSet<ClusterName> = BTreeSet::new();
    for stack in stacks {
        // The name of the stack tells where the tag cannot be read.
        let name = stack.name.strip_prefix("windlass-");
        names.extend(name.and_then(|name| name.parse::<ClusterName>().ok()));
    }
    for name in eks::clusters(client, cx).await? {
        match name.parse() {
            Ok(name) => {
                names.insert(name);
            }
            // Somebody else's cluster may have a name that none of ours can have.
            Err(_) => cx.progress.say(format!(
                "EKS cluster {name} is not windlass's and is left out: its name could not be"
            )),
        }
    }
    names.extend(leftovers::clusters(client, cx).await?);
    Ok(names.into_iter().collect())
}

struct Look<'a> {
    client: &'a Client,
    cx: &'a Ctx,
    name: &'a ClusterName,
    balancers: &'a [Balancer],
}

impl Look<'_> {
    fn resource(
        &self,
        piece: Piece,
        id: &str,
        name: String,
        needs: Vec<ResourceId>,
    ) -> Result<Resource> {
        let minutes = piece.minutes();
        let want = Want {
            region: self.client.region().to_owned(),
            piece,
        };
        want.resource(Shape {
            id: id.to_owned(),
            cluster: self.name,
            name,
            needs,
            minutes,
        })
    }

    /// Finds what there is of the cluster, in the order of its making.
    async fn find(&self, stack: Option<&Stack>) -> Result<Vec<Found>> {
        let (client, cx, name) = (self.client, self.cx, self.name.as_str());
        let cluster = eks::describe(client, cx, name).await?;
        if let Some(cluster) = &cluster
            && tagged::judge(&tagged::of(&cluster["tags"])).0 == Owner::Foreign
        {
            let resource =
                self.resource(Piece::Cluster(None), CLUSTER, name.to_owned(), Vec::new())?;
            let (observed, tags) = cluster::describe(cluster, None);
            let mut all: Vec<Found> = self.network(stack)?;
            all.push(Found {
                resource,
                observed,
                tags,
            });
            return Ok(all);
        }
        let mut all = self.network(stack)?;
        let mut needs: Vec<ResourceId> = vec![ResourceId::new(NETWORK)];
        if let Some(group) = logs::find(client, cx, &log_group_name(self.name)).await?
            && let ours = cluster.is_some()
            && let (observed, tags) = logs::describe(&group, ours, None)
            && observed.owner == Owner::Ours
        {
            let resource = self.resource(Piece::Logs(None), LOGS, group.name, Vec::new())?;
            needs.push(resource.id.clone());
            all.push(Found {
                resource,
                observed,
                tags,
            });
        }
        for leftover in self.leftovers(stack, cluster.as_ref()).await? {
            // What is left goes when nobody makes it again: after the cluster.
            needs.push(leftover.resource.id.clone());
            all.push(leftover);
        }
        let Some(cluster) = cluster else {
            return Ok(all);
        };
        let resource = self.resource(Piece::Cluster(None), CLUSTER, name.to_owned(), needs)?;
        let (observed, tags) = cluster::describe(&cluster, None);
        all.push(Found {
            resource,
            observed,
            tags,
        });
        all.extend(self.parts().await?);
        Ok(all)
    }

    fn network(&self, stack: Option<&Stack>) -> Result<Vec<Found>> {
        let Some(stack) = stack else {
            return Ok(Vec::new());
        };
        let (observed, tags) = network::describe(stack, None);
        if observed.owner == Owner::Foreign {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        let mut needs = Vec::new();
        if let Some(vpc) = stack.parameters.get("Vpc").filter(|vpc| !vpc.is_empty()) {
            let resource = self.resource(Piece::Vpc, VPC, vpc.clone(), Vec::new())?;
            needs.push(resource.id.clone());
            all.push(Found {
                resource,
                observed: foreign(),
                tags: None,
            });
        }
        all.push(Found {
            resource: self.resource(Piece::Stack(None), NETWORK, stack.name.clone(), needs)?,
            observed,
            tags,
        });
        Ok(all)
    }

    async fn leftovers(
        &self,
        stack: Option<&Stack>,
        cluster: Option<&serde_json::Value>,
    ) -> Result<Vec<Found>> {
        let made = stack.filter(|stack| stack.parameters.get("Vpc").is_none_or(String::is_empty));
        let place = Place {
            cluster: self.name,
            vpc: made
                .and_then(|stack| stack.outputs.get("Vpc"))
                .map(String::as_str),
            live: cluster.is_some(),
        };
        let mut found = leftovers::find(self.client, self.cx, place, self.balancers).await?;
        let issuer = cluster.and_then(|it| it["identity"]["oidc"]["issuer"].as_str());
        if let Some(issuer) = issuer {
            let made = leftovers::open_id(self.client, self.cx, issuer).await?;
            found.extend(made);
        }
        let region = self.client.region();
        let all = found
            .iter()
            .map(|it: &Leftover| it.found(self.name, region, &found));
        all.collect()
    }

    /// Finds what is in the cluster: add-ons and node groups, in the order of their making.
    async fn parts(&self) -> Result<Vec<Found>> {
        let (client, cx, name) = (self.client, self.cx, self.name.as_str());
        let on_cluster = vec![ResourceId::new(CLUSTER)];
        let names = eks::add_ons(client, cx, name).await?;
        let (late, early): (Vec<String>, Vec<String>) = names
            .into_iter()
            .partition(|name| LATE.contains(&name.as_str()));
        let place = |name: &String, order: &[&str]| {
            let at = order.iter().position(|it| it == name);
            (at.unwrap_or(order.len()), name.clone())
        };
        let sorted = |mut names: Vec<String>, order: &[&str]| {
            names.sort_by_key(|name| place(name, order));
            names
        };
        let mut all = Vec::new();
        for add_on in sorted(early, &EARLY) {
            all.extend(self.add_on(add_on, on_cluster.clone()).await?);
        }
        for (controller, seen) in identities::all(client, cx, name).await? {
            let (observed, tags) = identities::describe(&seen);
            let id = identity_id(controller);
            let full = format!("{name}/{controller}");
            all.push(Found {
                resource: self.resource(
                    Piece::Identity(None),
                    id.as_str(),
                    full,
                    on_cluster.clone(),
                )?,
                observed,
                tags,
            });
        }
        let before: Vec<ResourceId> = on_cluster
            .iter()
            .cloned()
            .chain(EARLY.map(add_on_id))
            .collect();
        let mut groups = eks::groups(client, cx, name).await?;
        groups.sort_by_key(|group| (group != NODES_GROUP, group.clone()));
        for group in groups {
            // It may go while it is looked at.
            let Some(seen) = eks::nodes(client, cx, name, &group).await? else {
                continue;
            };
            let (observed, tags) = nodes::describe(&seen, None);
            let id = nodes_id(&group);
            let full = format!("{name}/{group}");
            all.push(Found {
                resource: self.resource(Piece::Nodes(None), id.as_str(), full, before.clone())?,
                observed,
                tags,
            });
        }
        let on_nodes = vec![ResourceId::new(CLUSTER), ResourceId::new(NODES)];
        for add_on in sorted(late, &LATE) {
            all.extend(self.add_on(add_on, on_nodes.clone()).await?);
        }
        Ok(all)
    }

    async fn add_on(&self, add_on: String, needs: Vec<ResourceId>) -> Result<Option<Found>> {
        let name = self.name.as_str();
        let Some(seen) = eks::add_on(self.client, self.cx, name, &add_on).await? else {
            return Ok(None);
        };
        let (observed, tags) = addons::describe(&add_on, &seen, None);
        let id = add_on_id(&add_on);
        let full = format!("{name}/{add_on}");
        Ok(Some(Found {
            resource: self.resource(Piece::AddOn(None), id.as_str(), full, needs)?,
            observed,
            tags,
        }))
    }
}

/// Returns the observation of something that somebody else made, and that is used.
pub(crate) fn foreign() -> windlass_provider::Observed {
    windlass_provider::Observed {
        state: windlass_provider::State::Ready,
        owner: Owner::Foreign,
        ..windlass_provider::Observed::missing()
    }
}
