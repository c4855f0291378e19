//! Policies: who has which roles, of a project or of a service account.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::Ctx;

use crate::{
    apis::patiently,
    client::{Backoff, Client, encode},
    refusal::{Answer, Trouble},
    service::Service,
};

/// Returns the member that a service account is in policies.
pub(crate) fn member(email: &str) -> String {
    format!("serviceAccount:{email}")
}

/// Returns the roles that a member has without a condition.
pub(crate) fn roles_of(policy: &Value, member: &str) -> Vec<String> {
    let bindings = policy["bindings"].as_array().into_iter().flatten();
    bindings
        .filter(|it| it["condition"].is_null())
        .filter(|it| {
            let members = it["members"].as_array().into_iter().flatten();
            members.into_iter().any(|it| it == member)
        })
        .filter_map(|it| it["role"].as_str().map(str::to_owned))
        .collect()
}

/// Gives a member roles in a policy; returns whether that changed it.
pub(crate) fn give(policy: &mut Value, member: &str, roles: &[String]) -> bool {
    let has = roles_of(policy, member);
    let lacking: Vec<&String> = roles.iter().filter(|role| !has.contains(role)).collect();
    if !policy["bindings"].is_array() {
        policy["bindings"] = json!([]);
    }
    let Some(bindings) = policy["bindings"].as_array_mut() else {
        return false;
    };
    for role in &lacking {
        let same = |it: &&mut Value| it["role"] == **role && it["condition"].is_null();
        match bindings.iter_mut().find(same) {
            Some(binding) => {
                if let Some(members) = binding["members"].as_array_mut() {
                    members.push(json!(member));
                }
            }
            None => bindings.push(json!({ "role": role, "members": [member] })),
        }
    }
    !lacking.is_empty()
}

/// Takes a member out of a policy, also where it stands as one that was deleted; returns whether that changed it.
pub(crate) fn take(policy: &mut Value, email: &str) -> bool {
    let own = member(email);
    let deleted = format!("deleted:{own}?uid=");
    let Some(bindings) = policy["bindings"].as_array_mut() else {
        return false;
    };
    let mut changed = false;
    for binding in bindings.iter_mut() {
        if let Some(members) = binding["members"].as_array_mut() {
            let before = members.len();
            members.retain(|it| {
                let it = it.as_str().unwrap_or_default();
                it != own && !it.starts_with(&deleted)
            });
            changed |= members.len() != before;
        }
    }
    bindings.retain(|it| it["members"].as_array().is_none_or(|it| !it.is_empty()));
    changed
}

/// Whose policy is meant.
#[derive(Clone, Copy)]
pub(crate) enum Policy<'a> {
    /// A project's.
    Project(&'a str),
    /// A service account's, by its project and its address.
    Account(&'a str, &'a str),
}

impl Policy<'_> {
    fn at(self) -> (Service, String) {
        match self {
            Self::Project(project) => (
                Service::Projects,
                format!("/v3/projects/{}", encode(project)),
            ),
            Self::Account(project, email) => (Service::Iam, crate::accounts::path(project, email)),
        }
    }

    pub(crate) async fn read(self, client: &Client, cx: &Ctx) -> Answer<Value> {
        let (service, path) = self.at();
        // Policies with conditions come whole only in version 3.
        let version = json!({ "options": { "requestedPolicyVersion": 3 } });
        match self {
            Self::Project(_) => {
                let path = format!("{path}:getIamPolicy");
                let call = (service, "projects.getIamPolicy");
                client.call(cx, call, ("POST", &path), Some(&version)).await
            }
            Self::Account(..) => {
                let path = format!("{path}:getIamPolicy?options.requestedPolicyVersion=3");
                let call = (service, "serviceAccounts.getIamPolicy");
                client.call(cx, call, ("POST", &path), None).await
            }
        }
    }

    /// Changes the policy until it is as wanted: somebody else may change it in between. Returns whether it was changed.
    pub(crate) async fn change(
        self,
        client: &Client,
        cx: &Ctx,
        what: &str,
        change: impl Fn(&mut Value) -> bool,
    ) -> Answer<bool> {
        let (service, path) = self.at();
        let path = format!("{path}:setIamPolicy");
        let mut backoff = Backoff::new();
        let until = cx.clock.now() + Duration::from_secs(2 * 60);
        loop {
            let mut policy = self.read(client, cx).await?;
            if !change(&mut policy) {
                return Ok(false);
            }
            if policy["bindings"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|it| !it["condition"].is_null())
            {
                policy["version"] = json!(3);
            }
            let body = json!({ "policy": policy });
            let set = patiently(cx, what, || {
                client.call(cx, (service, "setIamPolicy"), ("POST", &path), Some(&body))
            });
            match set.await {
                Ok(_) => return Ok(true),
                Err(Trouble::Refused(refusal))
                    if refusal.code == "ABORTED" && cx.clock.now() < until =>
                {
                    backoff
                        .wait(
                            cx,
                            "the policy was changed by somebody else: reading it again",
                        )
                        .await?;
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }
}
