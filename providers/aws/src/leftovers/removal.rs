//! Removes what was left behind, and tells whether it is there.

use std::time::Duration;

use windlass_provider::{Change, ClusterName, Ctx, Error, Observed, Resource, Result, State};

use super::{Place, in_network, is_controllers, is_of, open_id};
use crate::{
    balancers,
    client::{Client, pause},
    ec2,
    refusal::{Answer, Refusal, Trouble},
    service::Service,
    stacks::Stack,
    want::Left,
};

/// How long something may hang on something else that is just going.
const DEPENDENCIES: Duration = Duration::from_secs(10 * 60);
/// How often it is tried again.
const POLL: Duration = Duration::from_secs(15);

/// Deletes a leftover of a cluster. Absence is success.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    cluster: &ClusterName,
    left: Left,
    id: &str,
) -> Result<Change> {
    let what = format!("deleting {} {id}", left.kind());
    let until = cx.clock.now() + DEPENDENCIES;
    loop {
        match try_delete(client, cx, left, id).await {
            Ok(()) => break,
            Err(trouble) if trouble.is_missing() => return Ok(Change::Absent),
            // It still hangs on something that is going.
            Err(trouble) if is_held(&trouble) && cx.clock.now() < until => {
                if left == Left::SecurityGroup {
                    loosen(client, cx, cluster, id).await?;
                }
                cx.progress.say(format!("{what}: something still uses it"));
                pause(cx, &what, POLL).await?;
            }
            Err(trouble) => {
                let error = Error::from(trouble);
                return Err(error.context(format!("cannot delete {} \"{id}\"", left.kind())));
            }
        }
    }
    if left == Left::Volume {
        await_volume(client, cx, id, &what).await?;
    }
    Ok(Change::Removed)
}

/// Takes away what keeps a security group: rules of the cluster's other groups that name it, and interfaces of the cluster's
/// controllers that hang on nothing any more. Both come to light only when the nodes and the load balancers are gone.
async fn loosen(client: &Client, cx: &Ctx, cluster: &ClusterName, group: &str) -> Answer<()> {
    let of = |filter| (filter, vec![group.to_owned()]);
    for filter in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
        let others = ec2::security_groups(client, cx, of(filter)).await?;
        for other in others.iter().filter(|it| is_of(&it.tags, cluster.as_str())) {
            ec2::forget_group(client, cx, &other.id, group).await?;
        }
    }
    let loose = [of("group-id"), ("status", vec!["available".to_owned()])];
    for interface in ec2::interfaces(client, cx, &loose).await? {
        let name = cluster.as_str();
        if is_of(&interface.tags, name) || is_controllers(&interface, name) {
            let deleted = try_delete(client, cx, Left::Interface, &interface.id).await;
            match deleted {
                // It is tried again with the group.
                Err(trouble) if !trouble.is_missing() && !is_held(&trouble) => return Err(trouble),
                _ => {}
            }
        }
    }
    Ok(())
}

fn is_held(trouble: &Trouble) -> bool {
    trouble.is(&[
        "DependencyViolation",
        "InvalidParameterValue",
        "InvalidNetworkInterface.InUse",
        "InvalidGroup.InUse",
        "ResourceInUse",
        "VolumeInUse",
        "OperationNotPermitted",
    ])
}

async fn try_delete(client: &Client, cx: &Ctx, left: Left, id: &str) -> Answer<()> {
    match left {
        Left::Volume => ec2::delete(client, cx, ("DeleteVolume", "VolumeId"), id).await,
        Left::SecurityGroup => {
            ec2::delete(client, cx, ("DeleteSecurityGroup", "GroupId"), id).await
        }
        Left::Interface => {
            let call = ("DeleteNetworkInterface", "NetworkInterfaceId");
            ec2::delete(client, cx, call, id).await
        }
        Left::TargetGroup | Left::ClassicBalancer | Left::Balancer => {
            // The calls succeed whether or not there is one: only a look tells.
            let there = balancers::all(client, cx).await?;
            if !there.iter().any(|it| it.left == left && it.id == id) {
                return Err(gone(client, left));
            }
            balancers::delete(client, cx, left, id).await
        }
        Left::OpenId => {
            let parameters = [("OpenIDConnectProviderArn".to_owned(), id.to_owned())];
            let action = "DeleteOpenIDConnectProvider";
            client
                .query(cx, Service::Iam, action, &parameters)
                .await
                .map(drop)
        }
    }
}

fn gone(client: &Client, left: Left) -> Trouble {
    Trouble::Refused(Refusal {
        service: Service::ElbV2,
        region: client.region().to_owned(),
        action: "DescribeLoadBalancers",
        status: 404,
        code: match left {
            Left::TargetGroup => "TargetGroupNotFound",
            _ => "LoadBalancerNotFound",
        }
        .to_owned(),
        message: String::new(),
    })
}

/// Waits until a disk is gone: it is deleted in the background.
async fn await_volume(client: &Client, cx: &Ctx, id: &str, what: &str) -> Result<()> {
    loop {
        let filter = ("volume-id", vec![id.to_owned()]);
        let found = ec2::volumes(client, cx, &[filter])
            .await
            .map_err(Error::from)?;
        if found.is_empty() {
            return Ok(());
        }
        cx.progress.say(what);
        pause(cx, what, POLL).await?;
    }
}

/// Removes what blocks a stack, where a controller of the cluster left it in the network; returns what that was.
pub(crate) async fn clear(
    client: &Client,
    cx: &Ctx,
    cluster: &ClusterName,
    stack: &Stack,
) -> Result<Vec<String>> {
    let made = stack.parameters.get("Vpc").is_none_or(String::is_empty);
    let vpc = stack.outputs.get("Vpc").filter(|_| made);
    let place = Place {
        cluster,
        vpc: vpc.map(String::as_str),
        live: false,
    };
    let mut removed = Vec::new();
    let balancers = balancers::all(client, cx).await?;
    let mut found = in_network(client, cx, place, &balancers).await?;
    // Load balancers first, and what they hang on after them.
    found.reverse();
    for leftover in found {
        let what = format!("{} {}", leftover.left.kind(), leftover.name);
        cx.progress
            .say(format!("removing {what}, which a controller left behind"));
        if delete(client, cx, cluster, leftover.left, &leftover.id).await? == Change::Removed {
            removed.push(what);
        }
    }
    Ok(removed)
}

/// Reads whether a leftover is still there.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    left: Left,
    id: &str,
) -> Result<Observed> {
    let there = match left {
        Left::Volume => {
            let filter = ("volume-id", vec![id.to_owned()]);
            !ec2::volumes(client, cx, &[filter]).await?.is_empty()
        }
        Left::SecurityGroup => {
            let filter = ("group-id", vec![id.to_owned()]);
            !ec2::security_groups(client, cx, filter).await?.is_empty()
        }
        Left::Interface => {
            let filter = ("network-interface-id", vec![id.to_owned()]);
            !ec2::interfaces(client, cx, &[filter]).await?.is_empty()
        }
        Left::TargetGroup | Left::ClassicBalancer | Left::Balancer => {
            let all = balancers::all(client, cx).await?;
            all.iter().any(|it| it.left == left && it.id == id)
        }
        Left::OpenId => open_id(client, cx, &resource.name).await?.is_some(),
    };
    Ok(match there {
        false => Observed::missing(),
        true => Observed {
            state: State::Ready,
            ..Observed::missing()
        },
    })
}
