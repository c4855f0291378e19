//! Rebuilds what there is of clusters from labels alone: projects, clusters, service accounts, and what controllers left behind.

use std::collections::BTreeSet;

use futures::future::{join4, try_join_all};
use serde_json::Value;
use windlass_provider::{
    ClusterName, Ctx, Error, Fault, Found, Owner, Regions, Resource, ResourceId, Result, Scope,
    Tags,
};

use crate::{
    accounts,
    client::Client,
    cluster, facts, gke, labels,
    leftovers::{self, Nodes, Survey},
    nat, pools, project,
    refusal::Answer,
    want::{CLUSTER, NAT, NODES, NODES_POOL, PROJECT, Piece, Want, account_id, pool_id, region_of},
};

/// A project in which clusters may be.
#[derive(Clone, Debug)]
struct Project {
    id: String,
    /// What there is of it, where windlass made it.
    made: Option<Value>,
    /// Whether somebody named it: then it is an error that one may not look into it.
    named: bool,
}

/// Returns the projects in which clusters of the scope may be.
async fn projects(client: &Client, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Project>> {
    let named = client.session().project();
    let all = match scope.regions {
        Regions::Configured => project::ours(client, cx).await?,
        Regions::All => project::search(client, cx, "state:ACTIVE").await?,
    };
    let label = |it: &Value| it["labels"][Tags::CLUSTER].as_str().map(str::to_owned);
    let mut found: Vec<Project> = all
        .into_iter()
        .filter(|it| {
            let of_another = scope
                .cluster
                .is_some_and(|name| label(it).is_some_and(|label| label != name.as_str()));
            scope.regions == Regions::All || !of_another
        })
        .map(|it| Project {
            id: project::id(&it),
            made: label(&it).is_some().then_some(it),
            named: false,
        })
        .collect();
    if let Some(named) = named {
        match found.iter_mut().find(|it| it.id == named) {
            Some(project) => project.named = true,
            None => {
                // One that was just made is not found by a search yet.
                let made = match project::get(client, cx, &named).await {
                    Ok(Some(it)) if it["state"] == "ACTIVE" => Some(it),
                    Ok(_) => None,
                    Err(trouble) if trouble.is_denied() && client.session().creates_project() => {
                        None
                    }
                    Err(trouble) => return Err(trouble.into()),
                };
                if let Some(it) = made {
                    found.push(Project {
                        id: named,
                        made: label(&it).is_some().then_some(it),
                        named: true,
                    });
                }
            }
        }
        // The one that is named comes first.
        found.sort_by_key(|it| !it.named);
    } else if found.is_empty() && !client.session().creates_project() {
        return Err(facts::no_project());
    }
    Ok(found)
}

/// Finds what there is, in the projects of the scope.
pub(crate) async fn discover(client: &Client, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Found>> {
    let projects = projects(client, cx, scope).await?;
    let looks = projects.iter().map(|project| async move {
        match look(client, cx, project, scope).await {
            Ok(found) => Ok(found),
            Err(error)
                if error.fault == Fault::Denied && !project.named && project.made.is_none() =>
            {
                cx.progress.say(format!(
                    "project {} is left out: {}",
                    project.id,
                    error.to_line()
                ));
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    });
    let mut all: Vec<Found> = Vec::new();
    for (project, found) in projects.iter().zip(try_join_all(looks).await?) {
        let known: BTreeSet<ClusterName> =
            all.iter().map(|it| it.resource.cluster.clone()).collect();
        all.extend(found.into_iter().map(|mut it| {
            // A cluster in another project may have the name of one in an earlier one.
            if known.contains(&it.resource.cluster) {
                move_to(&mut it.resource, &project.id);
            }
            it
        }));
    }
    Ok(all)
}

/// Gives a resource an id of its own, and ids that fit it to what it needs.
fn move_to(resource: &mut Resource, place: &str) {
    let place = place.replace([':', '.'], "-");
    for id in std::iter::once(&mut resource.id).chain(&mut resource.needs) {
        *id = ResourceId::new(format!("{id}-{place}"));
    }
}

/// All that was read of a project.
struct Contents {
    clusters: Vec<Value>,
    /// Those that lie where nobody looks.
    elsewhere: Vec<Value>,
    accounts: Vec<Value>,
    routers: Vec<Value>,
    survey: Survey,
}

impl Contents {
    /// Leaves out what lies in another region than this place. What lies nowhere stays, unless it says whose it is.
    fn look_within(&mut self, place: &str) {
        let near = |it: Option<&str>| it.is_none_or(|it| region_of(it) == region_of(place));
        let (here, elsewhere) = std::mem::take(&mut self.clusters)
            .into_iter()
            .partition(|it| near(it["location"].as_str()));
        self.clusters = here;
        self.elsewhere = elsewhere;
        let accounts = &mut self.accounts;
        accounts.retain(|it| near(labels::location(&accounts::pairs(it))));
        self.routers.retain(|it| near(nat::region(it)));
        self.survey.look_within(near);
    }
}

async fn read(client: &Client, cx: &Ctx, project: &str) -> Answer<Contents> {
    let none_where_disabled = |found: Answer<Vec<Value>>| match found {
        // A project without the API has none.
        Err(trouble) if trouble.is_disabled() => Ok(Vec::new()),
        found => found,
    };
    let (clusters, accounts, routers, survey) = join4(
        gke::clusters(client, cx, project),
        accounts::all(client, cx, project),
        nat::everywhere(client, cx, project),
        leftovers::survey(client, cx, project),
    )
    .await;
    Ok(Contents {
        clusters: none_where_disabled(clusters)?,
        elsewhere: Vec::new(),
        accounts: none_where_disabled(accounts)?,
        routers: none_where_disabled(routers)?,
        survey: survey?,
    })
}

/// Finds what there is in one project.
async fn look(
    client: &Client,
    cx: &Ctx,
    project: &Project,
    scope: Scope<'_>,
) -> Result<Vec<Found>> {
    let place = match scope.regions {
        Regions::Configured => client.session().named_location(),
        Regions::All => None,
    };
    let mut contents = read(client, cx, &project.id).await?;
    // A project that windlass made is one cluster's, wherever that is.
    if let Some(place) = place.filter(|_| project.made.is_none()) {
        contents.look_within(place);
    }
    let names = match scope.cluster {
        Some(name) => BTreeSet::from([name.clone()]),
        None => names(cx, project, &contents),
    };
    let mut all = Vec::new();
    for name in &names {
        let look = Look {
            client,
            cx,
            project,
            contents: &contents,
            name,
        };
        all.extend(look.find().await?);
    }
    Ok(all)
}

/// Returns the names of all clusters of which there is anything.
fn names(cx: &Ctx, project: &Project, contents: &Contents) -> BTreeSet<ClusterName> {
    let mut names = leftovers::clusters(&contents.survey);
    if let Some(made) = &project.made {
        let label = made["labels"][Tags::CLUSTER].as_str();
        names.extend(label.and_then(|it| it.parse::<ClusterName>().ok()));
    }
    let accounts = contents.accounts.iter().map(accounts::pairs);
    let routers = contents.routers.iter().map(nat::pairs);
    for pairs in accounts.chain(routers) {
        names.extend(
            pairs
                .get(Tags::CLUSTER)
                .and_then(|it| it.parse::<ClusterName>().ok()),
        );
    }
    for cluster in &contents.clusters {
        let name = cluster["name"].as_str().unwrap_or_default();
        match name.parse() {
            Ok(name) => {
                names.insert(name);
            }
            // Somebody else's cluster may have a name that none of ours can have.
            Err(_) => cx.progress.say(format!(
                "GKE cluster {name} is not windlass's and is left out: its name could not be"
            )),
        }
    }
    names
}

struct Look<'a> {
    client: &'a Client,
    cx: &'a Ctx,
    project: &'a Project,
    contents: &'a Contents,
    name: &'a ClusterName,
}

impl Look<'_> {
    fn resource(
        &self,
        (location, piece): (&str, Piece),
        id: ResourceId,
        name: String,
        needs: Vec<ResourceId>,
    ) -> Result<Resource> {
        let want = Want {
            project: self.project.id.clone(),
            location: location.to_owned(),
            piece,
        };
        want.resource(self.name, id, name, needs)
    }

    /// Finds what there is of the cluster, in the order of its making.
    async fn find(&self) -> Result<Vec<Found>> {
        let of_name = self
            .contents
            .clusters
            .iter()
            .filter(|it| it["name"] == self.name.as_str());
        let (own, others): (Vec<&Value>, Vec<&Value>) =
            of_name.partition(|it| labels::is_ours(&labels::of(&it["resourceLabels"])));
        let mut all = self.project()?;
        let ground: Vec<ResourceId> = all.iter().map(|it| it.resource.id.clone()).collect();
        let (nodes, accounts): (Vec<&Value>, Vec<&Value>) = self
            .contents
            .accounts
            .iter()
            .filter(|it| labels::is_of(&accounts::pairs(it), self.name))
            .partition(|it| accounts::purpose(it) == NODES);
        let location = |it: &Value| it["location"].as_str().unwrap_or_default().to_owned();
        let home = own.first().map(|it| location(it)).unwrap_or_default();
        for account in nodes {
            all.push(self.account(account, &home, ground.clone())?);
        }
        let mut needs: Vec<ResourceId> = all
            .iter()
            .filter(|it| it.resource.id == account_id(NODES))
            .map(|it| it.resource.id.clone())
            .collect();
        let routers = self.contents.routers.iter();
        for router in routers.filter(|it| labels::is_of(&nat::pairs(it), self.name)) {
            let found = self.router(router, &needs)?;
            all.push(found);
        }
        needs.extend(
            all.iter()
                .filter(|it| it.resource.id == ResourceId::new(NAT))
                .map(|it| it.resource.id.clone()),
        );
        let of = (self.project.id.as_str(), self.name);
        // What other clusters of that name have is theirs.
        let namesakes = self.contents.elsewhere.iter();
        let namesakes: Vec<&Value> = namesakes
            .filter(|it| it["name"] == self.name.as_str())
            .chain(others.iter().copied())
            .collect();
        let survey = self.contents.survey.without(&namesakes);
        let (clusters, elsewhere) = (&self.contents.clusters, &self.contents.elsewhere);
        let is_own = |it: &Value| own.iter().any(|own| own["selfLink"] == it["selfLink"]);
        let not_own = clusters.iter().chain(elsewhere).filter(|it| !is_own(it));
        let nodes = Nodes::of(own.iter().copied(), not_own);
        let left = leftovers::find(self.client, self.cx, of, (&survey, &nodes))
            .await
            .map_err(Error::from)?;
        for leftover in &left {
            // What is left goes when nobody makes it again: after the cluster.
            let found = leftover.found(self.name, (&self.project.id, &home), &left)?;
            if leftover.is_proven() {
                needs.push(found.resource.id.clone());
            }
            all.push(found);
        }
        let mut known = None;
        // A second one of ours in another place is none that windlass makes, and is named nevertheless.
        for cluster in &own {
            let mut found = self.cluster(cluster, &location(cluster), &needs)?;
            if known.is_some() {
                found
                    .iter_mut()
                    .for_each(|it| move_to(&mut it.resource, &location(cluster)));
            }
            known.get_or_insert_with(|| found[0].resource.id.clone());
            all.extend(found);
        }
        if own.is_empty()
            && let Some(cluster) = others.first()
        {
            all.extend(self.cluster(cluster, &location(cluster), &[])?);
        }
        for account in accounts {
            let needs = known
                .iter()
                .chain(ground.iter().filter(|_| known.is_none()));
            all.push(self.account(account, &home, needs.cloned().collect())?);
        }
        Ok(all)
    }

    /// Returns the project, where windlass made it for the cluster.
    fn project(&self) -> Result<Vec<Found>> {
        let made = self.project.made.as_ref();
        let Some(made) = made.filter(|it| labels::is_of(&labels::of(&it["labels"]), self.name))
        else {
            return Ok(Vec::new());
        };
        let (observed, tags) = project::describe(made, None, None);
        let id = ResourceId::new(PROJECT);
        let piece = ("", Piece::Project(None));
        Ok(vec![Found {
            resource: self.resource(piece, id, self.project.id.clone(), Vec::new())?,
            observed,
            tags,
        }])
    }

    fn account(&self, account: &Value, location: &str, needs: Vec<ResourceId>) -> Result<Found> {
        let purpose = accounts::purpose(account);
        let email = account["email"].as_str().unwrap_or_default().to_owned();
        let (observed, tags) = accounts::describe(account, None, &[]);
        let id = account_id(&purpose);
        let piece = (location, Piece::Account(purpose, None));
        Ok(Found {
            resource: self.resource(piece, id, email, needs)?,
            observed,
            tags,
        })
    }

    fn router(&self, router: &Value, needs: &[ResourceId]) -> Result<Found> {
        let (observed, tags) = nat::describe(router, None);
        let name = router["name"].as_str().unwrap_or_default().to_owned();
        let piece = (nat::region(router).unwrap_or_default(), Piece::Nat(None));
        Ok(Found {
            resource: self.resource(piece, ResourceId::new(NAT), name, needs.to_vec())?,
            observed,
            tags,
        })
    }

    /// Returns a cluster, with its further node pools.
    fn cluster(&self, cluster: &Value, location: &str, needs: &[ResourceId]) -> Result<Vec<Found>> {
        let id = ResourceId::new(CLUSTER);
        let (observed, tags) = cluster::describe(cluster, None);
        let owner = observed.owner;
        let piece = (location, Piece::Cluster(None));
        let name = self.name.to_string();
        let mut all = vec![Found {
            resource: self.resource(piece, id.clone(), name, needs.to_vec())?,
            observed,
            tags,
        }];
        // Those of an Autopilot cluster are nobody's business.
        if owner == Owner::Foreign || cluster["autopilot"]["enabled"] == true {
            return Ok(all);
        }
        let mut further: Vec<&Value> = cluster["nodePools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|pool| pool["name"] != NODES_POOL)
            .collect();
        further.sort_by_key(|pool| pool["name"].as_str());
        for pool in further {
            let name = pool["name"].as_str().unwrap_or_default();
            let (observed, tags) = pools::describe(pool, None);
            let piece = (location, Piece::Pool(None));
            let whole = format!("{}/{name}", self.name);
            all.push(Found {
                resource: self.resource(piece, pool_id(name), whole, vec![id.clone()])?,
                observed,
                tags,
            });
        }
        Ok(all)
    }
}

/// Returns the cluster of a name, with its project: one of windlass's before one of others.
pub(crate) async fn locate(
    client: &Client,
    cx: &Ctx,
    name: &ClusterName,
) -> Result<Option<(String, Value)>> {
    let mut others = Vec::new();
    for project in projects(client, cx, Scope::of(name)).await? {
        let clusters = match gke::clusters(client, cx, &project.id).await {
            Ok(clusters) => clusters,
            Err(trouble) if trouble.is_disabled() => Vec::new(),
            Err(trouble) => return Err(trouble.into()),
        };
        for cluster in clusters {
            if cluster["name"] != name.as_str() {
                continue;
            }
            if labels::is_ours(&labels::of(&cluster["resourceLabels"])) {
                return Ok(Some((project.id, cluster)));
            }
            others.push((project.id.clone(), cluster));
        }
    }
    let here = client.session().location();
    let is_here =
        |it: &(String, Value)| here.as_ref().is_some_and(|here| it.1["location"] == **here);
    if let Some(at) = others.iter().position(is_here) {
        return Ok(Some(others.swap_remove(at)));
    }
    if others.len() > 1 {
        let places = others.iter().filter_map(|it| it.1["location"].as_str());
        let places: Vec<&str> = places.collect();
        return Err(Error::new(
            Fault::Invalid,
            format!(
                "there are {} GKE clusters \"{name}\", in {}: which one?",
                places.len(),
                places.join(" and ")
            ),
        )
        .hint(format!("name its place: --location {}", places[0])));
    }
    Ok(others.pop())
}
