//! What moves things with the world's clock: each that is due.

use super::{
    account::{CLUSTER, Cx, DELETED_VAULT, EXTENSION, GROUP, POOL, REGION},
    clusters, extensions, groups, pools, vaults,
};
use crate::{aws::Thing, ground::Ground, site::Entry};
use jiff::Timestamp;
use std::sync::Arc;

/// Moves things for as long as the world runs here. What a fault held in an earlier run of the world goes on.
pub(crate) async fn run(ground: Arc<Ground>) {
    unstick(&ground);
    loop {
        let next = turn(&ground);
        tokio::select! {
            () = ground.azure.stirred.notified() => {}
            () = ground.clock.sleep_until(next.unwrap_or_default()), if next.is_some() => {}
        }
    }
}

/// Lets go on what a fault held that is in force no more.
pub(crate) fn unstick(ground: &Arc<Ground>) {
    {
        let _turn = ground.azure.enter();
        let stuck = |it: &&Thing| {
            it.region == REGION && it.due.is_none() && it.body["sim"]["operation"].is_object()
        };
        let held: Vec<Thing> = ground
            .site()
            .things
            .values()
            .filter(stuck)
            .cloned()
            .collect();
        for mut thing in held {
            thing.due = Some(ground.clock.now());
            ground.write(Entry::Thing(Box::new(thing)));
        }
    }
    ground.azure.stir();
}

/// Moves all that is due; returns when the next is.
fn turn(ground: &Arc<Ground>) -> Option<Timestamp> {
    let _work = ground.clock.work();
    let _turn = ground.azure.enter();
    let ours = |it: &&Thing| it.region == REGION;
    loop {
        let now = ground.clock.now();
        let is_due = |it: &Thing| it.due.is_some_and(|due| due <= now);
        let due: Vec<Thing> = {
            let site = ground.site();
            let due = site.things.values().filter(ours).filter(|it| is_due(it));
            due.cloned().collect()
        };
        if due.is_empty() {
            break;
        }
        let cx = Cx {
            ground,
            now,
            base: "",
        };
        for thing in due {
            // An earlier one may have changed it, or taken it away.
            if let Some(mut thing) = cx.get(&thing.kind, &thing.id).filter(|it| is_due(it)) {
                thing.due = None;
                cx.put(thing.clone());
                advance(&cx, thing);
            }
        }
    }
    ground.azure.calm();
    let site = ground.site();
    site.things
        .values()
        .filter(ours)
        .filter_map(|it| it.due)
        .min()
}

fn advance(cx: &Cx<'_>, thing: Thing) {
    match thing.kind.as_str() {
        CLUSTER => clusters::advance(cx, thing),
        POOL => pools::advance(cx, thing),
        GROUP => groups::advance(cx, thing),
        EXTENSION => extensions::advance(cx, thing),
        DELETED_VAULT => vaults::advance(cx, thing),
        _ => {}
    }
}
