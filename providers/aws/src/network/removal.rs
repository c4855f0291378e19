//! How the stack goes.

use windlass_provider::{Change, ClusterName, Ctx, Error, Owner, Resource, Result};

use super::{Phase, explain, is_busy, phase, wait};
use crate::{
    client::Client,
    leftovers,
    stacks::{self, Stack},
    tagged,
};

/// Deletes the stack; one that is not ours is kept.
pub(crate) async fn delete(client: &Client, cx: &Ctx, resource: &Resource) -> Result<Change> {
    let Some(stack) = stacks::describe(client, cx, &resource.name).await? else {
        return Ok(Change::Absent);
    };
    if tagged::judge(&stack.tags).0 == Owner::Foreign {
        cx.progress.say(format!(
            "stack {} was not made by windlass and is kept",
            resource.name
        ));
        return Ok(Change::Kept);
    }
    remove(client, cx, &resource.cluster, stack).await?;
    Ok(Change::Removed)
}

/// Deletes a stack of ours and waits until it is gone. What blocks that is removed where a controller of this cluster left it,
/// and named otherwise.
pub(super) async fn remove(
    client: &Client,
    cx: &Ctx,
    cluster: &ClusterName,
    stack: Stack,
) -> Result<()> {
    let name = stack.name.clone();
    let mut asked = false;
    let mut cleared = 0;
    let mut stack = stack;
    loop {
        match phase(&stack) {
            Phase::Deleting => {}
            Phase::Stuck if asked => {
                // Each round must get on: what it removed is not there in the next.
                let blocking = leftovers::clear(client, cx, cluster, &stack).await?;
                cleared += 1;
                if blocking.is_empty() || cleared > 5 {
                    let error = explain(client, cx, &stack, "delete").await;
                    return Err(error.hint(format!(
                        "remove what it names, and run the same command again: windlass destroy aws --cluster {cluster}"
                    )));
                }
                asked = false;
                continue;
            }
            _ => {
                // What controllers left there would let the deletion fail only after a quarter of an hour.
                if phase(&stack) != Phase::Busy && cleared == 0 {
                    leftovers::clear(client, cx, cluster, &stack).await?;
                    cleared = 1;
                }
                // An update under way ends before a deletion begins.
                let parameters = [("StackName".to_owned(), name.clone())];
                match stacks::call(client, cx, "DeleteStack", &parameters).await {
                    Ok(()) => asked = true,
                    Err(trouble) if is_busy(&trouble) => {}
                    Err(trouble) => {
                        return Err(
                            Error::from(trouble).context(format!("cannot delete stack \"{name}\""))
                        );
                    }
                }
            }
        }
        asked |= phase(&stack) == Phase::Deleting;
        wait(cx, &format!("deleting stack {name}")).await?;
        match stacks::describe(client, cx, &name).await? {
            None => return Ok(()),
            Some(now) => stack = now,
        }
    }
}
