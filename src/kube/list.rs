//! Reading objects: one, or all that a selector finds.

use std::collections::{BTreeMap, HashMap};

use kube::core::{Request, params::ListParams};
use serde_json::Value;
use windlass_provider::{Ctx, Error, Result};

use super::{Cluster, Kind, ObjectRef, client};

/// How many objects a page holds; client-go's own default.
const PAGE: u32 = 500;

/// Which objects of a kind are meant; the default means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector {
    /// As in "app=web".
    pub labels: Option<String>,
    /// As in "metadata.name=web"; few fields can be selected by.
    pub fields: Option<String>,
}

impl Selector {
    /// Selects by labels.
    pub fn labels(labels: impl Into<String>) -> Self {
        Self {
            labels: Some(labels.into()),
            fields: None,
        }
    }

    /// Selects the one object of that name.
    #[must_use]
    pub fn name(name: &str) -> Self {
        Self {
            labels: None,
            fields: Some(format!("metadata.name={name}")),
        }
    }
}

/// The objects that a list found, and the version from which a watch goes on.
pub(super) struct Listed {
    pub(super) objects: Vec<Value>,
    pub(super) version: String,
    /// Whether the cluster serves the kind at all.
    pub(super) served: bool,
}

/// How much of each object a list brings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    Whole,
    /// Metadata alone, which is far smaller.
    Metadata,
}

impl Cluster {
    /// Lists objects of a kind in a namespace, or in all, page by page. A kind that is not served has none.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn list(
        &self,
        cx: &Ctx,
        kind: &Kind,
        namespace: Option<&str>,
        selector: &Selector,
    ) -> Result<Vec<Value>> {
        let listed = self.pages(cx, kind, namespace, selector, Depth::Whole);
        Ok(listed.await?.objects)
    }

    /// Reads one object; `None` where it, or its kind, is not there.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn get(&self, cx: &Ctx, object: &ObjectRef) -> Result<Option<Value>> {
        let Some(kind) = self
            .find_kind(cx, &object.api_version, &object.kind)
            .await?
        else {
            return Ok(None);
        };
        let namespace = object.namespace.as_deref();
        let found = self
            .list(cx, &kind, namespace, &Selector::name(&object.name))
            .await?;
        Ok(found.into_iter().next())
    }

    /// Changes fields of an object that is there, by JSON merge patch (RFC 7386), and returns it; `null` removes a field.
    ///
    /// # Errors
    /// Those of the API; [`windlass_provider::Fault::Failed`] where the object is not there.
    pub async fn patch(&self, cx: &Ctx, object: &ObjectRef, patch: &Value) -> Result<Value> {
        let kind = self.kind(cx, &object.api_version, &object.kind).await?;
        let path = kind.path(object.namespace.as_deref());
        let request = Request::new(path)
            .patch(
                &object.name,
                &kube::core::params::PatchParams {
                    field_manager: Some(super::MANAGER.to_owned()),
                    ..Default::default()
                },
                &kube::core::params::Patch::Merge(patch),
            )
            .map_err(|error| client::built(&object.to_string(), &error))?;
        Ok(self.read(cx, &format!("change {object}"), request).await?)
    }

    pub(super) async fn pages(
        &self,
        cx: &Ctx,
        kind: &Kind,
        namespace: Option<&str>,
        selector: &Selector,
        depth: Depth,
    ) -> Result<Listed> {
        let doing = match namespace {
            Some(namespace) if kind.namespaced => format!("list {} in {namespace}", kind.plural),
            _ => format!("list {}", kind.plural),
        };
        let mut params = ListParams {
            label_selector: selector.labels.clone(),
            field_selector: selector.fields.clone(),
            limit: Some(PAGE),
            ..Default::default()
        };
        let mut listed = Listed {
            objects: Vec::new(),
            version: String::new(),
            served: true,
        };
        loop {
            let ask = Request::new(kind.path(namespace));
            let request = match depth {
                Depth::Whole => ask.list(&params),
                Depth::Metadata => ask.list_metadata(&params),
            };
            let request = request.map_err(|error| client::built(&doing, &error))?;
            let mut page = match self.read(cx, &doing, request).await {
                Ok(page) => page,
                Err(failure) if failure.is_unserved() => {
                    listed.served = false;
                    return Ok(listed);
                }
                Err(failure) => return Err(failure.into()),
            };
            if let Value::Array(items) = page["items"].take() {
                listed
                    .objects
                    .extend(items.into_iter().map(|item| named(kind, item)));
            }
            listed.version = text(&page["metadata"]["resourceVersion"]);
            match text(&page["metadata"]["continue"]) {
                done if done.is_empty() => return Ok(listed),
                more => params.continue_token = Some(more),
            }
        }
    }

    /// Reads many objects with few requests, side by side: one list for each kind and namespace. In their order.
    pub(super) async fn read_all(
        &self,
        cx: &Ctx,
        refs: &[ObjectRef],
        depth: Depth,
    ) -> Result<Vec<Option<Value>>> {
        let lists = groups(refs).into_iter().map(|group| async move {
            let kind = self.find_kind(cx, &group.api_version, &group.kind).await?;
            let Some(kind) = kind else {
                return Ok(Vec::new());
            };
            let namespace = group.namespace.as_deref();
            let listed = self.pages(cx, &kind, namespace, &group.selector, depth);
            Ok::<_, Error>(listed.await?.objects)
        });
        let mut found: HashMap<_, _> = futures::future::try_join_all(lists)
            .await?
            .into_iter()
            .flatten()
            .filter_map(|object| Some((ObjectRef::of(&object)?, object)))
            .collect();
        Ok(refs.iter().map(|name| found.remove(name)).collect())
    }
}

/// The objects of one kind in one namespace that are looked at together.
pub(super) struct Group {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) selector: Selector,
}

impl Group {
    /// Tells whether an object is one of the group's.
    pub(super) fn has(&self, name: &ObjectRef) -> bool {
        (&self.api_version, &self.kind, &self.namespace)
            == (&name.api_version, &name.kind, &name.namespace)
    }
}

/// Groups references by kind and namespace; a group of one is selected by its name.
pub(super) fn groups(refs: &[ObjectRef]) -> Vec<Group> {
    let mut groups = BTreeMap::<_, Vec<&str>>::new();
    for object in refs {
        groups
            .entry((&object.api_version, &object.kind, &object.namespace))
            .or_default()
            .push(&object.name);
    }
    groups
        .into_iter()
        .map(|((api_version, kind, namespace), names)| Group {
            api_version: api_version.clone(),
            kind: kind.clone(),
            namespace: namespace.clone(),
            selector: match names[..] {
                [name] => Selector::name(name),
                _ => Selector::default(),
            },
        })
        .collect()
}

/// Gives an object of a list its kind, which lists of built-in kinds leave out and lists of metadata replace.
pub(super) fn named(kind: &Kind, mut object: Value) -> Value {
    object["apiVersion"] = kind.api_version.as_str().into();
    object["kind"] = kind.kind.as_str().into();
    object
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
