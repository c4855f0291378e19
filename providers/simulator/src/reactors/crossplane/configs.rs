//! Provider configurations: they stay for as long as managed resources use them.

use super::{
    managed::config_of,
    packages::{self, family},
};
use crate::reactors::{
    Cx, Next, external,
    object::{deleting, key},
};
use serde_json::{Value, json};

const FINALIZER: &str = "in-use.crossplane.io";

pub(super) fn config(cx: &Cx<'_>, it: &Value) -> Next {
    let own = key(it);
    let Some((package, _)) = packages::ALL
        .iter()
        .flat_map(|package| package.managed.iter().map(move |it| (package, it)))
        .find(|(_, managed)| family(&managed.group) == Some(own.group.as_str()))
    else {
        return Next::NEVER;
    };
    let family = packages::kinds().filter(|(group, _)| family(group) == Some(own.group.as_str()));
    let users = family
        .flat_map(|(group, kind)| cx.api.list(group, kind, None))
        .filter(|user| config_of(user) == own)
        .count();
    if deleting(it) {
        // It takes a provider of the family to let go.
        let alive = super::managed::runtime(cx, package).is_some()
            || packages::ALL.iter().any(|other| {
                let serves = |it: &packages::Resource| {
                    packages::family(&it.group) == packages::family(&own.group)
                };
                other.managed.iter().any(serves) && super::managed::runtime(cx, other).is_some()
            });
        if users == 0 && alive {
            external::let_go(cx, it, "provider", FINALIZER);
        }
        return Next::NEVER;
    }
    if users > 0 {
        external::hold(cx, it, "provider", FINALIZER);
    }
    cx.status(it, "provider", json!({"users": users}));
    Next::NEVER
}
