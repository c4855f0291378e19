//! Routers, with the NATs that they carry.

use super::{Cx, Fault, get};
use serde_json::Value;

/// Checks a router that is to be made (<https://cloud.google.com/compute/docs/reference/rest/v1/routers>).
pub(super) fn check(cx: &Cx<'_>, project: &str, wanted: &Value) -> Result<(), Fault> {
    let network = wanted["network"].as_str().unwrap_or_default();
    let path = network
        .split_once("/networks/")
        .map(|(_, name)| format!("global/networks/{name}"));
    let Some(path) = path else {
        return Err(Fault::invalid(format!(
            "Invalid value for field 'resource.network': '{network}'. The URL is malformed."
        )));
    };
    get(cx, project, &path)?;
    let nats = wanted["nats"].as_array().into_iter().flatten();
    for (at, nat) in nats.enumerate() {
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
        let wants = nat["sourceSubnetworkIpRangesToNat"] == "LIST_OF_SUBNETWORKS";
        if listed != wants {
            return Err(Fault::invalid(format!(
                "Invalid value for field '{}': it goes with LIST_OF_SUBNETWORKS alone.",
                field("subnetworks")
            )));
        }
    }
    Ok(())
}
