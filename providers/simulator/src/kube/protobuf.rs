//! Bodies in Kubernetes' protobuf encoding, which kubectl's typed commands send (`kubectl create namespace`, `auth can-i`): decoded
//! into what the same client would have sent as JSON. Answers are always JSON; such clients accept it.
//!
//! `protobuf/messages.txt` holds the field numbers. The encoding: <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>

use super::kinds;
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::LazyLock};

/// What stands before the envelope.
const MAGIC: &[u8] = b"k8s\0";

/// Fields whose own fields stand in JSON where they do (embedded structures in Go).
const EMBEDDED: [&str; 6] = [
    "ephemeralContainerCommon",
    "handler",
    "ingressRuleValue",
    "localObjectReference",
    "persistentVolumeSource",
    "volumeSource",
];

/// Fields that say something where they are zero or false: pointers in Go, which are sent only where they are set. All others are sent
/// always, and left out of JSON where they say nothing.
const TELLING: [&str; 44] = [
    "activeDeadlineSeconds",
    "allocateLoadBalancerNodePorts",
    "allowPrivilegeEscalation",
    "automountServiceAccountToken",
    "averageUtilization",
    "backoffLimit",
    "backoffLimitPerIndex",
    "blockOwnerDeletion",
    "completions",
    "controller",
    "deletionGracePeriodSeconds",
    "enableServiceLinks",
    "expirationSeconds",
    "failedJobsHistoryLimit",
    "fsGroup",
    "gracePeriodSeconds",
    "hostUsers",
    "immutable",
    "manualSelector",
    "maxFailedIndexes",
    "minReplicas",
    "optional",
    "orphanDependents",
    "parallelism",
    "partition",
    "periodSeconds",
    "priority",
    "privileged",
    "progressDeadlineSeconds",
    "readOnlyRootFilesystem",
    "replicas",
    "revisionHistoryLimit",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "stabilizationWindowSeconds",
    "startingDeadlineSeconds",
    "successfulJobsHistoryLimit",
    "suspend",
    "terminationGracePeriodSeconds",
    "tolerationSeconds",
    "ttlSecondsAfterFinished",
];

/// A message: its fields by number.
type Message = HashMap<u64, Field>;

struct Field {
    name: &'static str,
    shape: Shape,
    class: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    One,
    Many,
    Map,
}

static MESSAGES: LazyLock<HashMap<&'static str, Message>> = LazyLock::new(|| {
    let lines = include_str!("protobuf/messages.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            Some((name, words.filter_map(field).collect()))
        })
        .collect()
});

/// Reads "name=NUMBER:class", where the class of a list is in brackets and that of a map's values in braces.
fn field(word: &'static str) -> Option<(u64, Field)> {
    let (name, rest) = word.split_once('=')?;
    let (number, class) = rest.split_once(':')?;
    let bare = class.trim_matches(['[', ']', '{', '}']);
    let shape = match class.as_bytes().first() {
        Some(b'[') => Shape::Many,
        Some(b'{') => Shape::Map,
        _ => Shape::One,
    };
    let class = bare;
    Some((number.parse().ok()?, Field { name, shape, class }))
}

/// Decodes a body.
///
/// # Errors
/// Says what is wrong with it: no envelope, a kind whose fields are not known here, or bytes that break off.
pub(super) fn decode(body: &[u8]) -> Result<Value, String> {
    let envelope = body.strip_prefix(MAGIC).ok_or(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
    )?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for part in Parts(envelope) {
        match part? {
            (1, Wire::Bytes(types)) => {
                for part in Parts(types) {
                    match part? {
                        (1, Wire::Bytes(text)) => api_version = string(text)?,
                        (2, Wire::Bytes(text)) => kind = string(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (group, version) = kinds::split(&api_version);
    let package = group.split('.').next().filter(|name| !name.is_empty());
    let class = match kind.as_str() {
        "DeleteOptions" => "meta.v1.DeleteOptions".to_owned(),
        _ => format!("{}.{version}.{kind}", package.unwrap_or("core")),
    };
    if !MESSAGES.contains_key(class.as_str()) {
        return Err(format!(
            "no kind \"{kind}\" is known in protobuf for version \"{api_version}\": send it as JSON"
        ));
    }
    let mut object = json!({"kind": kind, "apiVersion": api_version});
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), message(&class, raw)?) {
        object.extend(fields);
    }
    Ok(object)
}

/// Decodes a message of a class.
fn message(class: &str, bytes: &[u8]) -> Result<Value, String> {
    match class {
        "meta.v1.Time" | "meta.v1.MicroTime" => return time(class, bytes),
        "api.resource.Quantity" => return first(bytes, 1),
        "util.intstr.IntOrString" => return int_or_string(bytes),
        "meta.v1.FieldsV1" | "runtime.RawExtension" => {
            return match first(bytes, 1)? {
                Value::String(text) => {
                    serde_json::from_str(&text).map_err(|error| error.to_string())
                }
                other => Ok(other),
            };
        }
        _ => {}
    }
    let Some(known) = MESSAGES.get(class) else {
        return Ok(json!({}));
    };
    let mut fields = Map::new();
    for part in Parts(bytes) {
        let (number, wire) = part?;
        // What a newer client says more is dropped, as the real server drops it.
        let Some(field) = known.get(&number) else {
            continue;
        };
        match field.shape {
            Shape::Many => {
                let list = fields.entry(field.name).or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut() {
                    list.push(value(field.class, wire)?);
                }
            }
            Shape::Map => {
                let (key, value) = entry(field.class, wire)?;
                fields.entry(field.name).or_insert_with(|| json!({}))[key] = value;
            }
            Shape::One => {
                let value = value(field.class, wire)?;
                match value {
                    Value::Object(inner) if EMBEDDED.contains(&field.name) => fields.extend(inner),
                    value if says_nothing(field.name, &value) => {}
                    value => {
                        fields.insert(field.name.to_owned(), value);
                    }
                }
            }
        }
    }
    Ok(match class {
        // Lists with a name in Go.
        _ if class.ends_with(".ExtraValue") => fields.remove("items").unwrap_or_else(|| json!([])),
        _ => Value::Object(fields),
    })
}

fn says_nothing(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Bool(false) => !TELLING.contains(&name),
        Value::Number(number) => number.as_i64() == Some(0) && !TELLING.contains(&name),
        _ => false,
    }
}

fn value(class: &str, wire: Wire<'_>) -> Result<Value, String> {
    Ok(match (class, wire) {
        ("bool", Wire::Number(number)) => json!(number != 0),
        // Negative numbers are sent as their two's complement in 64 bits.
        ("int32" | "int64", Wire::Number(number)) => json!(number.cast_signed()),
        ("string", Wire::Bytes(bytes)) => json!(string(bytes)?),
        ("bytes", Wire::Bytes(bytes)) => json!(BASE64_STANDARD.encode(bytes)),
        (class, Wire::Bytes(bytes)) => message(class, bytes)?,
        (class, _) => return Err(format!("proto: wrong wireType for {class}")),
    })
}

/// Decodes one entry of a map.
fn entry(class: &str, wire: Wire<'_>) -> Result<(String, Value), String> {
    let Wire::Bytes(bytes) = wire else {
        return Err("proto: wrong wireType for a map".to_owned());
    };
    let (mut key, mut inner) = (String::new(), None);
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Bytes(text)) => key = string(text)?,
            (2, wire) => inner = Some(value(class, wire)?),
            _ => {}
        }
    }
    let inner = inner.unwrap_or_else(|| match class {
        "string" | "bytes" => json!(""),
        _ => json!({}),
    });
    Ok((key, inner))
}

fn time(class: &str, bytes: &[u8]) -> Result<Value, String> {
    let (mut seconds, mut nanos) = (0, 0);
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Number(number)) => seconds = number.cast_signed(),
            (2, Wire::Number(number)) => nanos = number.cast_signed(),
            _ => {}
        }
    }
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let nanos = i32::try_from(nanos).map_err(|error| error.to_string())?;
    let at = Timestamp::new(seconds, nanos).map_err(|error| error.to_string())?;
    let form = match class {
        "meta.v1.Time" => "%Y-%m-%dT%H:%M:%SZ",
        _ => "%Y-%m-%dT%H:%M:%S%.6fZ",
    };
    Ok(json!(at.strftime(form).to_string()))
}

fn int_or_string(bytes: &[u8]) -> Result<Value, String> {
    let (mut text, mut number, mut is_text) = (String::new(), 0, false);
    for part in Parts(bytes) {
        match part? {
            (1, Wire::Number(class)) => is_text = class == 1,
            (2, Wire::Number(it)) => number = it.cast_signed(),
            (3, Wire::Bytes(it)) => text = string(it)?,
            _ => {}
        }
    }
    Ok(if is_text { json!(text) } else { json!(number) })
}

/// Returns the text of a field; null where there is none.
fn first(bytes: &[u8], number: u64) -> Result<Value, String> {
    for part in Parts(bytes) {
        if let (known, Wire::Bytes(text)) = part?
            && known == number
        {
            return Ok(json!(string(text)?));
        }
    }
    Ok(Value::Null)
}

fn string(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())
}

/// A field's value as it is on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message, one after the other.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn part(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.number()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.number()?),
            1 => self.bytes(8).map(|_| Wire::Other)?,
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Wire::Bytes(self.bytes(length)?)
            }
            5 => self.bytes(4).map(|_| Wire::Other)?,
            _ => return None,
        };
        Some((tag >> 3, wire))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<(u64, Wire<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let part = self.part();
        if part.is_none() {
            self.0 = &[];
        }
        Some(part.ok_or_else(|| "unexpected EOF".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(number: u8, inner: &[u8]) -> Vec<u8> {
        let length = u8::try_from(inner.len()).expect("a short field");
        [&[number << 3 | 2, length], inner].concat()
    }

    fn wrap(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let types = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), bytes(1, &types), bytes(2, raw)].concat()
    }

    #[test]
    fn reads_what_a_typed_client_sends() {
        let metadata = [bytes(1, b"web"), bytes(2, b""), bytes(8, b"")].concat();
        let labels = bytes(11, &[bytes(1, b"app"), bytes(2, b"web")].concat());
        let metadata = [metadata, labels].concat();
        // replicas 0, which is said; minReadySeconds 0, which is not.
        let spec = [&[1 << 3, 0][..], &bytes(4, &bytes(1, b"")), &[5 << 3, 0]].concat();
        let raw = [bytes(1, &metadata), bytes(2, &spec), bytes(3, b"")].concat();
        assert_eq!(
            decode(&wrap("apps/v1", "Deployment", &raw)).expect("is decoded"),
            json!({
                "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "labels": {"app": "web"}},
                "spec": {"replicas": 0, "strategy": {}}, "status": {},
            })
        );
        // An embedded structure, a number or a text, a time and bytes.
        let handler = bytes(
            2,
            &bytes(2, &[&[1 << 3, 0, 2 << 3, 80][..], &bytes(3, b"")].concat()),
        );
        let container = [bytes(1, b"c"), bytes(11, &bytes(1, &handler))].concat();
        let volume = [bytes(1, b"v"), bytes(2, &bytes(6, &bytes(1, b"s")))].concat();
        let pod = bytes(2, &[bytes(1, &volume), bytes(2, &container)].concat());
        assert_eq!(
            decode(&wrap("v1", "Pod", &pod)).expect("is decoded")["spec"],
            json!({
                "volumes": [{"name": "v", "secret": {"secretName": "s"}}],
                "containers": [{"name": "c", "readinessProbe": {"httpGet": {"port": 80}}}],
            })
        );
        let secret = bytes(2, &[bytes(1, b"key"), bytes(2, b"value")].concat());
        assert_eq!(
            decode(&wrap("v1", "Secret", &secret)).expect("is decoded")["data"],
            json!({"key": "dmFsdWU="})
        );
    }

    #[test]
    fn says_what_it_cannot_read() {
        assert!(
            decode(b"{}")
                .expect_err("no envelope")
                .contains("expected prefix")
        );
        let whole = wrap("v1", "Namespace", &bytes(1, &bytes(1, b"a")));
        for cut in MAGIC.len() + 1..whole.len() {
            let read = decode(&whole[..cut]);
            assert!(read.is_err() || read.is_ok_and(|it| it["metadata"]["name"] != "a"));
        }
        let strange = decode(&wrap("example.com/v1", "Gadget", b""));
        assert!(strange.expect_err("unknown").contains("send it as JSON"));
    }
}
