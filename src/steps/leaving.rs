//! What an uninstall of a component would take along, and what it would leave: CRDs with their objects, volumes, a namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use windlass_provider::{Change, ClusterName, Ctx, Error, Fault, Provider, Result};

use super::{Connection, Steps};
use crate::{
    catalog::{self, Component},
    engine::Outcome,
    kube::{self, Cluster, Inventory, ObjectRef, Selector, Target},
};

/// The label that Flux puts on what a HelmRelease makes, CRDs too.
/// Source: <https://fluxcd.io/flux/components/helm/helmreleases/>
const FROM_RELEASE: &str = "helm.toolkit.fluxcd.io/name";

/// The end of the names of CRDs whose objects are packages of Crossplane.
const PACKAGES: &str = ".pkg.crossplane.io";

/// What a component would take along or leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaving {
    /// Its CRDs.
    pub definitions: Vec<Definition>,
    /// The namespace that windlass made for it and in which no other component lives.
    pub namespace: Option<String>,
    /// The claims to volumes in that namespace, as "PersistentVolumeClaim traefik/data".
    pub volumes: Vec<String>,
}

/// A CRD of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Why it stays when the component goes; `None`: it goes, and all objects of its kind with it.
    pub stays: Option<&'static str>,
    /// The objects of its kind that are not the component's own.
    pub objects: Vec<ObjectRef>,
    /// Whether one of them has a finalizer, which only the component's controllers take away.
    pub held: bool,
}

/// Looks at what components would take along or leave.
///
/// # Errors
/// Those of the provider and of the API.
pub async fn look_at_leaving(
    cx: &Ctx,
    connection: &Connection,
    provider: &Arc<dyn Provider>,
    name: &ClusterName,
    components: &[&Component],
) -> Result<BTreeMap<String, Leaving>> {
    let cluster = connection.open(cx, provider, name).await?;
    let inventory = Inventory::read(&cluster, cx).await?;
    let definitions = definitions(cx, &cluster).await?;
    let mut leaving = BTreeMap::new();
    // What goes with another component that goes is nothing that lives on, such as the certificate of its webhooks.
    let going: Vec<&str> = components.iter().map(|it| it.name.as_str()).collect();
    let made: Vec<&ObjectRef> = components
        .iter()
        .filter_map(|component| inventory.components.get(&component.name))
        .flat_map(kube::Component::all_objects)
        .collect();
    for component in components {
        let Some(entry) = inventory.components.get(&component.name) else {
            continue;
        };
        let mut found = Leaving::default();
        let mut packages: Vec<ObjectRef> = entry.extras.iter().flatten().cloned().collect();
        let more = self_made(cx, &cluster, &component.name, &packages).await?;
        packages.extend(more);
        for definition in &definitions {
            if let Some(stays) = belongs(definition, component, entry, &packages) {
                let objects = objects(cx, &cluster, definition, component, &going, &made).await?;
                found.definitions.push(Definition {
                    name: text(&definition["metadata"]["name"]),
                    stays,
                    held: objects.iter().any(has_finalizer),
                    objects: objects.iter().filter_map(ObjectRef::of).collect(),
                });
            }
        }
        let shared = inventory
            .components
            .iter()
            .any(|(other, it)| *other != component.name && it.namespace == entry.namespace);
        if inventory.namespaces.contains(&entry.namespace) && !shared {
            let claim = cluster.kind(cx, "v1", "PersistentVolumeClaim").await?;
            let claims = cluster
                .list(cx, &claim, Some(&entry.namespace), &Selector::default())
                .await?;
            found.volumes = claims
                .iter()
                .filter_map(ObjectRef::of)
                .map(|object| object.to_string())
                .collect();
            found.namespace = Some(entry.namespace.clone());
        }
        leaving.insert(component.name.clone(), found);
    }
    Ok(leaving)
}

async fn definitions(cx: &Ctx, cluster: &Cluster) -> Result<Vec<Value>> {
    let kind = cluster
        .kind(cx, "apiextensions.k8s.io/v1", "CustomResourceDefinition")
        .await?;
    cluster.list(cx, &kind, None, &Selector::default()).await
}

/// Returns whether a CRD is a component's, and if so why it would stay when that goes.
#[expect(
    clippy::option_option,
    reason = "whether it is one, and then whether it stays"
)]
fn belongs(
    definition: &Value,
    component: &Component,
    entry: &kube::Component,
    packages: &[ObjectRef],
) -> Option<Option<&'static str>> {
    let metadata = &definition["metadata"];
    let is_made = |object: &ObjectRef| {
        object.kind == "CustomResourceDefinition" && metadata["name"] == object.name.as_str()
    };
    if entry.objects.iter().any(is_made) {
        return Some(None);
    }
    if metadata["labels"][FROM_RELEASE] == component.name.as_str() {
        let kept = metadata["annotations"]["helm.sh/resource-policy"] == "keep";
        let rendered = metadata["labels"]["app.kubernetes.io/managed-by"] == "Helm";
        return Some(match (rendered, kept) {
            (true, true) => Some("the chart asks Helm to keep them"),
            (true, false) => None,
            (false, _) => Some("Helm never deletes the CRDs of a chart's own folder"),
        });
    }
    let group = definition["spec"]["group"].as_str().unwrap_or_default();
    // The kinds of composites and claims have whichever group their definition gives them.
    let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    let mut definitions = owners.filter_map(|owner| owner["apiVersion"].as_str());
    let defined = definitions.any(|version| {
        let mut groups = component.crd_groups.iter();
        groups.any(|group| version.starts_with(&format!("apiextensions.{group}/")))
    });
    if defined {
        return Some(Some("they go with what defines them"));
    }
    if is_owned(definition, component) {
        // A package of Crossplane's brought it, of whatever group, and takes it along where it goes itself.
        let references = metadata["ownerReferences"].as_array();
        let goes = references.into_iter().flatten().any(|owner| {
            let is_it = |it: &ObjectRef| owner["kind"] == *it.kind && owner["name"] == *it.name;
            packages.iter().any(is_it)
        });
        return Some((!goes).then_some("the package that brought them stays"));
    }
    is_below(group, component).then_some(Some("it made them itself, and never removes them"))
}

/// Returns the objects of a CRD's kind.
async fn instances(cx: &Ctx, cluster: &Cluster, definition: &Value) -> Result<Vec<Value>> {
    let spec = &definition["spec"];
    let served = spec["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|version| version["served"] == true)
        .and_then(|version| version["name"].as_str());
    let (Some(version), Some(kind)) = (served, spec["names"]["kind"].as_str()) else {
        return Ok(Vec::new());
    };
    let version = format!("{}/{version}", text(&spec["group"]));
    match cluster.find_kind(cx, &version, kind).await? {
        Some(kind) => cluster.list(cx, &kind, None, &Selector::default()).await,
        None => Ok(Vec::new()),
    }
}

/// Returns the objects of a CRD's kind that are neither the component's own, nor of the chart of one that is `going`, nor among
/// `made`.
async fn objects(
    cx: &Ctx,
    cluster: &Cluster,
    definition: &Value,
    component: &Component,
    going: &[&str],
    made: &[&ObjectRef],
) -> Result<Vec<Value>> {
    let mut found = instances(cx, cluster, definition).await?;
    found.retain(|object| {
        let own = catalog::is_self_made(&component.name, object)
            || is_owned(object, component)
            || ObjectRef::of(object).is_some_and(|it| {
                // Another version of its API names the same object.
                made.iter().any(|made| {
                    (&made.kind, &made.namespace, &made.name) == (&it.kind, &it.namespace, &it.name)
                        && made.group() == it.group()
                })
            });
        let labels = &object["metadata"]["labels"];
        // Flux makes one for each release whose chart is from a repository, and takes it away with that.
        let own = own
            || object["kind"] == "HelmChart"
                && made.iter().any(|it| {
                    let release = it.namespace.as_deref().unwrap_or_default();
                    let chart = format!("{release}-{}", it.name);
                    it.kind == "HelmRelease" && object["metadata"]["name"] == chart.as_str()
                });
        let name = format!(
            "{} {}",
            text(&object["kind"]),
            text(&object["metadata"]["name"])
        );
        let of = labels[FROM_RELEASE].as_str();
        !own && !of.is_some_and(|release| going.contains(&release))
            && !component.own_objects.contains(&name)
    });
    Ok(found)
}

/// Tells whether an object belongs to one of a component's: then it goes with that one, which is told of itself.
fn is_owned(object: &Value, component: &Component) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|owner| {
        let version = owner["apiVersion"].as_str().unwrap_or_default();
        is_below(version.split('/').next().unwrap_or_default(), component)
    })
}

/// Tells whether an API group is one of those that a component makes CRDs in.
fn is_below(group: &str, component: &Component) -> bool {
    let below = |of: &String| group == of || group.ends_with(&format!(".{of}"));
    component.crd_groups.iter().any(below)
}

/// Tells whether the objects of a CRD's kind only say how a provider of Crossplane's reaches its cloud.
fn is_config(definition: &Value) -> bool {
    let kind = definition["spec"]["names"]["kind"].as_str();
    let kind = kind.unwrap_or_default();
    kind.ends_with("ProviderConfig") || kind.ends_with("ProviderConfigUsage")
}

fn has_finalizer(object: &Value) -> bool {
    let finalizers = object["metadata"]["finalizers"].as_array();
    finalizers.is_some_and(|finalizers| !finalizers.is_empty())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn definition_ref(name: &str) -> ObjectRef {
    ObjectRef::cluster("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
}

/// Returns the packages that Crossplane installed itself because others needed them, and by whose kinds nothing lives but what
/// is `going`.
async fn self_made(
    cx: &Ctx,
    cluster: &Cluster,
    component: &str,
    going: &[ObjectRef],
) -> Result<Vec<ObjectRef>> {
    let mut made = Vec::new();
    if component != "crossplane" {
        return Ok(made);
    }
    for kind in ["Configuration", "Provider", "Function"] {
        if let Some(kind) = cluster.find_kind(cx, "pkg.crossplane.io/v1", kind).await? {
            let found = cluster.list(cx, &kind, None, &Selector::default()).await?;
            let own = found
                .iter()
                .filter(|it| catalog::is_self_made(component, it));
            made.extend(own.filter_map(ObjectRef::of));
        }
    }
    let mut used = Vec::new();
    for definition in definitions(cx, cluster).await? {
        let owners = definition["metadata"]["ownerReferences"].as_array();
        let owners: Vec<&Value> = owners.into_iter().flatten().collect();
        let owner = made.iter().find(|it| {
            let is_it = |owner: &&Value| owner["kind"] == *it.kind && owner["name"] == *it.name;
            owners.iter().any(is_it)
        });
        if let Some(owner) = owner
            && !used.contains(owner)
        {
            let living = instances(cx, cluster, &definition).await?;
            let others = |it: &ObjectRef| !going.contains(it);
            if living
                .iter()
                .filter_map(ObjectRef::of)
                .any(|it| others(&it))
            {
                used.push(owner.clone());
            }
        }
    }
    made.retain(|package| !used.contains(package));
    Ok(made)
}

impl Steps {
    /// Refuses to remove objects as long as others live by them: the kinds that a package brought would go with it, and with
    /// them those that would be left in a cloud.
    ///
    /// # Errors
    /// What lives, by name.
    pub(super) async fn check_unused(&self, cx: &Ctx, going: &[Vec<ObjectRef>]) -> Result<()> {
        let mut owners: Vec<ObjectRef> = going.iter().flatten().cloned().collect();
        owners.retain(|object| object.group() == "pkg.crossplane.io");
        if owners.is_empty() {
            return Ok(());
        }
        let cluster = self.cluster(cx).await?;
        let owned = |object: &Value, owners: &[ObjectRef]| {
            let references = object["metadata"]["ownerReferences"].as_array();
            references.into_iter().flatten().any(|reference| {
                owners.iter().any(|owner| {
                    reference["kind"] == *owner.kind && reference["name"] == *owner.name
                })
            })
        };
        let composites = (
            "apiextensions.crossplane.io/v1",
            "CompositeResourceDefinition",
        );
        if let Some(kind) = cluster.find_kind(cx, composites.0, composites.1).await? {
            let all = cluster.list(cx, &kind, None, &Selector::default()).await?;
            let theirs = all.iter().filter(|object| owned(object, &owners));
            let theirs: Vec<ObjectRef> = theirs.filter_map(ObjectRef::of).collect();
            owners.extend(theirs);
        }
        let mut living = Vec::new();
        for definition in definitions(cx, &cluster).await? {
            if owned(&definition, &owners) && !is_config(&definition) {
                let found = instances(cx, &cluster, &definition).await?;
                living.extend(found.iter().filter_map(ObjectRef::of));
            }
        }
        let Some(first) = living.first() else {
            return Ok(());
        };
        let more = match living.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Err(Error::new(
            Fault::Invalid,
            format!(
                "{} is not wanted any more, and {first}{more} live by it",
                owners[0]
            ),
        )
        .hint("delete them first, and wait until they are gone: windlass crossplane drain"))
    }

    /// Deletes the packages that Crossplane installed itself because others needed them.
    pub(super) async fn remove_self_made(&self, cx: &Ctx, component: &str) -> Result<()> {
        let cluster = self.cluster(cx).await?;
        let going = self_made(cx, &cluster, component, &[]).await?;
        cluster.delete_and_wait(cx, &going).await.map(drop)
    }

    /// Deletes the objects of a component's CRDs while its controllers still live, and waits until they are gone: what holds
    /// something in a cloud first, as destroy does it, and packages, which bring controllers, last.
    pub(super) async fn empty_definitions(
        &self,
        cx: &Ctx,
        component: &str,
        names: &[String],
    ) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        let (Some(entry), Some(known)) = (
            inventory.components.get(component),
            self.catalog.get(component),
        ) else {
            return Ok(Outcome::of(Change::Absent));
        };
        let mut outcome = Outcome::of(Change::Removed);
        let how = kube::How {
            groups: known.crd_groups.clone(),
            ..self.drain.clone()
        };
        let mut kept = BTreeSet::new();
        for target in [Target::Claims, Target::Managed] {
            if known.crd_groups.is_empty() {
                continue;
            }
            let drained = cluster.drain(cx, target, &how).await?;
            kube::add_kept(&mut kept, drained.kept);
            outcome.gone.extend(drained.removed);
        }
        outcome.kept = kept.into_iter().collect();
        for packages in [false, true] {
            let mut refs = Vec::new();
            for definition in definitions(cx, &cluster).await? {
                let name = text(&definition["metadata"]["name"]);
                if !names.contains(&name) || (!packages && name.ends_with(PACKAGES)) {
                    continue;
                }
                let made: Vec<&ObjectRef> = entry.all_objects().collect();
                let objects =
                    objects(cx, &cluster, &definition, known, &[component], &made).await?;
                refs.extend(objects.iter().filter_map(ObjectRef::of));
            }
            cluster.delete_and_wait(cx, &refs).await?;
            let gone = refs.iter().map(ToString::to_string);
            let new = gone.filter(|it| !outcome.gone.iter().any(|line| kube::name_in(line) == it));
            let new: Vec<String> = new.collect();
            outcome.gone.extend(new);
        }
        Ok(outcome)
    }

    /// Deletes CRDs, and waits until they are gone.
    pub(super) async fn remove_definitions(&self, cx: &Ctx, names: &[String]) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let refs: Vec<ObjectRef> = names.iter().map(|name| definition_ref(name)).collect();
        let removed = cluster.delete_and_wait(cx, &refs).await?;
        let any = removed.contains(&Change::Removed);
        Ok(Outcome::of(if any {
            Change::Removed
        } else {
            Change::Absent
        }))
    }
}
