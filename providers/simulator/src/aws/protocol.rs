//! How requests and answers are written: the protocols of AWS, between HTTP and JSON with the members that a service's table names.

pub(super) mod cbor;
mod form;
mod rest;
mod xml;

use super::{
    Fault, Heard,
    check::{self, Kind},
    model::{Operation, Protocol, Service, Shape},
};
use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

/// A request, with what its operation is and what it says.
pub(super) struct Call {
    pub(super) operation: &'static Operation,
    pub(super) input: Value,
}

/// Returns which operation a request calls.
pub(super) fn operation(
    service: &'static Service,
    heard: &Heard,
) -> Result<&'static Operation, Fault> {
    match service.protocol {
        Protocol::RestJson => rest::operation(service, heard).ok_or_else(|| {
            Fault::new(
                404,
                "UnknownOperationException",
                format!("there is no {} {}", heard.method, heard.path),
            )
        }),
        Protocol::Json => {
            let target = heard.headers.get("x-amz-target").map_or("", String::as_str);
            let (prefix, name) = match cbor::is_spoken(heard) {
                true => cbor::target(&heard.path).unwrap_or_default(),
                false => target.split_once('.').unwrap_or_default(),
            };
            let known = service.operation(name).filter(|_| prefix == service.place);
            known.ok_or_else(|| Fault::new(400, "UnknownOperationException", ""))
        }
        Protocol::Query | Protocol::Ec2 => {
            let pairs = form::pairs(heard);
            let given = |key: &str| {
                pairs
                    .iter()
                    .find(|(name, _)| name == key)
                    .map(|it| it.1.as_str())
            };
            let name = given("Action").unwrap_or_default();
            if given("Version").is_some_and(|it| it != service.version) {
                let message = format!(
                    "Could not find operation {name} for version {}",
                    given("Version").unwrap_or_default()
                );
                return Err(Fault::new(400, "InvalidAction", message));
            }
            service.operation(name).ok_or_else(|| {
                let message = format!("The action {name} is not valid for this web service.");
                Fault::new(400, "InvalidAction", message)
            })
        }
    }
}

/// Reads what a request says, and checks it against the shape of its operation.
pub(super) fn read(
    service: &Service,
    operation: &'static Operation,
    heard: &Heard,
) -> Result<Call, Fault> {
    let shape = operation.input.unwrap_or("-");
    let mut input = match service.protocol {
        Protocol::RestJson => rest::read(service, operation, heard)?,
        Protocol::Json => json_of(heard)?,
        Protocol::Query | Protocol::Ec2 => form::read(service, shape, heard),
    };
    prune(&mut input);
    let problems = match operation.input {
        Some(shape) => check::check(service, shape, &input),
        None => Vec::new(),
    };
    if problems.is_empty() {
        return Ok(Call { operation, input });
    }
    let first = &problems[0];
    let told = check::tell(&problems);
    Err(match (service.protocol, &first.kind) {
        (Protocol::RestJson, _) => Fault::new(400, "InvalidParameterException", told),
        (Protocol::Json, Kind::Type(_)) => Fault::new(400, "SerializationException", told),
        (Protocol::Json, _) if service.name == "logs" => {
            Fault::new(400, "InvalidParameterException", told)
        }
        (Protocol::Json, _) => Fault::new(400, "ValidationException", told),
        (Protocol::Ec2, Kind::Missing) => Fault::new(
            400,
            "MissingParameter",
            format!("The request must contain the parameter {}", first.path),
        ),
        (Protocol::Ec2, Kind::Unknown) => Fault::new(
            400,
            "UnknownParameter",
            format!("The parameter {} is not recognized", first.path),
        ),
        (Protocol::Ec2, _) => Fault::new(400, "InvalidParameterValue", told),
        (Protocol::Query, Kind::Type(_)) => Fault::new(400, "MalformedInput", told),
        (Protocol::Query, _) => Fault::new(400, "ValidationError", told),
    })
}

fn json_of(heard: &Heard) -> Result<Value, Fault> {
    if heard.body.is_empty() {
        return Ok(json!({}));
    }
    if cbor::is_spoken(heard) {
        let malformed = || Fault::new(400, "SerializationException", "the body is no CBOR");
        return cbor::read(&heard.body).ok_or_else(malformed);
    }
    serde_json::from_slice(&heard.body)
        .map_err(|error| Fault::new(400, "SerializationException", error.to_string()))
}

/// Leaves out what is null: it is as good as not given.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// Returns an answer.
pub(super) fn write(
    service: &Service,
    operation: &Operation,
    output: &Value,
    id: &str,
) -> Response<Body> {
    let shape = operation.output.unwrap_or("-");
    // An answer that its shape does not have is a mistake of this program, which its tests are to see.
    if cfg!(debug_assertions)
        && let Some(wrong) = wrong(service, operation, output)
    {
        return refuse(
            service.protocol,
            &Fault::new(500, "InternalFailure", wrong),
            id,
        );
    }
    match service.protocol {
        Protocol::RestJson | Protocol::Json => {
            let body = shown(service, shape, output);
            let kind = json_kind(service.protocol);
            respond(200, kind, body.to_string(), id)
        }
        Protocol::Query | Protocol::Ec2 => {
            let body = xml::answer(service, operation, output, id);
            respond(200, "text/xml;charset=UTF-8", body, id)
        }
    }
}

/// Returns what is wrong with an answer; what its shape does not name is left out of it anyway.
fn wrong(service: &Service, operation: &Operation, output: &Value) -> Option<String> {
    let mut output = output.clone();
    prune(&mut output);
    let mut problems = check::check(service, operation.output?, &output);
    problems.retain(|it| it.kind != Kind::Unknown);
    (!problems.is_empty()).then(|| {
        format!(
            "the answer of {}: {}",
            operation.name,
            check::tell(&problems)
        )
    })
}

/// Returns a refusal.
pub(super) fn refuse(protocol: Protocol, fault: &Fault, id: &str) -> Response<Body> {
    match protocol {
        Protocol::RestJson | Protocol::Json => {
            let mut body = json!({"message": fault.message});
            if protocol == Protocol::Json {
                body["__type"] = json!(fault.code);
            }
            for (key, value) in fault.extra.as_object().into_iter().flatten() {
                body[key] = value.clone();
            }
            let mut response = respond(fault.status, json_kind(protocol), body.to_string(), id);
            if let Ok(code) = HeaderValue::from_str(&fault.code) {
                response.headers_mut().insert("x-amzn-errortype", code);
            }
            response
        }
        Protocol::Query => respond(fault.status, "text/xml", xml::fault(fault, id), id),
        Protocol::Ec2 => respond(
            fault.status,
            "text/xml;charset=UTF-8",
            xml::fault_of_ec2(fault, id),
            id,
        ),
    }
}

fn json_kind(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Json => "application/x-amz-json-1.1",
        _ => "application/json",
    }
}

fn respond(status: u16, kind: &'static str, body: String, id: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// Returns of a value what its shape names: times as seconds, members by their names on the wire.
fn shown(service: &Service, name: &str, value: &Value) -> Value {
    match (service.shape(name), value) {
        (Shape::Struct(members), Value::Object(fields)) => {
            let mut kept = Map::new();
            for member in members {
                if let Some(value) = fields.get(member.name).filter(|it| !it.is_null()) {
                    kept.insert(member.wire.to_owned(), shown(service, member.shape, value));
                }
            }
            Value::Object(kept)
        }
        (Shape::List { member, .. }, Value::Array(items)) => items
            .iter()
            .map(|item| shown(service, member, item))
            .collect(),
        (Shape::Map { value: of, .. }, Value::Object(fields)) => fields
            .iter()
            .map(|(key, value)| (key.clone(), shown(service, of, value)))
            .collect::<Map<_, _>>()
            .into(),
        (Shape::Time, Value::String(text)) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => json!(time.as_millisecond() as f64 / 1000.0),
            Err(_) => value.clone(),
        },
        _ => value.clone(),
    }
}
