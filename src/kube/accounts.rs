//! Service accounts: the roles that there are, and tokens that end by themselves.

use std::time::Duration;

use jiff::Timestamp;
use kube::core::Request;
use serde_json::{Value, json};
use windlass_provider::{Ctx, Error, Fault, Result};

use super::{Cluster, ObjectRef, Selector, client};

/// The API of roles and their bindings.
pub const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// A token of a service account.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The token: a secret.
    pub token: String,
    /// When it ends; the server may grant less than was asked for.
    pub expires: Timestamp,
}

impl Cluster {
    /// Returns a new token for a service account, which is to end after `lasts`: whole seconds, at least 600.
    ///
    /// API: <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>
    ///
    /// # Errors
    /// Those of the API; [`Fault::Failed`] where its answer holds no token.
    pub async fn request_token(
        &self,
        cx: &Ctx,
        account: &ObjectRef,
        lasts: Duration,
    ) -> Result<Token> {
        let kind = self.kind(cx, &account.api_version, &account.kind).await?;
        let doing = format!("get a token for {account}");
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": { "expirationSeconds": lasts.as_secs() },
        });
        let request = Request::new(kind.path(account.namespace.as_deref()))
            .create_subresource(
                "token",
                &account.name,
                &Default::default(),
                body.to_string().into_bytes(),
            )
            .map_err(|error| client::built(&doing, &error))?;
        // Sent twice, it makes two tokens, of which the first is lost and ends by itself.
        let answer = self.read(cx, &doing, request).await?;
        let status = &answer["status"];
        let expires = status["expirationTimestamp"].as_str();
        match (status["token"].as_str(), expires.map(str::parse)) {
            (Some(token), Some(Ok(expires))) => Ok(Token {
                token: token.to_owned(),
                expires,
            }),
            _ => Err(Error::new(Fault::Failed, format!("cannot {doing}"))
                .cause("the answer holds no token, or no time at which it ends")),
        }
    }

    /// Returns the names of all objects of a built-in kind, in a namespace or in all.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn names(
        &self,
        cx: &Ctx,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
    ) -> Result<Vec<String>> {
        let kind = self.kind(cx, api_version, kind).await?;
        let objects = self
            .list(cx, &kind, namespace, &Selector::default())
            .await?;
        let name = |object: &Value| object["metadata"]["name"].as_str().map(str::to_owned);
        Ok(objects.iter().filter_map(name).collect())
    }
}

/// Tells whether a role lets whoever has it do anything at all.
#[must_use]
pub fn allows_everything(role: &Value) -> bool {
    let any = |rule: &Value, list: &str| {
        rule[list]
            .as_array()
            .is_some_and(|entries| entries.iter().any(|entry| entry == "*"))
    };
    role["rules"].as_array().is_some_and(|rules| {
        rules.iter().any(|rule| {
            ["apiGroups", "resources", "verbs"]
                .iter()
                .all(|list| any(rule, list))
        })
    })
}
