//! Tokens: who brings what a user's credentials keep gets one, as of oauth2.googleapis.com. Clusters of GKE take them, too.

use super::OWNER;
use crate::{
    ground::{Ground, digest},
    kube::{Authenticator, Grant, Identity, Power},
};
use axum::body::Body;
use http::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

/// How long a token holds, in seconds.
const LASTS: i64 = 3599;

/// Answers as Google's endpoint for tokens, which has refusals of its own form
/// (<https://developers.google.com/identity/protocols/oauth2/web-server#offline>).
pub(super) fn answer(ground: &Ground, body: &[u8]) -> Response<Body> {
    // A form, or JSON of the same.
    let form = match serde_json::from_slice::<BTreeMap<String, Value>>(body) {
        Ok(told) => told
            .into_iter()
            .map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        Err(_) => super::facts::pairs(&String::from_utf8_lossy(body)),
    };
    let given = |key: &str| {
        let mut all = form.iter();
        all.find(|it| it.0 == key).map_or("", |it| it.1.as_str())
    };
    let refuse = |error: &str, why: &str| {
        super::whole(400, &json!({"error": error, "error_description": why}))
    };
    if given("grant_type") != "refresh_token" {
        return refuse("unsupported_grant_type", "Invalid grant_type");
    }
    if given("refresh_token") != OWNER.0 {
        return refuse("invalid_grant", "Bad Request");
    }
    let until = ground.clock.now().as_second() + LASTS;
    let said = json!({
        "access_token": format!("ya29.{until:x}.{}", sign(until)), "expires_in": LASTS, "token_type": "Bearer",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
    });
    super::whole(200, &said)
}

/// Says whose a token is, as openidconnect.googleapis.com does.
pub(super) fn userinfo() -> Response<Body> {
    let said = json!({"sub": "117000000000000000001", "email": OWNER.1, "email_verified": true});
    super::whole(200, &said)
}

fn sign(until: i64) -> String {
    digest(&format!("{} {until:x}", OWNER.0))[..32].to_owned()
}

/// Returns whether a token is one of the owner's that holds at a moment.
pub(super) fn holds(token: &str, now: Timestamp) -> bool {
    let mut parts = token.split('.');
    let (Some("ya29"), Some(until), Some(proof), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    i64::from_str_radix(until, 16)
        .is_ok_and(|until| proof == sign(until) && now.as_second() < until)
}

struct Webhook {
    ground: Weak<Ground>,
}

/// Returns who knows the tokens of clusters.
pub(crate) fn authenticator(ground: &Arc<Ground>) -> Arc<dyn Authenticator> {
    Arc::new(Webhook {
        ground: Arc::downgrade(ground),
    })
}

impl Authenticator for Webhook {
    fn identify(&self, token: &str) -> Option<Identity> {
        let ground = self.ground.upgrade()?;
        holds(token, ground.clock.now()).then(|| Identity {
            name: OWNER.1.to_owned(),
            uid: "117000000000000000001".to_owned(),
            groups: Vec::new(),
            // The owner of a project may do everything in its clusters.
            grants: vec![Grant {
                power: Power::Admin,
                namespaces: None,
            }],
        })
    }
}
