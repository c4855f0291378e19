//! Tokens for clusters of EKS: presigned requests to STS that name the cluster
//! (<https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster>).

use super::{
    account::{self, Cx},
    eks,
    signature::{self, Asked, Signature},
};
use crate::{
    ground::Ground,
    kube::{Authenticator, Identity},
    site::{Eks, Site},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

const PREFIX: &str = "k8s-aws-v1.";
const HEADER: &str = "x-k8s-aws-id";

struct Webhook {
    ground: Weak<Ground>,
    eks: Eks,
}

/// Returns who knows the tokens of a cluster.
pub(crate) fn authenticator(ground: &Arc<Ground>, eks: &Eks) -> Arc<dyn Authenticator> {
    Arc::new(Webhook {
        ground: Arc::downgrade(ground),
        eks: eks.clone(),
    })
}

/// Returns whether the cluster behind an API server still is.
pub(crate) fn is_there(site: &Site, eks: &Eks, server: &str) -> bool {
    let key = account::Thing::key(&eks.region, "eks:cluster", &eks.name);
    site.things
        .get(&key)
        .is_some_and(|it| it.body["server"] == server)
}

impl Authenticator for Webhook {
    fn identify(&self, token: &str) -> Option<Identity> {
        let ground = self.ground.upgrade()?;
        let url = BASE64_URL_SAFE_NO_PAD
            .decode(token.strip_prefix(PREFIX)?)
            .ok()?;
        let url = String::from_utf8(url).ok()?;
        let (_, rest) = url.split_once("://")?;
        let (place, query) = rest.split_once('?')?;
        let (host, path) = place
            .split_once('/')
            .map_or((place, ""), |(host, path)| (host, path));
        let name = host.split(':').next().unwrap_or_default();
        let ours = ground.address.ends_with(host) || host == "localhost";
        let theirs = name.starts_with("sts.") && name.ends_with(".amazonaws.com");
        if !ours && !theirs {
            return None;
        }
        let headers: BTreeMap<String, String> = [
            ("host".to_owned(), host.to_owned()),
            (HEADER.to_owned(), self.eks.name.clone()),
        ]
        .into();
        let asked = Asked {
            method: "GET",
            path: &format!("/{path}"),
            query,
            headers: &headers,
            body: b"",
        };
        let pairs: BTreeMap<String, String> = signature::pairs(query).into_iter().collect();
        if pairs.get("Action").map(String::as_str) != Some("GetCallerIdentity") {
            return None;
        }
        let signature = Signature::of(&asked)?;
        let named = signature.headers.iter().any(|it| it == HEADER) && signature.service == "sts";
        let now = ground.clock.now();
        // A program of the machine's own signs with the machine's clock, which the world's runs ahead of.
        let fresh = signature.holds(&[now, Timestamp::now()]);
        let (caller, secret) =
            account::principal(&ground, &signature.key, signature.token.as_deref())?;
        if !named || !fresh || !signature.is_of(&secret, &asked) {
            return None;
        }
        let cx = Cx {
            ground: &ground,
            region: &self.eks.region,
            now,
            caller: &caller,
        };
        eks::identity(&cx, &self.eks.name, &caller)
    }
}
