//! Who asks, and whether they may: bearer tokens, impersonation, roles and bindings
//! (<https://kubernetes.io/docs/reference/access-authn-authz/rbac/>).

use super::{
    request::Request,
    route::Target,
    server::{Grant, Power},
    state::State,
    status::Status,
    store::Key,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const RBAC: &str = "rbac.authorization.k8s.io";

/// Someone who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) uid: Option<String>,
    pub(super) groups: Vec<String>,
    /// Identifier of the token, where one was issued.
    pub(super) credential: Option<String>,
    /// What somebody outside of the cluster allows.
    pub(super) grants: Vec<Grant>,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Access<'a> {
    pub(super) verb: &'a str,
    pub(super) group: &'a str,
    /// Plural, or `plural/part`.
    pub(super) resource: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
    /// Path that is no resource.
    pub(super) path: Option<&'a str>,
}

impl User {
    fn new(name: &str, groups: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Self::default()
        }
    }

    fn admin() -> Self {
        Self {
            uid: Some("admin".to_owned()),
            ..Self::new("admin", &["system:masters", "system:authenticated"])
        }
    }

    /// Returns the user as reviews show it.
    pub(super) fn to_value(&self) -> Value {
        let mut value = json!({ "username": self.name });
        if let Some(uid) = &self.uid {
            value["uid"] = json!(uid);
        }
        if !self.groups.is_empty() {
            value["groups"] = json!(self.groups);
        }
        if let Some(credential) = &self.credential {
            value["extra"] = json!({ "authentication.kubernetes.io/credential-id": [credential] });
        }
        value
    }
}

/// Returns who sends a request, or 401.
pub(super) fn authenticate(state: &State, request: &Request) -> Result<User, Status> {
    let bearer = request
        .header(http::header::AUTHORIZATION)
        .and_then(|value| value.strip_prefix("Bearer "));
    let user = match (&state.settings.token, bearer) {
        (Some(wanted), Some(given)) if wanted == given => User::admin(),
        (wanted, Some(given)) => match user_of_token(state, given) {
            Some(user) => user,
            None if wanted.is_none() => User::admin(),
            None => return Err(unauthorized()),
        },
        (None, None) => User::admin(),
        (Some(_), None) => User::new("system:anonymous", &["system:unauthenticated"]),
    };
    let Some(name) = request.header("impersonate-user") else {
        return Ok(user);
    };
    let access = Access {
        verb: "impersonate",
        resource: "users",
        name,
        ..Access::default()
    };
    if decide(state, &user, &access).is_none() {
        let why = format!(
            "User \"{}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
            user.name
        );
        return Err(Status::forbidden("", "users", name, &why));
    }
    let given = request.headers.get_all("impersonate-group").iter();
    let given: Vec<&str> = given.filter_map(|value| value.to_str().ok()).collect();
    let mut user = User::new(name, &given);
    let account = name.strip_prefix("system:serviceaccount:");
    if let Some((namespace, _)) = account
        .filter(|_| given.is_empty())
        .and_then(|it| it.split_once(':'))
    {
        user.groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ];
    }
    // As the real filter adds it.
    let (known, unknown) = ("system:authenticated", "system:unauthenticated");
    if !user
        .groups
        .iter()
        .any(|group| group == known || group == unknown)
    {
        let added = if name == "system:anonymous" {
            unknown
        } else {
            known
        };
        user.groups.push(added.to_owned());
    }
    Ok(user)
}

fn unauthorized() -> Status {
    Status::new(401, "Unauthorized", "Unauthorized")
}

/// Returns a token for a service account. It has the form of a JSON web token; its signature binds it to the account's uid.
pub(super) fn issue(namespace: &str, name: &str, uid: &str, expires: i64) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT" }).to_string());
    let id = super::strategy::uid();
    let claims = json!({
        "iss": "https://kubernetes.default.svc", "aud": ["https://kubernetes.default.svc"], "exp": expires, "jti": id,
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
        "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": name, "uid": uid } },
    });
    let body = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let signature = sign(&format!("{header}.{body}"), uid);
    format!("{header}.{body}.{signature}")
}

fn sign(text: &str, uid: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{uid}:{text}")))
}

/// Returns who is behind a token that still holds: a service account, or somebody whom the authenticator knows.
pub(super) fn user_of_token(state: &State, token: &str) -> Option<User> {
    account_of_token(state, token).or_else(|| {
        let identity = state.authenticator.as_ref()?.identify(token)?;
        let mut groups = identity.groups;
        groups.push("system:authenticated".to_owned());
        Some(User {
            name: identity.name,
            uid: Some(identity.uid),
            groups,
            credential: None,
            grants: identity.grants,
        })
    })
}

fn account_of_token(state: &State, token: &str) -> Option<User> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (_, body) = signed.split_once('.')?;
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
    let account = &claims["kubernetes.io"];
    let (namespace, name) = (
        account["namespace"].as_str()?,
        account["serviceaccount"]["name"].as_str()?,
    );
    let kind = "ServiceAccount".to_owned();
    let key = Key {
        group: String::new(),
        kind,
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    };
    let uid = state.store.get(&key)?["metadata"]["uid"].as_str()?;
    let holds = signature == sign(signed, uid)
        && claims["exp"].as_i64()? > state.settings.now.now().as_second();
    holds.then(|| User {
        name: format!("system:serviceaccount:{namespace}:{name}"),
        uid: Some(uid.to_owned()),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ],
        credential: claims["jti"].as_str().map(|id| format!("JTI={id}")),
        grants: Vec::new(),
    })
}

/// Refuses a request for a path that is no resource unless the user may.
pub(super) fn check_path(state: &State, user: &User, request: &Request) -> Result<(), Status> {
    let verb = request.method.as_str().to_lowercase();
    let access = Access {
        verb: &verb,
        path: Some(&request.path),
        ..Access::default()
    };
    if decide(state, user, &access).is_some() {
        return Ok(());
    }
    let message = format!(
        "forbidden: User \"{}\" cannot {verb} path \"{}\"",
        user.name, request.path
    );
    Err(Status::new(403, "Forbidden", message).with_empty_details())
}

/// Refuses a request for a resource unless the user may.
pub(super) fn check(state: &State, user: &User, verb: &str, target: &Target) -> Result<(), Status> {
    let kind = &target.kind;
    let resource = target.part.as_ref().map_or_else(
        || kind.plural.clone(),
        |part| format!("{}/{part}", kind.plural),
    );
    let name = target.name.as_deref().unwrap_or_default();
    let namespace = target.namespace.as_deref();
    let access = Access {
        verb,
        group: &kind.group,
        resource: &resource,
        namespace,
        name,
        path: None,
    };
    if decide(state, user, &access).is_some() {
        return Ok(());
    }
    let place = namespace.map_or_else(
        || "at the cluster scope".to_owned(),
        |namespace| format!("in the namespace \"{namespace}\""),
    );
    let why = format!(
        "User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {place}",
        user.name, kind.group
    );
    Err(Status::forbidden(&kind.group, &kind.plural, name, &why))
}

/// Returns why an access is allowed, `None` where it is not.
pub(super) fn decide(state: &State, user: &User, access: &Access<'_>) -> Option<String> {
    if user.groups.iter().any(|group| group == "system:masters") {
        return Some(String::new());
    }
    if user.grants.iter().any(|grant| allows(grant, access)) {
        return Some("access policy".to_owned());
    }
    let bindings = state
        .store
        .list(RBAC, "ClusterRoleBinding", None)
        .into_iter();
    let local = access
        .namespace
        .map(|namespace| state.store.list(RBAC, "RoleBinding", Some(namespace)));
    for binding in bindings.chain(local.into_iter().flatten()) {
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        let Some(subject) = subjects
            .into_iter()
            .find(|subject| is_subject(user, subject))
        else {
            continue;
        };
        let role_kind = binding["roleRef"]["kind"].as_str().unwrap_or_default();
        let role_name = binding["roleRef"]["name"].as_str().unwrap_or_default();
        let namespace = binding["metadata"]["namespace"].as_str();
        let role = Key {
            group: RBAC.to_owned(),
            kind: role_kind.to_owned(),
            namespace: if role_kind == "Role" {
                namespace.map(str::to_owned)
            } else {
                None
            },
            name: role_name.to_owned(),
        };
        let allowed = state.store.get(&role).is_some_and(|role| {
            role["rules"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|rule| permits(rule, access))
        });
        if allowed {
            let name = binding["metadata"]["name"].as_str().unwrap_or_default();
            let binding_kind = binding["kind"].as_str().unwrap_or_default();
            let place = namespace
                .map(|namespace| format!("/{namespace}"))
                .unwrap_or_default();
            let subject_kind = subject["kind"].as_str().unwrap_or_default();
            let subject_name = subject["name"].as_str().unwrap_or_default();
            return Some(format!(
                "RBAC: allowed by {binding_kind} \"{name}{place}\" of {role_kind} \"{role_name}\" to {subject_kind} \"{subject_name}\""
            ));
        }
    }
    None
}

/// Returns whether a grant from outside of the cluster covers an access.
fn allows(grant: &Grant, access: &Access<'_>) -> bool {
    let within = |pattern: &String, namespace: &str| match pattern.strip_suffix('*') {
        Some(prefix) => namespace.starts_with(prefix),
        None => pattern == namespace,
    };
    let there = match (&grant.namespaces, access.namespace) {
        (None, _) => true,
        (Some(patterns), Some(namespace)) => patterns.iter().any(|it| within(it, namespace)),
        (Some(_), None) => false,
    };
    let looks = ["get", "list", "watch"].contains(&access.verb);
    let secret = access.group.is_empty() && access.resource.starts_with("secrets");
    let guarded = access.group == RBAC || access.resource.is_empty();
    there
        && match grant.power {
            Power::Admin => true,
            Power::Edit => !guarded || looks,
            Power::View => looks && !secret,
        }
}

fn is_subject(user: &User, subject: &Value) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => user.name == name,
        Some("Group") => user.groups.iter().any(|group| group == name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().unwrap_or_default();
            user.name == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

fn permits(rule: &Value, access: &Access<'_>) -> bool {
    let any = |list: &str, wanted: &dyn Fn(&str) -> bool| {
        rule[list]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|entry| entry == "*" || wanted(entry))
    };
    if !any("verbs", &|verb| verb == access.verb) {
        return false;
    }
    if let Some(path) = access.path {
        return any("nonResourceURLs", &|url| match url.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == url,
        });
    }
    let part = access
        .resource
        .split_once('/')
        .map(|(_, part)| format!("*/{part}"));
    let names = rule["resourceNames"].as_array().is_none_or(Vec::is_empty)
        || any("resourceNames", &|name| name == access.name);
    names
        && any("apiGroups", &|group| group == access.group)
        && any("resources", &|resource| {
            resource == access.resource || part.as_deref() == Some(resource)
        })
}
