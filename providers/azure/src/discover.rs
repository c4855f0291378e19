//! Rebuilds what there is of clusters from tags alone: groups, clusters, pools, identities, and what is left of what is gone.

use std::collections::BTreeSet;

use serde_json::Value;
use windlass_provider::{
    ClusterName, Ctx, Found, Observed, Owner, Regions, Resource, Result, Scope, State, Tags,
};

use crate::{
    client::Client,
    cluster, extension, group,
    identities::{self, CONTROLLERS},
    pools,
    refusal::Answer,
    roles, tagged, vaults,
    want::{
        CLUSTER, CLUSTER_IDENTITY, FLUX_EXTENSION, GROUP, IDENTITY_API, Left, Piece, Place,
        RESOURCES_API, ROLES_API, Want, at, cluster_identity_name, controller_id,
        controller_identity_name, node_group_name, pool_id,
    },
};

/// All of the subscription that may be a part of some cluster.
struct Stock {
    groups: Vec<Value>,
    clusters: Vec<Value>,
    identities: Vec<Value>,
    roles: Vec<Value>,
    /// Key vaults that are deleted and can be recovered.
    vaults: Vec<Value>,
    /// Where alone is looked.
    location: Option<String>,
}

/// Returns a location as Azure names it, however it is written: "West Europe" is westeurope.
fn plain(location: &str) -> String {
    location.replace(' ', "").to_lowercase()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn named(thing: &Value) -> Option<ClusterName> {
    let tags = tagged::of(thing);
    tags.get(Tags::CLUSTER)?.parse().ok()
}

/// Returns whether AKS made a group for nodes. Its name does not tell: a cluster may be called "x-nodes".
fn is_of_nodes(group: &Value) -> bool {
    !group["managedBy"].is_null()
}

/// Finds what there is, in the locations of the scope: where no settings name one, that is the whole subscription, which is one list.
pub(crate) async fn discover(client: &Client, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Found>> {
    let place = Place {
        subscription: client.subscription(cx).await?,
        ..Place::default()
    };
    let mut stock = take_stock(client, cx, &place).await?;
    if scope.regions == Regions::Configured {
        stock.location = client.session().access.location.as_deref().map(plain);
    }
    let names = match scope.cluster {
        Some(name) => vec![name.clone()],
        None => stock.names(),
    };
    let mut all = Vec::new();
    for name in &names {
        let look = Look {
            client,
            cx,
            name,
            stock: &stock,
            place: &place,
        };
        all.extend(look.find().await?);
    }
    Ok(all)
}

async fn take_stock(client: &Client, cx: &Ctx, place: &Place) -> Answer<Stock> {
    let root = place.root();
    let list =
        async |what: &str, path: String| client.list(cx, &format!("list {what}"), path).await;
    let identities = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities";
    let roles = "/providers/Microsoft.Authorization/roleAssignments";
    Ok(Stock {
        groups: list(
            "the resource groups",
            at(&format!("{root}/resourcegroups"), RESOURCES_API),
        )
        .await?,
        clusters: cluster::all(client, cx, place).await?,
        identities: list(
            "the managed identities",
            at(&format!("{root}{identities}"), IDENTITY_API),
        )
        .await?,
        roles: list("the roles", at(&format!("{root}{roles}"), ROLES_API)).await?,
        vaults: vaults::deleted(client, cx, place).await?,
        location: None,
    })
}

impl Stock {
    /// Returns the names of all clusters of which there is anything.
    fn names(&self) -> Vec<ClusterName> {
        let tagged = self
            .groups
            .iter()
            .chain(&self.clusters)
            .chain(&self.identities)
            .filter(|it| self.is_within(it));
        let mut names: BTreeSet<ClusterName> = tagged.filter_map(named).collect();
        // Those of others may have names that none of ours can have.
        let called = self.clusters.iter().filter(|it| self.is_within(it));
        let called = called.filter(|it| !tagged::is_ours(it));
        names.extend(called.filter_map(|it| text(it, "name").parse::<ClusterName>().ok()));
        let groups = self.groups.iter().filter(|it| self.is_within(it));
        names.extend(groups.filter_map(node_group_of));
        names.extend(self.lost_roles().filter_map(roles::marked));
        names.into_iter().collect()
    }

    /// Returns whether something lies where is looked.
    fn is_within(&self, thing: &Value) -> bool {
        let wanted = self.location.as_ref();
        wanted.is_none_or(|wanted| plain(text(thing, "location")) == *wanted)
    }

    /// Returns the roles that windlass gave to identities that are gone.
    fn lost_roles(&self) -> impl Iterator<Item = &Value> {
        self.roles.iter().filter(|role| {
            let principal = &role["properties"]["principalId"];
            let lives = |it: &Value| it["properties"]["principalId"] == *principal;
            roles::marked(role).is_some() && !self.identities.iter().any(lives)
        })
    }
}

/// Returns the cluster for whose nodes AKS made a group.
fn node_group_of(group: &Value) -> Option<ClusterName> {
    let name = text(group, "name").strip_prefix("windlass-")?;
    let name = name.strip_suffix("-nodes")?.parse().ok()?;
    is_of_nodes(group).then_some(name)
}

struct Look<'a> {
    client: &'a Client,
    cx: &'a Ctx,
    name: &'a ClusterName,
    stock: &'a Stock,
    /// The subscription.
    place: &'a Place,
}

impl Look<'_> {
    /// Returns where something lies.
    fn place_of(&self, thing: &Value) -> Place {
        let group = cluster::group_of(text(thing, "id")).unwrap_or_default();
        Place {
            subscription: self.place.subscription.clone(),
            group: group.to_owned(),
            location: text(thing, "location").to_owned(),
        }
    }

    fn resource(
        &self,
        place: &Place,
        piece: Piece,
        id: &str,
        name: &str,
        needs: &[&str],
    ) -> Result<Resource> {
        let want = Want {
            place: place.clone(),
            piece,
        };
        want.resource(self.name, id, name.to_owned(), needs)
    }

    /// Finds what there is of the cluster, in the order of its making.
    async fn find(&self) -> Result<Vec<Found>> {
        let stock = self.stock;
        let ours = |it: &&Value| named(it).as_ref() == Some(self.name) && stock.is_within(it);
        let own_group = stock.groups.iter().filter(|it| !is_of_nodes(it)).find(ours);
        let own = stock.clusters.iter().find(ours);
        let of_name = |it: &&Value| {
            text(it, "name") == self.name.as_str() && !tagged::is_ours(it) && stock.is_within(it)
        };
        if own.is_none()
            && own_group.is_none()
            && let Some(theirs) = stock.clusters.iter().find(of_name)
        {
            let place = self.place_of(theirs);
            let (observed, tags) = cluster::describe(theirs, None);
            let piece = Piece::Cluster(None);
            let resource = self.resource(&place, piece, CLUSTER, self.name.as_str(), &[])?;
            return Ok(vec![Found {
                resource,
                observed,
                tags,
            }]);
        }
        let mut all = Vec::new();
        all.extend(self.group(own_group, own)?);
        all.extend(self.leftovers(own.is_some())?);
        let mut needs = vec![GROUP];
        let own_identity = cluster_identity_name(self.name);
        if let Some(found) = self
            .identity(
                &own_identity,
                Piece::ClusterIdentity(None),
                CLUSTER_IDENTITY,
                &needs,
            )
            .await?
        {
            needs.push(CLUSTER_IDENTITY);
            all.push(found);
        }
        if let Some(cluster) = own {
            let place = self.place_of(cluster);
            let (observed, tags) = cluster::describe(cluster, None);
            let name = text(cluster, "name");
            all.push(Found {
                resource: self.resource(&place, Piece::Cluster(None), CLUSTER, name, &needs)?,
                observed,
                tags,
            });
            for pool in pools::others(self.client, self.cx, &place, name).await? {
                let (observed, tags) = pools::describe(&pool, None);
                let pool = text(&pool, "name");
                let full = format!("{name}/{pool}");
                let piece = Piece::Pool(None);
                all.push(Found {
                    resource: self.resource(&place, piece, &pool_id(pool), &full, &[CLUSTER])?,
                    observed,
                    tags,
                });
            }
            if let Some(flux) = extension::get(self.client, self.cx, &place, name).await? {
                let full = format!("{name}/flux");
                all.push(Found {
                    resource: self.resource(
                        &place,
                        Piece::Flux,
                        FLUX_EXTENSION,
                        &full,
                        &[CLUSTER],
                    )?,
                    observed: extension::describe(&flux),
                    tags: None,
                });
            }
        }
        for controller in &CONTROLLERS {
            let name = controller_identity_name(self.name, controller.name);
            let piece = Piece::Controller(controller.name.to_owned(), None);
            let id = controller_id(controller.name);
            all.extend(self.identity(&name, piece, &id, &[GROUP, CLUSTER]).await?);
        }
        Ok(all)
    }

    /// Returns the group: ours, or somebody's in which the cluster is.
    fn group(&self, own: Option<&Value>, cluster: Option<&Value>) -> Result<Option<Found>> {
        let within = cluster.map(|cluster| self.place_of(cluster).group);
        let named = |it: &&Value| {
            let group = within.as_ref();
            group.is_some_and(|group| group.eq_ignore_ascii_case(text(it, "name")))
        };
        let Some(found) = own.or_else(|| self.stock.groups.iter().find(named)) else {
            return Ok(None);
        };
        let name = text(found, "name");
        let place = Place {
            subscription: self.place.subscription.clone(),
            group: name.to_owned(),
            location: text(found, "location").to_owned(),
        };
        let (observed, tags) = group::describe(found, &place, None);
        Ok(Some(Found {
            resource: self.resource(&place, Piece::Group(None), GROUP, name, &[])?,
            observed,
            tags,
        }))
    }

    async fn identity(
        &self,
        name: &str,
        piece: Piece,
        id: &str,
        needs: &[&str],
    ) -> Result<Option<Found>> {
        let ours = |it: &&Value| {
            let of = named(it);
            text(it, "name") == name && of.as_ref() == Some(self.name) && self.stock.is_within(it)
        };
        let Some(found) = self.stock.identities.iter().find(ours) else {
            return Ok(None);
        };
        let place = self.place_of(found);
        let (observed, tags) =
            identities::describe(self.client, self.cx, &place, found, None).await?;
        Ok(Some(Found {
            resource: self.resource(&place, piece, id, name, needs)?,
            observed,
            tags,
        }))
    }

    /// Returns what is left of what is gone: the group of nodes where the cluster is not there any more, and roles of nobody.
    fn leftovers(&self, live: bool) -> Result<Vec<Found>> {
        let mut all = Vec::new();
        let called = node_group_name(self.name);
        let nodes = self.stock.groups.iter();
        let nodes = nodes.filter(|it| self.stock.is_within(it));
        let mut nodes = nodes.filter(|it| text(it, "name") == called && is_of_nodes(it));
        if let Some(group) = nodes.next().filter(|_| !live) {
            let piece = Piece::Leftover(Left::NodeGroup, text(group, "id").to_owned());
            all.push(self.leftover(piece, "node-group", &called)?);
        }
        for vault in self
            .stock
            .vaults
            .iter()
            .filter(|it| vaults::is_of(it, self.name))
        {
            let name = text(vault, "name");
            let piece = Piece::Leftover(Left::DeletedVault, text(vault, "id").to_owned());
            let mut found = self.leftover(piece, &format!("deleted-vault-{name}"), name)?;
            found.observed = vaults::describe(vault);
            all.push(found);
        }
        for role in self.stock.lost_roles() {
            if roles::marked(role).as_ref() == Some(self.name) {
                let name = text(role, "name");
                let piece = Piece::Leftover(Left::RoleAssignment, text(role, "id").to_owned());
                all.push(self.leftover(piece, &format!("role-assignment-{name}"), name)?);
            }
        }
        Ok(all)
    }

    fn leftover(&self, piece: Piece, id: &str, name: &str) -> Result<Found> {
        Ok(Found {
            resource: self.resource(self.place, piece, id, name, &[GROUP])?,
            observed: there(),
            tags: None,
        })
    }
}

/// Returns the observation of something that is left over.
pub(crate) fn there() -> Observed {
    Observed {
        state: State::Ready,
        owner: Owner::Ours,
        ..Observed::missing()
    }
}
