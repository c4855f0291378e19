//! Access for others: service accounts with a role, for as long as their tokens last.
//!
//! What is made is written into the cluster's inventory first, so that `destroy` and a revocation find it from any machine.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use windlass_provider::{Change, ClusterName, Ctx, Kubeconfig, Provider, Result};

use super::inventory::inventory_objects;
use crate::kube::{
    self, Account, Cluster, Inventory, ObjectRef, RBAC,
    inventory::NAMESPACE,
    kubeconfig::{self, Credential},
};

/// A role that a service account can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// "Role" or "ClusterRole".
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it allows everything.
    pub everything: bool,
}

/// What access is to be given.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The service account's name.
    pub name: &'a str,
    /// The namespace in which alone it may do something, and in which it lives.
    pub namespace: Option<&'a str>,
    /// What it may do.
    pub role: &'a Role,
    /// How long its token lasts.
    pub lasts: Duration,
    /// The kubeconfig into which the token is written; what else is in it stays.
    pub path: &'a Path,
    /// Whether its context becomes the current one there.
    pub make_current: bool,
}

/// What came of giving access.
#[derive(Clone, Debug)]
pub struct Granted {
    /// When the token ends, by the cluster's clock.
    pub expires: Timestamp,
    /// For how long it lasts from now on.
    pub left: Duration,
    /// The service account's namespace.
    pub home: String,
    /// Whether the service account was there before and is not windlass's own.
    pub foreign: bool,
    /// The bindings by which windlass has given it other roles before.
    pub others: Vec<String>,
}

/// The accounts of one cluster.
pub struct Accounts {
    cluster: Cluster,
    access: Kubeconfig,
    name: ClusterName,
}

impl Accounts {
    /// Opens those of the cluster `name`.
    ///
    /// # Errors
    /// Those of the provider.
    pub async fn open(cx: &Ctx, provider: &dyn Provider, name: &ClusterName) -> Result<Self> {
        let access = provider.kubeconfig(cx, name).await?;
        Ok(Self {
            cluster: Cluster::connect(&access)?,
            access,
            name: name.clone(),
        })
    }

    /// Returns the names of the cluster's namespaces.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn namespaces(&self, cx: &Ctx) -> Result<Vec<String>> {
        self.cluster.names(cx, "v1", "Namespace", None).await
    }

    /// Returns the names of the roles that can be given: those of the namespace, and those of the whole cluster.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn roles(&self, cx: &Ctx, namespace: Option<&str>) -> Result<Vec<String>> {
        let mut names = self.cluster.names(cx, RBAC, "ClusterRole", None).await?;
        if namespace.is_some() {
            names.extend(self.cluster.names(cx, RBAC, "Role", namespace).await?);
        }
        Ok(names)
    }

    /// Returns the role of that name: the namespace's own, or else the cluster's; `None` where there is none.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn role(
        &self,
        cx: &Ctx,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Role>> {
        let own = namespace.map(|namespace| ObjectRef::namespaced(RBAC, "Role", namespace, name));
        let shared = ObjectRef::cluster(RBAC, "ClusterRole", name);
        for (kind, object) in own
            .into_iter()
            .map(|own| ("Role", own))
            .chain([("ClusterRole", shared)])
        {
            if let Some(role) = self.cluster.get(cx, &object).await? {
                return Ok(Some(Role {
                    kind,
                    name: name.to_owned(),
                    everything: kube::allows_everything(&role),
                }));
            }
        }
        Ok(None)
    }

    /// Gives a service account, which is made where it is missing, a role, and writes a kubeconfig with a token for it.
    ///
    /// # Errors
    /// Those of the API and of the file.
    pub async fn grant(&self, cx: &Ctx, grant: &Grant<'_>) -> Result<Granted> {
        let Grant {
            name,
            namespace,
            role,
            ..
        } = *grant;
        let home = namespace.unwrap_or(NAMESPACE);
        let account = account_ref(home, name);
        let binding = binding(home, name, namespace, role);
        self.cluster.apply(cx, &inventory_objects()).await?;
        let inventory = Inventory::read(&self.cluster, cx).await?;
        let mut entry = inventory
            .accounts
            .get(&(home.to_owned(), name.to_owned()))
            .cloned()
            .unwrap_or_default();
        let there = self.cluster.get(cx, &account).await?.is_some();
        let foreign = there && !entry.objects.contains(&account);
        let bound = ObjectRef::of(&binding);
        let others = entry
            .objects
            .iter()
            .filter(|object| **object != account && Some(*object) != bound.as_ref())
            .map(|object| object.to_string())
            .collect();
        let mut objects = vec![binding];
        if !foreign {
            objects.push(json!({
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": { "name": name, "namespace": home, "labels": labels() },
            }));
        }
        for object in objects.iter().filter_map(ObjectRef::of) {
            if !entry.objects.contains(&object) {
                entry.objects.push(object);
            }
        }
        entry.record(&self.cluster, cx, home, name).await?;
        self.cluster.apply(cx, &objects).await?;
        let token = self
            .cluster
            .request_token(cx, &account, grant.lasts)
            .await?;
        let ends = self.cluster.by_own_clock(token.expires);
        let left = ends.duration_since(cx.clock.now());
        let written = kubeconfig::Entry {
            name: format!("windlass-{}-{name}", self.name),
            cluster: self.name.to_string(),
            server: self.access.server.clone(),
            certificate_authority: self.access.certificate_authority.clone(),
            tls_server_name: self.access.tls_server_name.clone(),
            namespace: namespace.map(str::to_owned),
            credential: Credential::Token(token.token),
        };
        kubeconfig::merge(cx, grant.path, &written, grant.make_current).await?;
        Ok(Granted {
            expires: token.expires,
            left: Duration::try_from(left).unwrap_or_default(),
            home: home.to_owned(),
            foreign,
            others,
        })
    }

    /// Returns the service accounts to which windlass gave a role, each with its namespace.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn granted(&self, cx: &Ctx) -> Result<Vec<(String, String)>> {
        let inventory = Inventory::read(&self.cluster, cx).await?;
        Ok(inventory.accounts.into_keys().collect())
    }

    /// Takes away all that windlass gave to a service account, and returns what was removed. Its tokens end with it, unless
    /// the account itself is not windlass's own and stays.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn revoke(&self, cx: &Ctx, home: &str, name: &str) -> Result<Vec<String>> {
        let inventory = Inventory::read(&self.cluster, cx).await?;
        let key = (home.to_owned(), name.to_owned());
        match inventory.accounts.get(&key) {
            Some(entry) => remove(&self.cluster, cx, home, name, entry).await,
            None => Ok(Vec::new()),
        }
    }
}

/// Removes what one entry of the inventory lists, and then the entry.
pub(super) async fn remove(
    cluster: &Cluster,
    cx: &Ctx,
    home: &str,
    name: &str,
    entry: &Account,
) -> Result<Vec<String>> {
    let changes = cluster.delete_and_wait(cx, &entry.objects).await?;
    Account::forget(cluster, cx, home, name).await?;
    Ok(entry
        .objects
        .iter()
        .zip(changes)
        .filter(|(_, change)| *change == Change::Removed)
        .map(|(object, _)| object.to_string())
        .collect())
}

fn account_ref(home: &str, name: &str) -> ObjectRef {
    ObjectRef::namespaced("v1", "ServiceAccount", home, name)
}

fn labels() -> Value {
    json!({ "app.kubernetes.io/managed-by": "windlass" })
}

/// Returns the binding of a role to a service account. Roles cannot be exchanged in a binding: each has one of its own.
fn binding(home: &str, name: &str, namespace: Option<&str>, role: &Role) -> Value {
    let (kind, mut metadata) = match namespace {
        Some(namespace) => (
            "RoleBinding",
            json!({ "name": format!("windlass:{name}:{}", role.name), "namespace": namespace }),
        ),
        None => (
            "ClusterRoleBinding",
            json!({ "name": format!("windlass:{home}:{name}:{}", role.name) }),
        ),
    };
    metadata["labels"] = labels();
    json!({
        "apiVersion": RBAC,
        "kind": kind,
        "metadata": metadata,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role.kind, "name": role.name },
        "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": home }],
    })
}
