//! Signatures, version 4, in a header or in a query
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How long a presigned URL holds, and how far clocks may be apart.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
const EARLY: SignedDuration = SignedDuration::from_mins(5);
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request, as far as a signature covers it.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// As it was sent, encoded.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// By names in lower case.
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) body: &'a [u8],
}

/// What a signature says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) key: String,
    pub(super) region: String,
    pub(super) service: String,
    /// As in "20260102T030405Z".
    date: String,
    day: String,
    pub(super) headers: Vec<String>,
    signature: String,
    /// The token of a session.
    pub(super) token: Option<String>,
    /// How many seconds a presigned URL holds.
    pub(super) expires: Option<i64>,
}

impl Signature {
    /// Returns the signature of a request; `None` where it has none that can be read.
    pub(super) fn of(asked: &Asked<'_>) -> Option<Self> {
        match asked.headers.get("authorization") {
            Some(text) => Self::of_header(asked, text),
            None => Self::of_query(asked),
        }
    }

    fn of_header(asked: &Asked<'_>, text: &str) -> Option<Self> {
        let rest = text.strip_prefix(ALGORITHM)?;
        let parts: BTreeMap<&str, &str> = rest
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .collect();
        let date = asked.headers.get("x-amz-date")?.clone();
        let token = asked.headers.get("x-amz-security-token").cloned();
        Self::read(
            parts.get("Credential")?,
            parts.get("SignedHeaders")?,
            parts.get("Signature")?,
            date,
        )
        .map(|it| Self { token, ..it })
    }

    fn of_query(asked: &Asked<'_>) -> Option<Self> {
        let pairs: BTreeMap<String, String> = pairs(asked.query).into_iter().collect();
        if pairs.get("X-Amz-Algorithm")? != ALGORITHM {
            return None;
        }
        let signature = Self::read(
            pairs.get("X-Amz-Credential")?,
            pairs.get("X-Amz-SignedHeaders")?,
            pairs.get("X-Amz-Signature")?,
            pairs.get("X-Amz-Date")?.clone(),
        )?;
        let expires = pairs
            .get("X-Amz-Expires")
            .map_or(Some(900), |it| it.parse().ok());
        Some(Self {
            token: pairs.get("X-Amz-Security-Token").cloned(),
            expires: Some(expires?),
            ..signature
        })
    }

    fn read(credential: &str, headers: &str, signature: &str, date: String) -> Option<Self> {
        let scope: Vec<&str> = credential.split('/').collect();
        let [key, day, region, service, "aws4_request"] = scope[..] else {
            return None;
        };
        Some(Self {
            key: key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            date,
            day: day.to_owned(),
            headers: headers.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
            token: None,
            expires: None,
        })
    }

    /// Returns when the request was signed.
    pub(super) fn signed(&self) -> Option<Timestamp> {
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", &self.date).ok()?;
        Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }

    /// Returns whether a presigned URL holds at one of the moments: STS takes one for a quarter of an hour, however short it says.
    pub(super) fn holds(&self, moments: &[Timestamp]) -> bool {
        let Some(signed) = self.signed() else {
            return false;
        };
        let named = self.expires.is_some_and(|it| (1..=900).contains(&it));
        named
            && moments.iter().any(|now| {
                let age = now.duration_since(signed);
                age <= LONGEST && age >= -EARLY
            })
    }

    /// Returns whether `secret` made it.
    pub(super) fn is_of(&self, secret: &str, asked: &Asked<'_>) -> bool {
        let host = self.headers.iter().any(|name| name == "host");
        host && self.date.starts_with(&self.day) && self.expected(secret, asked) == self.signature
    }

    fn expected(&self, secret: &str, asked: &Asked<'_>) -> String {
        let mut canonical = format!("{}\n{}\n", asked.method, path(asked.path));
        let mut query: Vec<String> = pairs(asked.query)
            .into_iter()
            .filter(|(name, _)| name != "X-Amz-Signature")
            .map(|(name, value)| format!("{}={}", encode(&name), encode(&value)))
            .collect();
        query.sort();
        canonical += &query.join("&");
        canonical.push('\n');
        for name in &self.headers {
            let value = asked.headers.get(name).map_or("", String::as_str);
            let value: Vec<&str> = value.split_whitespace().collect();
            canonical += &format!("{name}:{}\n", value.join(" "));
        }
        canonical += &format!("\n{}\n", self.headers.join(";"));
        match asked.headers.get("x-amz-content-sha256") {
            Some(given) if given == "UNSIGNED-PAYLOAD" => canonical += given,
            _ => canonical += &hex(&Sha256::digest(asked.body)),
        }
        let scope = format!("{}/{}/{}/aws4_request", self.day, self.region, self.service);
        let text = format!(
            "{ALGORITHM}\n{}\n{scope}\n{}",
            self.date,
            hex(&Sha256::digest(canonical))
        );
        let mut key = hmac(format!("AWS4{secret}").as_bytes(), self.day.as_bytes());
        for part in [&self.region, &self.service, "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        hex(&hmac(&key, text.as_bytes()))
    }
}

/// Signs a request as the administrator does, and returns the headers to add.
#[cfg(test)]
pub(super) fn sign(
    asked: &Asked<'_>,
    (region, service): (&str, &str),
    at: Timestamp,
) -> [(String, String); 2] {
    let date = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut headers = asked.headers.clone();
    headers.insert("x-amz-date".to_owned(), date.clone());
    let names: Vec<String> = headers.keys().cloned().collect();
    let signature = Signature {
        key: super::KEY.0.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        day: date[..8].to_owned(),
        date: date.clone(),
        headers: names.clone(),
        signature: String::new(),
        token: None,
        expires: None,
    };
    let asked = Asked {
        headers: &headers,
        ..*asked
    };
    let made = signature.expected(super::KEY.1, &asked);
    let scope = format!("{}/{region}/{service}/aws4_request", &date[..8]);
    let text = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={made}",
        super::KEY.0,
        names.join(";")
    );
    [
        ("x-amz-date".to_owned(), date),
        ("authorization".to_owned(), text),
    ]
}

/// Returns a path as it is signed: each segment, as it was sent, encoded once more.
fn path(sent: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in sent.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let encoded: Vec<String> = kept.into_iter().map(encode).collect();
    let end = if sent.ends_with('/') && !encoded.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", encoded.join("/"))
}

/// Returns the pairs of a query, decoded.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Returns a text without percent signs before hexadecimal digits; a plus stands for a blank, as in a form.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes
            .get(at + 1..at + 3)
            .and_then(|it| std::str::from_utf8(it).ok());
        let value = digits.and_then(|it| u8::from_str_radix(it, 16).ok());
        match (byte, value) {
            (b'%', Some(value)) => {
                decoded.push(value);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Encodes all but what RFC 3986 leaves alone.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the HMAC-SHA256 of a text (RFC 2104).
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    match key.len() > block.len() {
        true => block[..32].copy_from_slice(&Sha256::digest(key)),
        false => block[..key.len()].copy_from_slice(key),
    }
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(text);
    let outer = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS's documentation: `GET ?Action=ListUsers` of IAM.
    #[test]
    fn a_signature_is_as_the_documentation_has_it() {
        let headers: BTreeMap<String, String> = [
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            (
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            ),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let asked = Asked {
            method: "GET",
            path: "/",
            query: "Action=ListUsers&Version=2010-05-08",
            headers: &headers,
            body: b"",
        };
        let signature = Signature::of(&asked).unwrap();
        assert_eq!(
            (signature.region.as_str(), signature.service.as_str()),
            ("us-east-1", "iam")
        );
        assert!(signature.is_of("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &asked));
        assert!(!signature.is_of("another", &asked));
        let query = "Action=ListRoles&Version=2010-05-08";
        assert!(!signature.is_of(
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            &Asked { query, ..asked }
        ));
    }
}
