//! Routers, with the NATs that they carry.

use super::{COMPUTE, Cx, Fault, Outcome, get, missing, operations, text};
use crate::google::operations::Begun;
use serde_json::{Value, json};
use std::time::Duration;

const CHANGE: Duration = Duration::from_secs(5);
const ALL: &str = "ALL_SUBNETWORKS_ALL_IP_RANGES";

/// Returns the path of a network of the project that a link names.
fn network(router: &Value) -> Option<String> {
    let (_, name) = router["network"].as_str()?.split_once("/networks/")?;
    Some(format!("global/networks/{name}"))
}

fn nats(router: &Value) -> impl Iterator<Item = &Value> {
    router["nats"].as_array().into_iter().flatten()
}

/// Checks a router that is to be (<https://cloud.google.com/compute/docs/reference/rest/v1/routers>).
pub(super) fn check(cx: &Cx<'_>, project: &str, place: &str, wanted: &Value) -> Result<(), Fault> {
    let Some(path) = network(wanted) else {
        return Err(Fault::invalid(format!(
            "Invalid value for field 'resource.network': '{}'. The URL is malformed.",
            wanted["network"].as_str().unwrap_or_default()
        )));
    };
    get(cx, project, &path)?;
    for (at, nat) in nats(wanted).enumerate() {
        let field = |key: &str| format!("resource.nats[{at}].{key}");
        for key in [
            "name",
            "natIpAllocateOption",
            "sourceSubnetworkIpRangesToNat",
        ] {
            if nat[key].as_str().unwrap_or_default().is_empty() {
                return Err(Fault::invalid(format!(
                    "Required field '{}' not specified",
                    field(key)
                )));
            }
        }
        let listed = nat["subnetworks"]
            .as_array()
            .is_some_and(|it| !it.is_empty());
        let lists = nat["sourceSubnetworkIpRangesToNat"] == "LIST_OF_SUBNETWORKS";
        if listed != lists {
            return Err(Fault::invalid(format!(
                "Invalid value for field '{}': it goes with LIST_OF_SUBNETWORKS alone.",
                field("subnetworks")
            )));
        }
    }
    // One NAT alone may serve all of a network in a region.
    let others = cx.under(COMPUTE, project, &format!("{place}/routers/"));
    let serves = |it: &Value| nats(it).any(|nat| nat["sourceSubnetworkIpRangesToNat"] == ALL);
    let other = others.iter().find(|it| {
        it.body["name"] != wanted["name"]
            && network(&it.body) == Some(path.clone())
            && serves(&it.body)
    });
    match other.filter(|_| nats(wanted).next().is_some()) {
        Some(other) => Err(Fault::invalid(format!(
            "Invalid value for field 'resource.nats': the subnetworks of the network are served by a NAT of '{}'.",
            text(other, "selfLink")
        ))),
        None => Ok(()),
    }
}

/// Changes a router in what is given.
pub(super) fn patch(
    cx: &Cx<'_>,
    call: &str,
    project: &str,
    (path, at): (&str, &[&str]),
    given: &Value,
) -> Outcome {
    let found = cx.get(COMPUTE, project, path);
    let mut found = found.ok_or_else(|| missing(project, path))?;
    for (key, value) in given.as_object().into_iter().flatten() {
        found.body[key] = value.clone();
    }
    let place = format!("regions/{}", at[1]);
    check(cx, project, &place, &found.body)?;
    cx.put(found);
    let begun = Begun {
        call: ("compute", call),
        project,
        place: &place,
        kind: "patch",
        name: at[2],
        then: json!({"do": "nothing"}),
        takes: CHANGE,
    };
    Ok(operations::begin(cx, begun))
}
