//! Who gets into a cluster: kubeconfigs, and the tokens of Entra.

use super::{bad, find};
use crate::{
    aws::Thing,
    azure::{
        Fault, Outcome, Reply, TENANT,
        account::{CLUSTER, Cx, REGION, root, text},
        login, roles,
    },
    ground::Ground,
    kube::{Authenticator, Grant, Identity, Power},
    site::{Aks, Site},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::sync::{Arc, Weak};

/// Returns a kubeconfig: of users, or of the cluster's own administrator.
pub(in crate::azure) fn credential(cx: &Cx<'_>, id: &str, admin: bool) -> Outcome {
    let cluster = find(cx, id)?;
    let properties = &cluster.body["properties"];
    let name = text(&cluster.body, "name");
    let server = text(&cluster.body["sim"], "server");
    let known = cx.ground.site().clusters.get(server).cloned();
    let known = known.ok_or_else(|| {
        Fault::new(
            404,
            "NotFound",
            format!("The kubeconfig of managed cluster {name} is not there yet."),
        )
    })?;
    let entra = properties["aadProfile"]["managed"] == true;
    if admin && properties["disableLocalAccounts"] == true {
        return Err(bad(
            "BadRequest",
            "Getting static credential is not allowed because this cluster is set to disable local accounts.",
        ));
    }
    let user = match entra && !admin {
        false => json!({"token": known.token}),
        true => json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin",
            "args": ["get-token", "--environment", "AzurePublicCloud", "--server-id", login::SERVER, "--tenant-id", TENANT, "--login", "devicecode"],
            "env": null, "provideClusterInfo": false,
        }}),
    };
    let address = cx.ground.address.replacen("http:", "https:", 1);
    let group = text(properties, "nodeResourceGroup");
    let who = format!(
        "{}_{group}_{name}",
        if admin { "clusterAdmin" } else { "clusterUser" }
    );
    let file = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": name, "preferences": {},
        "clusters": [{"name": name, "cluster": {
            "server": format!("{address}/clusters/{server}"),
            "certificate-authority-data": BASE64_STANDARD.encode(&cx.ground.identity.authority),
        }}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": who}}],
        "users": [{"name": who, "user": user}],
    });
    // JSON is YAML.
    let value = BASE64_STANDARD.encode(file.to_string());
    let called = if admin { "clusterAdmin" } else { "clusterUser" };
    Ok(Reply::ok(
        json!({"kubeconfigs": [{"name": called, "value": value}]}),
    ))
}

/// Returns whether the managed cluster behind an API server still is, and runs.
pub(crate) fn is_there(site: &Site, aks: &Aks, server: &str) -> bool {
    let key = Thing::key(REGION, CLUSTER, &aks.id.to_lowercase());
    let found = site.things.get(&key);
    found.is_some_and(|it| it.body["sim"]["server"] == server)
}

/// Returns whether a cluster is not stopped.
pub(crate) fn is_on(site: &Site, aks: &Aks) -> bool {
    let key = Thing::key(REGION, CLUSTER, &aks.id.to_lowercase());
    let found = site.things.get(&key);
    found.is_none_or(|it| it.body["properties"]["powerState"]["code"] != "Stopped")
}

/// Returns the path of a disk of a cluster.
pub(crate) fn disk_id(site: &Site, aks: &Aks, name: &str) -> String {
    let key = Thing::key(REGION, CLUSTER, &aks.id.to_lowercase());
    let group = site.things.get(&key);
    let group = group.map_or("", |it| text(&it.body["properties"], "nodeResourceGroup"));
    format!(
        "{}/resourceGroups/{group}/providers/Microsoft.Compute/disks/{name}",
        root()
    )
}

struct Entra {
    ground: Weak<Ground>,
    aks: Aks,
}

/// Returns who knows the tokens of Entra for a cluster.
pub(crate) fn authenticator(ground: &Arc<Ground>, aks: &Aks) -> Arc<dyn Authenticator> {
    Arc::new(Entra {
        ground: Arc::downgrade(ground),
        aks: aks.clone(),
    })
}

impl Authenticator for Entra {
    fn identify(&self, token: &str) -> Option<Identity> {
        let ground = self.ground.upgrade()?;
        let now = ground.clock.now();
        let claims = login::claims(token, now)?;
        let cx = Cx {
            ground: &ground,
            now,
            base: "",
        };
        let cluster = cx.get(CLUSTER, &self.aks.id)?;
        let profile = &cluster.body["properties"]["aadProfile"];
        if claims["aud"] != login::SERVER || profile["managed"] != true {
            return None;
        }
        let of = |value: &Value| -> Vec<String> {
            let list = value.as_array().into_iter().flatten();
            list.filter_map(|it| it.as_str().map(str::to_owned))
                .collect()
        };
        let groups = of(&claims["groups"]);
        let admins = of(&profile["adminGroupObjectIDs"]);
        let admin = groups.iter().any(|it| admins.contains(it))
            || (profile["enableAzureRBAC"] == true
                && roles::administers(&cx, &cluster, text(&claims, "oid")));
        let grants = admin.then_some(Grant {
            power: Power::Admin,
            namespaces: None,
        });
        Some(Identity {
            name: text(&claims, "oid").to_owned(),
            uid: text(&claims, "oid").to_owned(),
            groups,
            grants: grants.into_iter().collect(),
        })
    }
}
