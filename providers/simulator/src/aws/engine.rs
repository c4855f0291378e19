//! What moves things with the world's clock: each that is due, and what waits for something in a cluster.

use super::{
    account::{Caller, Cx, Thing},
    cloudformation, ec2, eks,
};
use crate::{azure, ground::Ground, site::Entry};
use jiff::Timestamp;
use std::sync::Arc;

/// Moves things for as long as the world runs here.
pub(crate) async fn run(ground: Arc<Ground>) {
    unstick(&ground);
    loop {
        let (due, limit) = turn(&ground);
        tokio::select! {
            () = ground.aws.stirred.notified() => {}
            () = ground.clock.sleep_until(due.unwrap_or_default()), if due.is_some() => {}
            () = ground.clock.reached(limit.unwrap_or_default()), if limit.is_some() => {}
        }
    }
}

/// Lets what a fault held go on: faults end with their process, or with the next.
pub(crate) fn unstick(ground: &Arc<Ground>) {
    {
        let _turn = ground.aws.enter();
        let held: Vec<Thing> = {
            let site = ground.site();
            site.things
                .values()
                .filter(|it| is_ours(it) && it.is_stuck())
                .cloned()
                .collect()
        };
        for mut thing in held {
            thing.due = Some(ground.clock.now());
            ground.write(Entry::Thing(Box::new(thing)));
        }
    }
    ground.aws.stir();
}

/// Moves all that is due; returns when the next is, and the next limit.
fn turn(ground: &Arc<Ground>) -> (Option<Timestamp>, Option<Timestamp>) {
    let _work = ground.clock.work();
    let _turn = ground.aws.enter();
    let caller = Caller::administrator();
    loop {
        let now = ground.clock.now();
        let due: Vec<Thing> = {
            let site = ground.site();
            let due = site
                .things
                .values()
                .filter(|it| is_ours(it) && it.is_due(now));
            due.cloned().collect()
        };
        if due.is_empty() && !look(ground, &caller) {
            break;
        }
        for thing in due {
            let cx = Cx {
                ground,
                region: &thing.region,
                now,
                caller: &caller,
            };
            // An earlier one may have changed it, or taken it away.
            if let Some(thing) = cx.get(&thing.kind, &thing.id).filter(|it| it.is_due(now)) {
                advance(&cx, thing);
            }
        }
    }
    ground.aws.calm();
    let site = ground.site();
    let ours = || site.things.values().filter(|it| is_ours(it));
    let due = ours().filter_map(|it| it.due).min();
    (due, ours().filter_map(|it| it.limit).min())
}

/// Returns whether a thing is AWS's: other clouds have engines of their own.
fn is_ours(thing: &Thing) -> bool {
    thing.region != azure::REGION
}

/// Looks at what waits for something in a cluster; returns whether anything moved.
fn look(ground: &Arc<Ground>, caller: &Caller) -> bool {
    let waiting: Vec<Thing> = {
        let site = ground.site();
        let parts = site
            .things
            .values()
            .filter(|it| it.kind.starts_with("eks:"));
        parts.cloned().collect()
    };
    let mut moved = false;
    for thing in waiting {
        let cx = Cx {
            ground,
            region: &thing.region,
            now: ground.clock.now(),
            caller,
        };
        moved |= eks::observe(&cx, thing.clone());
    }
    moved
}

/// Moves one thing that is due.
fn advance(cx: &Cx<'_>, thing: Thing) {
    match thing.kind.as_str() {
        kind if kind.starts_with("google:") => crate::google::advance(cx.ground, thing),
        // Those of a balancer that was deleted, and what is told of no longer.
        "ec2:network-interface" | "ec2:nat-gateway" => drop_thing(cx, &thing),
        "ec2:instance" => ec2::advance_instance(cx, thing),
        "cloudformation:stack" => cloudformation::advance_stack(cx, thing),
        kind if kind.starts_with("eks:") => eks::advance(cx, thing),
        "cloudformation:resource" => cloudformation::advance_resource(cx, thing),
        _ => cx.put(Thing {
            due: None,
            limit: None,
            ..thing
        }),
    }
}

fn drop_thing(cx: &Cx<'_>, thing: &Thing) {
    cx.remove(&thing.kind, &thing.id);
}
