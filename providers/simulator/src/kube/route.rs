//! What the path and the method of a request ask for: a kind, perhaps an object or a part of it, and a verb.

use super::{
    convert, kinds::Kind, request::Request, selector::Selector, state::State, status::Status,
    store::Key,
};
use std::sync::Arc;

/// What a path names.
pub(super) struct Target {
    pub(super) kind: Arc<Kind>,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) part: Option<String>,
    watch: bool,
}

impl Target {
    /// Returns the key of the object that the path names.
    pub(super) fn key(&self) -> Key {
        Key {
            group: convert::storage_group(&self.kind),
            kind: self.kind.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone().unwrap_or_default(),
        }
    }
}

/// Finds what a path names; `None` where not even its group is known.
pub(super) fn route(state: &State, segments: &[&str]) -> Result<Option<Target>, Status> {
    let (group, version, mut rest) = match segments {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Ok(None),
    };
    let Some(found) = state.registry.group(group) else {
        return Ok(None);
    };
    let watch = matches!(rest, ["watch", _, ..]);
    if watch {
        rest = &rest[1..];
    }
    let owned = |text: &&str| Some((*text).to_owned());
    let resource = |plural: &str| state.registry.resource(group, version, plural).cloned();
    let target = |kind: Option<Arc<Kind>>, namespace: Option<String>, rest: &[&str]| {
        let kind = kind?;
        let part = rest.get(1).and_then(owned);
        Some(Target {
            kind,
            namespace,
            name: rest.first().and_then(owned),
            part,
            watch,
        })
    };
    let target = match rest {
        ["namespaces", namespace, plural, rest @ ..]
            if resource(plural).is_some_and(|kind| kind.namespaced) =>
        {
            target(resource(plural), Some((*namespace).to_owned()), rest)
        }
        [plural, rest @ ..] => target(resource(plural), None, rest),
        [] => None,
    };
    let builtin = found.builtin;
    match target {
        Some(target)
            if target.kind.namespaced && target.namespace.is_none() && target.name.is_some() =>
        {
            Err(Status::no_resource())
        }
        Some(target) => match &target.part {
            // The real server has a route for a namespace's parts, with methods that are not allowed.
            Some(part) if target.kind.subresource(part).is_none() => Err(Status::no_resource()),
            _ => Ok(Some(target)),
        },
        None if builtin => Err(Status::no_resource()),
        None => Ok(None),
    }
}

/// Returns the verb of the API that a request is, as roles name it; one that the path has no such method for is refused.
pub(super) fn verb_of(target: &Target, request: &Request) -> Result<&'static str, Status> {
    let named = target.name.is_some();
    let watched =
        target.watch || request.flag("watch") && request.parameter("watch") != Some("false");
    let verb = match (request.method.as_str(), named) {
        ("GET" | "HEAD", _) if watched && target.part.is_none() => "watch",
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", true) => "update",
        ("PATCH", true) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => return Err(Status::not_allowed()),
    };
    let allowed = match &target.part {
        None if verb == "create" && named => false,
        None => target.kind.verbs.contains(&verb),
        Some(part) => target
            .kind
            .subresource(part)
            .is_some_and(|part| part.verbs.contains(&verb)),
    };
    if allowed {
        Ok(verb)
    } else {
        Err(Status::not_allowed())
    }
}

/// Returns which objects a list, a watch or a deletion of many is about.
pub(super) fn selector_of(target: &Target, request: &Request) -> Result<Selector, Status> {
    let labels = request.parameter("labelSelector").unwrap_or_default();
    let named = target
        .name
        .as_ref()
        .map(|name| format!("metadata.name={name}"));
    let fields = request
        .parameter("fieldSelector")
        .map(str::to_owned)
        .or(named)
        .unwrap_or_default();
    Selector::parse(labels, &fields, &target.kind)
}
