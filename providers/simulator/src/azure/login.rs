//! Tokens: who proves to be the principal gets one, and it says so itself.

use super::{
    CLIENT, Fault, GROUP, Heard, Outcome, PRINCIPAL, Reply, SECRET, TENANT, account::Cx, pairs,
    uuid,
};
use crate::ground::{Ground, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

/// How long a token holds, in seconds.
const LASTS: i64 = 3599;
/// The resource manager, as tokens are for it.
const MANAGER: [&str; 2] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
];
/// All API servers of AKS (<https://azure.github.io/kubelogin/concepts/aks.html>).
pub(super) const SERVER: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// Answers as Entra's endpoint for tokens, which has refusals of its own form.
pub(super) fn token(cx: &Cx<'_>, heard: &Heard, tenant: &str) -> Outcome {
    let form = pairs(&String::from_utf8_lossy(&heard.body));
    let given = |key: &str| {
        let mut all = form.iter();
        all.find(|it| it.0 == key).map_or("", |it| it.1.as_str())
    };
    let refuse = |status: u16, error: &str, code: u32, why: &str| {
        let said = format!(
            "AADSTS{code}: {why} Trace ID: {}",
            uuid(&cx.ground.mint("trace"))
        );
        Ok(Reply::new(
            status,
            json!({"error": error, "error_description": said, "error_codes": [code]}),
        ))
    };
    if !tenant.eq_ignore_ascii_case(TENANT) {
        let why = format!("Tenant '{tenant}' not found.");
        return refuse(400, "invalid_request", 90002, &why);
    }
    if given("grant_type") != "client_credentials" {
        let why = "The app requested an unsupported grant type.";
        return refuse(400, "unsupported_grant_type", 70003, why);
    }
    if given("client_id") != CLIENT {
        let why = format!(
            "Application with identifier '{}' was not found in the directory.",
            given("client_id")
        );
        return refuse(400, "unauthorized_client", 700_016, &why);
    }
    if given("client_secret") != SECRET {
        let why = "Invalid client secret provided.";
        return refuse(401, "invalid_client", 7_000_215, why);
    }
    let audience = given("scope")
        .trim_end_matches("/.default")
        .trim_end_matches('/');
    if audience != SERVER && !MANAGER.contains(&audience) {
        let why = format!("The resource principal named {audience} was not found in the tenant.");
        return refuse(400, "invalid_resource", 500_011, &why);
    }
    let from = cx.now.as_second();
    let claims = json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{TENANT}/"), "iat": from, "nbf": from, "exp": from + LASTS,
        "appid": CLIENT, "oid": PRINCIPAL, "sub": PRINCIPAL, "tid": TENANT, "groups": [GROUP], "idtyp": "app", "ver": "1.0",
    });
    let head = BASE64_URL_SAFE_NO_PAD.encode(json!({"typ": "JWT", "alg": "RS256"}).to_string());
    let text = format!(
        "{head}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let token = format!("{text}.{}", sign(&text));
    Ok(Reply::ok(json!({
        "token_type": "Bearer", "expires_in": LASTS, "ext_expires_in": LASTS, "access_token": token,
    })))
}

fn sign(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&format!("{SECRET} {text}")))
}

/// Returns what a token says that holds at a moment.
pub(super) fn claims(token: &str, now: Timestamp) -> Option<Value> {
    let (text, proof) = token.rsplit_once('.')?;
    let (_, claims) = text.split_once('.')?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let until = claims["exp"].as_i64()?;
    (proof == sign(text) && now.as_second() < until).then_some(claims)
}

/// Refuses who brings no token of the resource manager's.
pub(super) fn admit(ground: &Ground, heard: &Heard) -> Result<(), Fault> {
    let refuse = |code: &str, message: &str| {
        let mut fault = Fault::new(401, code, message);
        let told = format!(
            "Bearer authorization_uri=\"https://login.microsoftonline.com/{TENANT}\", error=\"invalid_token\""
        );
        fault.headers.push(("www-authenticate", told));
        fault
    };
    let Some(token) = heard.authorization.strip_prefix("Bearer ") else {
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return Err(refuse("AuthenticationFailed", message));
    };
    // A program of the machine's own keeps a token by the machine's clock, which the world's runs ahead of.
    let now = ground.clock.now().min(Timestamp::now());
    let claims = claims(token, now);
    let claims = claims.ok_or_else(|| {
        refuse(
            "InvalidAuthenticationToken",
            "The access token is invalid or has expired.",
        )
    })?;
    match MANAGER.iter().any(|it| claims["aud"] == **it) {
        true => Ok(()),
        false => {
            let message = "The access token has been obtained for wrong audience or resource.";
            Err(refuse("InvalidAuthenticationTokenAudience", message))
        }
    }
}
