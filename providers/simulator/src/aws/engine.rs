//! What moves things with the world's clock: each that is due, and what waits for something in a cluster.

use super::{
    account::{Caller, Cx, Thing},
    cloudformation, ec2, eks,
};
use crate::ground::Ground;
use jiff::Timestamp;
use std::sync::Arc;

/// Moves things for as long as the world runs here.
pub(crate) async fn run(ground: Arc<Ground>) {
    loop {
        let next = turn(&ground);
        tokio::select! {
            () = ground.aws.stirred.notified() => {}
            () = ground.clock.sleep_until(next.unwrap_or_default()), if next.is_some() => {}
        }
    }
}

/// Moves all that is due; returns when the next is.
fn turn(ground: &Arc<Ground>) -> Option<Timestamp> {
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
                .filter(|it| it.due.is_some_and(|due| due <= now));
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
            if let Some(thing) = cx
                .get(&thing.kind, &thing.id)
                .filter(|it| it.due.is_some_and(|due| due <= now))
            {
                advance(&cx, thing);
            }
        }
    }
    ground.aws.calm();
    let site = ground.site();
    site.things.values().filter_map(|it| it.due).min()
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
        "ec2:instance" => ec2::advance_instance(cx, thing),
        "cloudformation:stack" => cloudformation::advance_stack(cx, thing),
        kind if kind.starts_with("eks:") => eks::advance(cx, thing),
        "cloudformation:resource" => cloudformation::advance_resource(cx, thing),
        _ => cx.put(Thing { due: None, ..thing }),
    }
}
