//! A simulated AWS account: one base URL, `/aws`, for all services. The service and the region are read from the signature's scope, as
//! what listens behind `AWS_ENDPOINT_URL` must.
//!
//! Requests are checked against tables of shapes, things live in the world's log, and an engine moves them with the world's
//! clock. It reads AWS's documentation and nothing of windlass.

mod account;
mod check;
mod cloudformation;
pub(crate) mod controllers;
mod ec2;
mod eks;
mod elb;
mod engine;
mod iam;
mod logs;
mod model;
mod protocol;
mod quotas;
mod signature;
mod sts;
mod tagging;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use account::{Desk, Thing, inventory};
pub(crate) use engine::{run, unstick};
pub(crate) use token::{authenticator, is_there};

use crate::{
    faults::CloudEffect,
    gate::When,
    ground::Ground,
    server::{Dropped, LARGEST},
};
use account::{Caller, Cx};
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use model::{Protocol, Service};
use protocol::Call;
use serde_json::{Value, json};
use signature::{Asked, Signature};
use std::{collections::BTreeMap, sync::Arc};

/// The one account there is.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The administrator's access key, and its secret.
const KEY: (&str, &str) = ("AKIAREHEARSAL", "rehearsal");

/// A request, read whole.
struct Heard {
    method: String,
    /// As it was sent, after "/aws".
    path: String,
    /// As it was sent, from the root.
    whole: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Heard {
    fn asked(&self) -> Asked<'_> {
        Asked {
            method: &self.method,
            path: &self.whole,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        }
    }
}

/// A refusal.
#[derive(Clone, Debug)]
struct Fault {
    status: u16,
    code: String,
    message: String,
    /// Further members of the error.
    extra: Box<Value>,
}

impl Fault {
    fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            extra: Box::default(),
        }
    }

    fn with(self, extra: Value) -> Self {
        let extra = Box::new(extra);
        Self { extra, ..self }
    }
}

type Outcome = Result<Value, Fault>;

/// Answers one request for a path under `/aws`.
pub(crate) async fn answer(
    ground: &Arc<Ground>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    ground.clock.touch();
    let (parts, body) = request.into_parts();
    let id = uuid(&ground.mint("request"));
    let Ok(body) = axum::body::to_bytes(Body::new(body), LARGEST).await else {
        let fault = Fault::new(413, "RequestEntityTooLarge", "the body is too large");
        return Ok(protocol::refuse(Protocol::RestJson, &fault, &id));
    };
    let path = parts.uri.path().strip_prefix("/aws").unwrap_or_default();
    let named = |name: &http::HeaderName, value: &http::HeaderValue| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let heard = Heard {
        method: parts.method.to_string(),
        path: if path.is_empty() { "/" } else { path }.to_owned(),
        whole: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts
            .headers
            .iter()
            .filter_map(|(name, value)| named(name, value))
            .collect(),
        body: body.to_vec(),
    };
    let Some(signature) = Signature::of(&heard.asked()) else {
        let fault = Fault::new(
            403,
            "MissingAuthenticationToken",
            "Missing Authentication Token",
        );
        return Ok(protocol::refuse(Protocol::RestJson, &fault, &id));
    };
    let version = signature::pairs(&heard.query)
        .into_iter()
        .chain(signature::pairs(&String::from_utf8_lossy(&heard.body)))
        .find(|(name, _)| name == "Version");
    let Some(service) = model::find(&signature.service, version.as_ref().map(|it| it.1.as_str()))
    else {
        let message = format!("the simulated AWS has no service \"{}\"", signature.service);
        let fault = Fault::new(404, "UnknownServiceException", message);
        return Ok(protocol::refuse(Protocol::RestJson, &fault, &id));
    };
    let response = match serve(ground, service, &signature, &heard, &id).await {
        Ok(response) => response,
        Err(Refusal::Fault(fault)) => protocol::refuse(service.protocol, &fault, &id),
        Err(Refusal::Dropped) => return Err(Dropped),
    };
    Ok(match protocol::cbor::is_spoken(&heard) {
        true => protocol::cbor::translate(response).await,
        false => response,
    })
}

enum Refusal {
    Fault(Fault),
    Dropped,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

async fn serve(
    ground: &Arc<Ground>,
    service: &'static Service,
    signature: &Signature,
    heard: &Heard,
    id: &str,
) -> Result<Response<Body>, Refusal> {
    let operation = protocol::operation(service, heard)?;
    let caller = authenticate(ground, service, signature, heard)?;
    let call = protocol::read(service, operation, heard)?;
    let name = name_of(&call.input);
    let strike = ground.faults.cloud(
        "aws",
        service.name,
        operation.name,
        &name,
        ground.clock.now(),
    );
    if !strike.latency.is_zero() {
        ground.clock.sleep(strike.latency).await;
    }
    let work = ground.clock.work();
    let cut = match &strike.effect {
        Some(CloudEffect::Status {
            status,
            code,
            message,
        }) => {
            return Err(struck(
                service,
                operation.name,
                &caller,
                *status,
                code.as_deref(),
                message.as_deref(),
            )
            .into());
        }
        Some(CloudEffect::Reset { after: false }) => return Err(Refusal::Dropped),
        Some(CloudEffect::Reset { after: true }) => true,
        _ => false,
    };
    let act = || {
        let _turn = ground.aws.enter();
        let cx = Cx {
            ground,
            region: &signature.region,
            now: ground.clock.now(),
            caller: &caller,
        };
        ec2::network::begin(&cx);
        let outcome = dispatch(&cx, service, &call);
        if operation.mutates() {
            ground.aws.stir();
        }
        outcome
    };
    let outcome = match operation.mutates() {
        false => act(),
        true => {
            let asked = format!("{} {} {name}", service.name, operation.name);
            let mutation = ground
                .gate
                .enter(asked.trim_end().to_owned(), ground.clock.now());
            if !ground.gate.pass(&mutation, When::Before).await {
                return Err(Refusal::Dropped);
            }
            let outcome = act();
            if !ground.gate.pass(&mutation, When::After).await {
                return Err(Refusal::Dropped);
            }
            outcome
        }
    };
    drop(work);
    if cut {
        return Err(Refusal::Dropped);
    }
    if let Some(failure) = ground.log.failure() {
        return Err(Fault::new(500, "InternalFailure", failure).into());
    }
    Ok(protocol::write(service, operation, &outcome?, id))
}

fn dispatch(cx: &Cx<'_>, service: &Service, call: &Call) -> Outcome {
    let (name, input) = (call.operation.name, &call.input);
    match service.name {
        "sts" => sts::act(cx, name, input),
        "ec2" => ec2::act(cx, name, input),
        "cloudformation" => cloudformation::act(cx, name, input),
        "elb" => elb::act_classic(cx, name, input),
        "elbv2" => elb::act(cx, name, input),
        "tagging" => tagging::act(cx, input),
        "eks" => eks::act(cx, name, input),
        "servicequotas" => quotas::act(cx, name, input),
        "iam" => iam::act(cx, name, input),
        "logs" => logs::act(cx, name, input),
        other => Err(Fault::new(
            501,
            "NotImplemented",
            format!("the simulated AWS does not know how {other} does {name}"),
        )),
    }
}

/// Returns who signed a request.
fn authenticate(
    ground: &Ground,
    service: &Service,
    signature: &Signature,
    heard: &Heard,
) -> Result<Caller, Fault> {
    let code = |query: &str, json: &str, ec2: &str| match service.protocol {
        Protocol::Query => query.to_owned(),
        Protocol::Ec2 => ec2.to_owned(),
        Protocol::RestJson | Protocol::Json => json.to_owned(),
    };
    let status = if service.protocol == Protocol::Ec2 {
        401
    } else {
        403
    };
    let known = ec2::is_region(&signature.region);
    let Some((caller, secret)) =
        account::principal(ground, &signature.key, signature.token.as_deref()).filter(|_| known)
    else {
        let message = match service.protocol {
            Protocol::Ec2 => "AWS was not able to validate the provided access credentials",
            _ => "The security token included in the request is invalid.",
        };
        let code = code(
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "AuthFailure",
        );
        return Err(Fault::new(status, code, message));
    };
    if signature.service != service.signing || !signature.is_of(&secret, &heard.asked()) {
        let code = code(
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "AuthFailure",
        );
        let message = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
                       and signing method. Consult the service documentation for details.";
        return Err(Fault::new(status, code, message));
    }
    let now = [ground.clock.now(), jiff::Timestamp::now()];
    if signature.expires.is_some() && !signature.holds(&now) {
        let code = code(
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "AuthFailure",
        );
        return Err(Fault::new(status, code, "Signature expired"));
    }
    Ok(caller)
}

/// Returns the refusal that a fault asks for, in the words of the service.
fn struck(
    service: &Service,
    operation: &str,
    caller: &Caller,
    status: Option<u16>,
    code: Option<&str>,
    message: Option<&str>,
) -> Fault {
    let protocol = service.protocol;
    let usual = |status: u16| match (status, protocol) {
        (403, Protocol::Ec2) => "UnauthorizedOperation",
        (403, Protocol::Query) => "AccessDenied",
        (403, _) => "AccessDeniedException",
        (429, Protocol::Ec2) => "RequestLimitExceeded",
        (429, Protocol::Query) => "Throttling",
        (429, _) => "ThrottlingException",
        (500, Protocol::RestJson) => "ServerException",
        (503, Protocol::RestJson) => "ServiceUnavailableException",
        (503, _) => "ServiceUnavailable",
        (500.., _) => "InternalFailure",
        (_, Protocol::RestJson) => "InvalidRequestException",
        _ => "ValidationError",
    };
    let code = code.map_or_else(|| usual(status.unwrap_or(400)).to_owned(), str::to_owned);
    let denied = code.starts_with("AccessDenied") || code == "UnauthorizedOperation";
    let throttled = code.contains("Throttl")
        || code == "RequestLimitExceeded"
        || code.contains("TooManyRequests");
    let status = status.unwrap_or(if denied { 403 } else { 400 });
    let message = match message {
        Some(message) => message.to_owned(),
        None if denied => format!(
            "User: {} is not authorized to perform: {}:{operation} because no identity-based policy allows the {}:{operation} action",
            caller.arn, service.signing, service.signing
        ),
        None if throttled => "Rate exceeded".to_owned(),
        None => "a rehearsed fault".to_owned(),
    };
    // Query services throttle with 400, as the JSON ones do; 429 is what a rule may say for short.
    let status = if status == 429 && protocol != Protocol::RestJson {
        400
    } else {
        status
    };
    Fault::new(status, code, message)
}

/// Returns what a request is about, as faults name it.
fn name_of(input: &Value) -> String {
    let text = |key: &str| input[key].as_str();
    let whole = [
        "name",
        "clusterName",
        "StackName",
        "RoleName",
        "LoadBalancerName",
        "GroupId",
        "VolumeId",
        "logGroupName",
    ];
    let parts = [
        "nodegroupName",
        "addonName",
        "principalArn",
        "serviceAccount",
        "associationId",
    ];
    let whole = whole.iter().find_map(|key| text(key));
    let part = parts.iter().find_map(|key| text(key));
    match (whole, part) {
        (Some(whole), Some(part)) => format!("{whole}/{part}"),
        (whole, part) => whole.or(part).unwrap_or_default().to_owned(),
    }
}

/// Returns hexadecimal digits in the form of a UUID.
fn uuid(digits: &str) -> String {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

/// Returns tags as a list, with the names that a service gives key and value.
fn tag_list(tags: &BTreeMap<String, String>, key: &str, value: &str) -> Value {
    tags.iter()
        .map(|(k, v)| json!({key: k, value: v}))
        .collect()
}

/// Returns tags from such a list.
fn tag_map(list: &Value) -> BTreeMap<String, String> {
    let text = |tag: &Value, name: &str| tag[name].as_str().unwrap_or_default().to_owned();
    let tags = list.as_array().into_iter().flatten();
    tags.map(|tag| (text(tag, "Key"), text(tag, "Value")))
        .collect()
}

/// Returns one page of a list, and the token of the next.
fn page(
    items: Vec<Value>,
    most: Option<u64>,
    token: Option<&str>,
) -> Result<(Vec<Value>, Option<String>), Fault> {
    let from: usize = match token {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|it| it.parse().ok())
            .filter(|from| *from <= items.len())
            .ok_or_else(|| {
                Fault::new(
                    400,
                    "InvalidParameterException",
                    "the token of the next page is invalid",
                )
            })?,
    };
    let most = most.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX).max(1)
    });
    let left = items.len() - from;
    let next = (left > most).then(|| format!("page-{}", from + most));
    Ok((items.into_iter().skip(from).take(most).collect(), next))
}
