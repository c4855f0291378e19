//! CBOR (RFC 8949), which newer SDKs speak with services of JSON: requests are read to JSON, answers are written from it
//! (<https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>).

use super::super::Heard;
use axum::body::Body;
use http::{HeaderValue, Response, header};
use serde_json::{Map, Value, json};

const PROTOCOL: &str = "rpc-v2-cbor";

/// Returns whether a request speaks it.
pub(in crate::aws) fn is_spoken(heard: &Heard) -> bool {
    heard
        .headers
        .get("smithy-protocol")
        .is_some_and(|it| it == PROTOCOL)
}

/// Returns the service's prefix and the operation that a path calls.
pub(super) fn target(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/service/")?.split_once("/operation/")
}

/// Writes an answer in JSON anew.
pub(in crate::aws) async fn translate(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut written = Vec::new();
    write(&value, &mut written);
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/cbor"),
    );
    parts
        .headers
        .insert("smithy-protocol", HeaderValue::from_static(PROTOCOL));
    Response::from_parts(parts, Body::from(written))
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(truth) => out.push(if *truth { 0xf5 } else { 0xf4 }),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => head(0, number, out),
            (None, Some(number)) => head(1, (-1 - number).unsigned_abs(), out),
            (None, None) => {
                out.push(0xfb);
                out.extend(number.as_f64().unwrap_or_default().to_be_bytes());
            }
        },
        Value::String(text) => {
            head(3, text.len() as u64, out);
            out.extend(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u64, out);
            items.iter().for_each(|item| write(item, out));
        }
        Value::Object(fields) => {
            head(5, fields.len() as u64, out);
            for (key, value) in fields {
                write(&json!(key), out);
                write(value, out);
            }
        }
    }
}

/// Writes a major type with its number.
fn head(major: u8, number: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match number {
        0..24 => out.push(major | number as u8),
        24..0x100 => out.extend([major | 24, number as u8]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend((number as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major | 26);
            out.extend((number as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend(number.to_be_bytes());
        }
    }
}

/// Reads a value; `None` where it is malformed, or of a kind that no shape has.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let value = item(&mut rest, 0)?;
    rest.is_empty().then_some(value)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn item(rest: &mut &[u8], depth: usize) -> Option<Value> {
    if depth > 32 {
        return None;
    }
    let first = *take(rest, 1)?.first()?;
    let (major, short) = (first >> 5, first & 0x1f);
    // A length that is not told: items come until a break.
    let open = short == 31;
    let number = match short {
        0..24 => u64::from(short),
        24..28 => {
            let bytes = take(rest, 1 << (short - 24))?;
            bytes
                .iter()
                .fold(0, |all, byte| all << 8 | u64::from(*byte))
        }
        31 => 0,
        _ => return None,
    };
    let ends = |rest: &mut &[u8], done: u64| -> Option<bool> {
        if !open {
            return Some(done == number);
        }
        let ends = rest.first()? == &0xff;
        if ends {
            take(rest, 1)?;
        }
        Some(ends)
    };
    match major {
        0 => Some(json!(number)),
        1 => Some(json!(-1 - i64::try_from(number).ok()?)),
        3 if !open => {
            let bytes = take(rest, usize::try_from(number).ok()?)?;
            Some(json!(std::str::from_utf8(bytes).ok()?))
        }
        4 => {
            let mut items = Vec::new();
            while !ends(rest, items.len() as u64)? {
                items.push(item(rest, depth + 1)?);
            }
            Some(Value::Array(items))
        }
        5 => {
            let (mut fields, mut count) = (Map::new(), 0);
            while !ends(rest, count)? {
                let key = item(rest, depth + 1)?.as_str()?.to_owned();
                fields.insert(key, item(rest, depth + 1)?);
                count += 1;
            }
            Some(Value::Object(fields))
        }
        7 => match short {
            20 => Some(json!(false)),
            21 => Some(json!(true)),
            22 | 23 => Some(Value::Null),
            26 => Some(json!(f32::from_bits(u32::try_from(number).ok()?))),
            27 => Some(json!(f64::from_bits(number))),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({
            "text": "ä", "list": [0, 23, 24, 255, 65_536, 5_000_000_000_u64, -1, -500], "truth": true, "nothing": null, "half": 0.5,
            "long": "x".repeat(300),
        });
        let mut written = Vec::new();
        write(&value, &mut written);
        assert_eq!(read(&written), Some(value));
        assert_eq!(read(&written[..written.len() - 1]), None);
        // RFC 8949, appendix A: an open list in a map, and a map that is too long.
        let open = [
            0xbf, 0x61, 0x61, 0x01, 0x61, 0x62, 0x9f, 0x02, 0x03, 0xff, 0xff,
        ];
        assert_eq!(read(&open), Some(json!({"a": 1, "b": [2, 3]})));
        assert_eq!(read(&[0xa2, 0x61, 0x61, 0x01]), None);
    }
}
