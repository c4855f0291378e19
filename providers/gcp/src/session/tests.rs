//! Each kind of credentials before a place on loopback that gives tokens: what is asked for, what comes back, and what is told.

mod place;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use windlass_provider::SystemClock;

use super::*;
use place::{Place, plain};

/// The key of nobody's account, made for these tests alone.
const KEY: &str = include_str!("test-key.pem");
const CI: &str = "ci@p-1.iam.gserviceaccount.com";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

fn cx() -> Ctx {
    Ctx::new(Arc::new(SystemClock))
}

fn session(found: Found, change: impl FnOnce(&mut Session)) -> Session {
    let mut session = Session::new(Access::default());
    session.found = Arc::new(OnceLock::from(Some(found)));
    change(&mut session);
    session
}

fn of_file(content: Value) -> Session {
    session(Found::File("key.json".into(), content), |_| ())
}

fn user(place: &Place) -> Value {
    json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": "1//r",
        "token_uri": place.token(),
    })
}

fn key(place: &Place) -> Value {
    json!({
        "type": "service_account", "project_id": "p-1", "client_email": CI, "private_key_id": "k-1",
        "private_key": KEY, "token_uri": place.token(),
    })
}

fn federated(place: &Place, source: Value) -> Value {
    json!({
        "type": "external_account", "token_url": place.token(), "credential_source": source,
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/github",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    })
}

fn token(text: &str, lasts: u64) -> Value {
    json!({
        "access_token": text, "expires_in": lasts, "token_type": "Bearer",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    })
}

fn acting(text: &str, lasts: u64) -> Value {
    let until = Timestamp::now() + Duration::from_secs(lasts);
    json!({ "accessToken": text, "expireTime": until.to_string() })
}

fn acts_at(account: &str) -> String {
    format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken")
}

#[tokio::test]
async fn a_user_s_credentials_are_refreshed() {
    let place = Place::open().await;
    place.says("/token", 200, token("t-1", 3600));
    let session = of_file(user(&place));
    assert_eq!(session.token(&cx()).await.expect("a token"), "t-1");
    assert_eq!(session.token(&cx()).await.expect("a token"), "t-1");
    let [asked] = &place.asked()[..] else {
        panic!("{:?}", place.asked());
    };
    assert_eq!(asked.line, "POST /token HTTP/1.1");
    let sent = asked.json();
    let sent = ["grant_type", "client_id", "client_secret", "refresh_token"].map(|it| &sent[it]);
    assert_eq!(sent, ["refresh_token", "id", "secret", "1//r"]);
}

#[tokio::test]
async fn a_key_signs_what_a_token_is_given_for() {
    let place = Place::open().await;
    place.says("/token", 200, token("t-1", 3600));
    let session = of_file(key(&place));
    assert_eq!(session.principal().as_deref(), Some(CI));
    assert_eq!(session.project().as_deref(), Some("p-1"));
    assert_eq!(session.token(&cx()).await.expect("a token"), "t-1");
    let form = place.asked()[0].form();
    assert_eq!(
        form["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let (told, proof) = form["assertion"].rsplit_once('.').expect("a proof");
    let parts: Vec<Value> = told
        .split('.')
        .map(|it| URL_SAFE_NO_PAD.decode(it).expect("base64"))
        .map(|it| serde_json::from_slice(&it).expect("JSON"))
        .collect();
    assert_eq!(
        parts[0],
        json!({ "alg": "RS256", "typ": "JWT", "kid": "k-1" })
    );
    let claims = &parts[1];
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!(CI), &json!(place.token()))
    );
    assert!(
        claims["scope"]
            .as_str()
            .is_some_and(|it| it.contains(SCOPE))
    );
    let [from, until] = ["iat", "exp"].map(|it| claims[it].as_i64().expect("a time"));
    assert_eq!(until - from, 3600);
    assert!((0..60).contains(&(Timestamp::now().as_second() - from)));
    let lines: String = KEY.lines().filter(|it| !it.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(lines).expect("base64")).expect("a key");
    let known = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    let proof = URL_SAFE_NO_PAD.decode(proof).expect("base64");
    known
        .verify(told.as_bytes(), &proof)
        .expect("what the key signed");
}

#[tokio::test]
async fn a_federated_identity_s_token_is_exchanged_from_a_file_and_from_a_url() {
    let place = Place::open().await;
    place.says("/token", 200, token("t-1", 3600));
    place.says("/ci", 200, json!({ "value": "from-url" }));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "from-file").expect("a file");
    let url = json!({
        "url": format!("{}/ci", place.url), "headers": { "Authorization": "bearer x" },
        "format": { "type": "json", "subject_token_field_name": "value" },
    });
    for (source, subject) in [(json!({ "file": file }), "from-file"), (url, "from-url")] {
        let session = of_file(federated(&place, source));
        assert_eq!(session.token(&cx()).await.expect("a token"), "t-1");
        let form = place.asked().last().expect("a request").form();
        assert_eq!(
            form["grant_type"],
            "urn:ietf:params:oauth:grant-type:token-exchange"
        );
        assert_eq!(form["subject_token"], subject);
        assert!(form["audience"].ends_with("/providers/github") && form["scope"].contains(SCOPE));
        let who =
            "an identity of projects/1/locations/global/workloadIdentityPools/ci/providers/github";
        assert_eq!(session.principal().as_deref(), Some(who));
    }
    let asked = place.asked();
    let source = asked.iter().find(|it| it.line.starts_with("GET /ci "));
    assert_eq!(source.expect("a look")["authorization"], "bearer x");
}

#[tokio::test]
async fn a_federated_identity_may_act_as_a_service_account() {
    let place = Place::open().await;
    place.says("/token", 200, token("t-1", 3600));
    place.says("/ci", 200, json!("x"));
    place.says(&acts_at(CI), 200, acting("t-2", 3600));
    let mut content = federated(&place, json!({ "url": format!("{}/ci", place.url) }));
    content["service_account_impersonation_url"] = json!(format!("{}{}", place.url, acts_at(CI)));
    let session = of_file(content);
    assert_eq!(session.principal().as_deref(), Some(CI));
    assert_eq!(session.token(&cx()).await.expect("a token"), "t-2");
    let asked = place.asked();
    assert_eq!(
        asked.last().expect("a request")["authorization"],
        "Bearer t-1"
    );
}

#[tokio::test]
async fn a_machine_s_own_token_comes_from_its_metadata_server() {
    let place = Place::open().await;
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    place.says(path, 200, token("t-1", 3600));
    let session = session(Found::Machine, |it| it.metadata = Some(place.url.clone()));
    assert_eq!(session.token(&cx()).await.expect("a token"), "t-1");
    let asked = place.asked();
    let asked = asked
        .iter()
        .find(|it| it.line.contains(path))
        .expect("a request");
    assert_eq!(asked["metadata-flavor"], "Google");
    assert!(plain(&asked.line).contains(SCOPE), "{}", asked.line);
}

/// Whoever one is oneself: the token is the account's, asked for with one's own.
#[tokio::test]
async fn whoever_acts_as_a_service_account_asks_for_its_token_with_their_own() {
    let place = Place::open().await;
    place.says("/token", 200, token("own", 3600));
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    place.says(path, 200, token("own", 3600));
    place.says(
        &acts_at("ci%40p-1.iam.gserviceaccount.com"),
        200,
        acting("t-2", 3600),
    );
    for found in [
        Found::File("key.json".into(), user(&place)),
        Found::File("key.json".into(), key(&place)),
        Found::Machine,
    ] {
        let session = session(found, |it| {
            it.access.impersonate = Some(CI.to_owned());
            (it.iam, it.metadata) = (place.url.clone(), Some(place.url.clone()));
        });
        assert_eq!(session.principal().as_deref(), Some(CI));
        assert_eq!(session.token(&cx()).await.expect("a token"), "t-2");
        let asked = place.asked().pop().expect("a request");
        assert_eq!(asked["authorization"], "Bearer own");
        assert_eq!(asked.json()["scope"][0], SCOPE);
        assert_eq!(asked.json()["lifetime"], "3600s");
        let count = place.asked().len();
        assert_eq!(session.token(&cx()).await.expect("a token"), "t-2");
        assert_eq!(place.asked().len(), count);
    }
}

#[tokio::test]
async fn a_file_may_say_as_whom_its_owner_acts() {
    let place = Place::open().await;
    place.says("/token", 200, token("own", 3600));
    place.says(&acts_at(CI), 200, acting("t-2", 3600));
    let session = of_file(json!({
        "type": "impersonated_service_account", "source_credentials": user(&place), "delegates": ["d@x"],
        "service_account_impersonation_url": format!("{}{}", place.url, acts_at(CI)),
    }));
    assert_eq!(session.principal().as_deref(), Some(CI));
    assert_eq!(session.token(&cx()).await.expect("a token"), "t-2");
    let asked = place.asked().pop().expect("a request");
    assert_eq!(
        (&asked["authorization"][..], &asked.json()["delegates"][0]),
        ("Bearer own", &json!("d@x"))
    );
}

/// A token that is about to end is asked for anew, and one that is not is kept.
#[tokio::test]
async fn tokens_are_renewed_before_they_end() {
    let place = Place::open().await;
    for (text, lasts) in [("t-1", 200), ("t-2", 3600), ("t-3", 3600)] {
        place.says("/token", 200, token(text, lasts));
    }
    let own = of_file(key(&place));
    for wanted in ["t-1", "t-2", "t-2"] {
        assert_eq!(own.token(&cx()).await.expect("a token"), wanted);
    }
    let place = Place::open().await;
    place.says("/token", 200, token("own", 3600));
    for (text, lasts) in [("t-1", 200), ("t-2", 3600), ("t-3", 3600)] {
        place.says(&acts_at("a"), 200, acting(text, lasts));
    }
    let acting = session(Found::File("key.json".into(), user(&place)), |it| {
        it.access.impersonate = Some("a".to_owned());
        it.iam = place.url.clone();
    });
    for wanted in ["t-1", "t-2", "t-2"] {
        assert_eq!(acting.token(&cx()).await.expect("a token"), wanted);
    }
    assert_eq!(place.asked().len(), 3);
}

/// What Google's own library brings is renewed by it, when an hour has passed.
#[tokio::test]
async fn a_user_s_token_is_renewed_before_it_ends() {
    let place = Place::open().await;
    place.says("/token", 200, token("t-1", 3600));
    place.says("/token", 200, token("t-2", 3600));
    let session = of_file(user(&place));
    assert_eq!(session.token(&cx()).await.expect("a token"), "t-1");
    // While somebody works, time that is stopped stands still.
    let awake = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3000)).await;
    assert_eq!(session.token(&cx()).await.expect("a token"), "t-1");
    tokio::time::advance(Duration::from_secs(400)).await;
    let since = Instant::now();
    while session.token(&cx()).await.expect("a token") != "t-2" {
        assert!(
            since.elapsed() < Duration::from_secs(20),
            "{:?}",
            place.asked()
        );
        tokio::task::yield_now().await;
    }
    awake.abort();
}

/// A refusal is told in the words of whoever refuses, with what to type for that kind of credentials.
#[tokio::test]
async fn what_brings_no_token_says_why_and_what_to_type() {
    let revoked =
        json!({ "error": "invalid_grant", "error_description": "Token has been revoked." });
    let barred = json!({ "error": { "status": "PERMISSION_DENIED", "message": "Permission 'iam.serviceAccounts.getAccessToken' denied" } });
    let place = Place::open().await;
    place.says("/token", 400, revoked);
    place.says("/ci", 200, json!("x"));
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    place.says(
        path,
        404,
        json!({ "error": "no_account", "error_description": "there is none" }),
    );
    let url = json!({ "url": format!("{}/ci", place.url) });
    for (session, said, hint) in [
        (
            of_file(user(&place)),
            "Token has been revoked",
            "gcloud auth application-default login",
        ),
        (
            of_file(key(&place)),
            "invalid_grant: Token has been revoked",
            "keys list --iam-account ci@",
        ),
        (
            of_file(federated(&place, url)),
            "Token has been revoked",
            "workloadIdentityPools/ci/providers/github",
        ),
        (
            session(Found::Machine, |it| it.metadata = Some(place.url.clone())),
            "404",
            "service account, with the scope cloud-platform",
        ),
    ] {
        let error = session.token(&cx()).await.expect_err("a refusal");
        assert_eq!(error.fault, Fault::Denied, "{error:?}");
        assert!(error.to_line().contains(said), "{error:?}");
        assert!(error.hints.iter().any(|it| it.contains(hint)), "{error:?}");
    }
    let place = Place::open().await;
    place.says("/token", 200, token("own", 3600));
    place.says(&acts_at("a"), 403, barred);
    let acting = session(Found::File("key.json".into(), user(&place)), |it| {
        it.access.impersonate = Some("a".to_owned());
        it.iam = place.url.clone();
    });
    let error = acting.token(&cx()).await.expect_err("a refusal");
    assert_eq!(error.fault, Fault::Denied);
    assert!(error.to_line().contains("getAccessToken"), "{error:?}");
    assert!(
        error.hints[0].contains("roles/iam.serviceAccountTokenCreator"),
        "{error:?}"
    );
}

/// What passes by itself is told as such: the call is tried again, and nobody is sent to sign in.
#[tokio::test]
async fn a_place_that_is_unwell_is_no_refusal() {
    let place = Place::open().await;
    place.says("/token", 503, json!({ "error": "unavailable" }));
    place.says("/token", 200, token("t-1", 3600));
    let own = of_file(key(&place));
    let error = own.token(&cx()).await.expect_err("no token");
    assert_eq!(error.fault, Fault::Transient, "{error:?}");
    assert!(
        error.hints.is_empty() && error.to_line().contains("503"),
        "{error:?}"
    );
    assert_eq!(own.token(&cx()).await.expect("a token"), "t-1");
    let gone = json!({ "token_uri": "http://127.0.0.1:9/token" });
    for mut content in [user(&place), key(&place)] {
        content["token_uri"] = gone["token_uri"].clone();
        let error = of_file(content).token(&cx()).await.expect_err("no token");
        assert_eq!(error.fault, Fault::Transient, "{error:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_says_what_to_type() {
    let place = Place::open().await;
    let without = |mut content: Value, key: &str| {
        content[key] = Value::Null;
        content
    };
    for content in [
        json!({ "type": "gdch_service_account" }),
        json!({ "type": "authorized_user" }),
        json!({}),
        without(key(&place), "client_email"),
        json!({ "type": "impersonated_service_account", "source_credentials": user(&place) }),
        json!({ "type": "impersonated_service_account" }),
    ] {
        let error = of_file(content.clone())
            .token(&cx())
            .await
            .expect_err("no use");
        assert_eq!(error.fault, Fault::Invalid, "{content}: {error:?}");
        assert!(error.to_line().contains("key.json"), "{error:?}");
        assert!(error.hints[0].contains("gcloud auth"), "{error:?}");
    }
    // One that cannot sign is told as such, and not as a place that does not answer.
    let mut broken = key(&place);
    broken["private_key"] = json!("no key");
    let error = of_file(broken).token(&cx()).await.expect_err("no use");
    assert_eq!(error.fault, Fault::Invalid, "{error:?}");
    let nowhere = Path::new("/nowhere/token");
    let error = of_file(federated(&place, json!({ "file": nowhere })))
        .token(&cx())
        .await;
    let error = error.expect_err("no use");
    assert_eq!(error.fault, Fault::Denied, "{error:?}");
    assert!(error.hints[0].contains("credential_source"), "{error:?}");
    assert!(place.asked().is_empty());
}

/// Files are read where one names them.
#[test]
fn a_file_that_is_named_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key.json");
    let named = || {
        Session::new(Access {
            credentials: Some(path.clone()),
            ..Access::default()
        })
    };
    std::fs::write(&path, json!({ "type": "authorized_user" }).to_string()).expect("a file");
    assert_eq!(named().principal(), None);
    let content = json!({ "type": "service_account", "client_email": CI, "project_id": "p-1" });
    std::fs::write(&path, content.to_string()).expect("a file");
    assert_eq!(named().principal().as_deref(), Some(CI));
}
