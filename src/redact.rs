//! Takes secrets out of whatever windlass shows or writes down.
//!
//! The journal and every output pass through one [`Redactor`]. It knows the secrets that were read (from the
//! environment, from kubeconfigs) word by word, and the shapes of those that were not. It must not be the only guard:
//! plans, outcomes and messages are not to hold secrets in the first place.

use std::{
    borrow::Cow,
    sync::{LazyLock, RwLock},
};

use regex::{Captures, Regex};
use serde_json::Value;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Literals that are shorter would take ordinary words out of every line.
const SHORTEST: usize = 6;

/// Takes secrets out of texts.
#[derive(Debug, Default)]
pub struct Redactor {
    /// Longest first, so that a secret that holds another goes as a whole.
    literals: RwLock<Literals>,
}

/// Known secrets; their `Debug` shows only how many there are.
#[derive(Default)]
struct Literals(Vec<String>);

impl std::fmt::Debug for Literals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl Redactor {
    /// Returns a redactor that knows shapes only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a secret: it, each of its longer lines, and its form in JSON are taken out from now on. Words of fewer
    /// than 6 characters are not learnt.
    pub fn learn(&self, secret: &str) {
        let secret = secret.trim();
        let lines = secret.lines().map(str::trim);
        let many = lines.clone().count() > 1;
        let escaped = Value::from(secret).to_string();
        let mut literals = self
            .literals
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for form in [secret, escaped.trim_matches('"')]
            .into_iter()
            .chain(lines.filter(|line| many && line.len() >= 16 && !line.starts_with("-----")))
        {
            if form.chars().count() >= SHORTEST && !literals.0.iter().any(|known| known == form) {
                literals.0.push(form.to_owned());
            }
        }
        literals
            .0
            .sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    }

    /// Learns the values of those variables whose names look like a secret's.
    pub fn learn_environment<K: AsRef<str>, V: AsRef<str>>(
        &self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) {
        for (name, value) in variables {
            if is_secret_variable(name.as_ref()) {
                self.learn(value.as_ref());
            }
        }
    }

    /// Returns the text without its secrets.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        {
            let literals = self
                .literals
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            for literal in &literals.0 {
                if text.contains(literal.as_str()) {
                    text = Cow::Owned(text.replace(literal.as_str(), REDACTED));
                }
            }
        }
        for shape in SHAPES.iter() {
            if let Cow::Owned(replaced) = shape.replace_all(&text, |found: &Captures<'_>| {
                let kept = found.name("kept").map_or("", |kept| kept.as_str());
                format!("{kept}{REDACTED}")
            }) {
                text = Cow::Owned(replaced);
            }
        }
        text
    }

    /// Takes the secrets out of every string in `value`, those under a secret's key as a whole. Returns whether there
    /// were any. Keys stay as they are.
    pub fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.text(text) {
                Cow::Owned(replaced) if replaced != *text => {
                    *text = replaced;
                    true
                }
                _ => false,
            },
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |any, item| self.value(item) | any),
            Value::Object(fields) => fields.iter_mut().fold(false, |any, (key, item)| {
                let found = match item {
                    Value::String(text)
                        if SECRET_KEY.is_match(key) && !text.is_empty() && text != REDACTED =>
                    {
                        REDACTED.clone_into(text);
                        true
                    }
                    other => self.value(other),
                };
                any | found
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

/// Returns whether a variable of this name holds a secret, and not the path of a file that does.
fn is_secret_variable(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let path = ["_FILE", "_PATH", "_DIR", "_URL", "_URI", "_SOCK"]
        .iter()
        .any(|end| name.ends_with(end))
        || name == "GOOGLE_APPLICATION_CREDENTIALS";
    let word = [
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "CREDENTIAL",
        "API_KEY",
        "APIKEY",
        "ACCESS_KEY",
        "PRIVATE_KEY",
    ]
    .iter()
    .any(|word| name.contains(word));
    word && !path
}

/// A key under which a string is a secret, whatever it looks like.
static SECRET_KEY: LazyLock<Regex> = LazyLock::new(|| {
    shape(
        "(?i)^(?:password|passwd|passphrase|token|(?:id|access|refresh|session|bearer)[-_]?token|client[-_]?secret|\
         (?:secret[-_]?)?access[-_]?key|secret[-_]?access[-_]?key|api[-_]?key|private[-_]?key|client[-_]?key[-_]?data)$",
    )
});

/// The shapes of secrets; a group `kept` stays.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // PEM, RFC 7468: to its end, or to the end of what there is of it.
        r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        // RFC 6750 and RFC 7235.
        r"(?i)(?P<kept>\bauthorization[\x22']?\s*[:=]\s*[\x22']?(?:[a-z0-9-]+\s+)?)[a-z0-9._~+/=:-]{8,}",
        r"(?i)(?P<kept>\bbearer\s+)[a-z0-9._~+/=:-]{16,}",
        // A JWT, RFC 7519: its header is the base64 of `{"`.
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*",
        // EKS tokens: https://docs.aws.amazon.com/eks/latest/userguide/cluster-auth.html
        r"\bk8s-aws-v1\.[A-Za-z0-9_-]{16,}",
        // AWS access key ids: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        // GitHub: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
        // Client secrets of Microsoft Entra applications.
        r"\b[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        // Google: API keys, OAuth access tokens, OAuth client secrets.
        r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,}|\bGOCSPX-[A-Za-z0-9_-]{20,}",
        // The password in a URL, and signatures in its query.
        r"(?P<kept>://[^/\s:@]*:)[^/\s@]+@",
        r"(?i)(?P<kept>[?&](?:sig|x-amz-signature|x-amz-credential)=)[^&\s\x22']+",
        // `password=…` and the like, to the closing quote or the next blank.
        r"(?i)(?P<kept>\b[a-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key)[\x22']?=)(?:\x22[^\x22]+\x22?|'[^']+'?|[^\s,;&\x22']+)",
        // `token: …`: prose has colons too ("token: expired"), so that only what is quoted or long is taken out.
        r"(?i)(?P<kept>\b[a-z0-9_.-]*(?:password|passwd|passphrase|client[_-]?secret|token|api[_-]?key|access[_-]?key|private[_-]?key|key-data)[\x22']?\s*:\s*)(?:\x22[^\x22]+\x22?|'[^']+'?|[^\s,;&\x22']{8,})",
    ]
    .into_iter()
    .map(shape)
    .collect()
});

fn shape(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns are constants, and a test uses each")
}

#[cfg(test)]
pub(crate) mod planted {
    //! Secrets as tests plant them, one of each shape. None was ever valid.

    /// Texts that hold a secret, and the secret.
    pub(crate) const TEXTS: &[(&str, &str)] = &[
        (
            "Authorization: Bearer abcdefgh.12345678",
            "abcdefgh.12345678",
        ),
        ("sent bearer 0123456789abcdef0123", "0123456789abcdef0123"),
        (
            "got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl back",
            "c2lnbmF0dXJl",
        ),
        (
            "k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdz",
            "aHR0cHM6Ly9zdHMuYW1hem9uYXdz",
        ),
        ("key AKIAIOSFODNN7EXAMPLE denied", "AKIAIOSFODNN7EXAMPLE"),
        (
            "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "wJalrXUtnFEMI",
        ),
        (
            "secret_access_key: \"wJalrXUtnFEMI/K7MDENG+x\"",
            "wJalrXUtnFEMI",
        ),
        (
            "ghp_0123456789abcdefghijABCDEFGHIJ012345",
            "0123456789abcdefghij",
        ),
        (
            "github_pat_11ABCDEFG0abcdefghijkl_0123456789",
            "abcdefghijkl_0123456789",
        ),
        (
            "client abc8Q~0123456789abcdefghijABCDEFGHIJ0123 no",
            "0123456789abcdefghij",
        ),
        (
            "AIzaSyA0123456789abcdefghijABCDEFGHIJ012",
            "0123456789abcdefghij",
        ),
        ("ya29.a0AfH6SMBx0123456789abcdef", "0123456789abcdef"),
        ("https://me:hunter22@example.com/x", "hunter22"),
        ("GET /b?se=1&sig=abc%2Fdef== 200", "abc%2Fdef"),
        ("password=hunter22 for db", "hunter22"),
        ("--set 'token=abc'", "=abc"),
        ("token: abcdefgh12345678", "abcdefgh12345678"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEabcdef\n-----END RSA PRIVATE KEY-----",
            "MIIEabcdef",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIEtorn", "MIIEtorn"),
        (
            "client-key-data: LS0tLS1CRUdJTiBSU0E",
            "LS0tLS1CRUdJTiBSU0E",
        ),
    ];
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_shape_of_secret_is_taken_out_once_and_for_all() {
        let redactor = Redactor::new();
        for (text, secret) in planted::TEXTS {
            let clean = redactor.text(text);
            assert!(!clean.contains(secret), "{text} became {clean}");
            assert!(clean.contains(REDACTED), "{text} became {clean}");
            assert_eq!(redactor.text(&clean), clean, "{text}");
            let mut value = json!({ "note": [text] });
            assert!(redactor.value(&mut value), "{text}");
            assert!(!value.to_string().contains(secret), "{value}");
        }
    }

    #[test]
    fn plain_messages_stay_as_they_are() {
        let redactor = Redactor::new();
        for text in [
            "create kind cluster dot",
            "cannot read secret flux-system/gh: not found",
            "the token: expired",
            "waiting for Secret a-team/db-password",
            "HelmRelease flux-system/cert-manager v1.18.2",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "http://127.0.0.1:8080/a@b",
            "resource/cluster",
            "bearer authentication is needed",
        ] {
            assert!(matches!(redactor.text(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn known_secrets_go_in_every_form() {
        let redactor = Redactor::new();
        redactor.learn("corr\"ect horse");
        redactor.learn("correct horse battery staple\nsecond line of the secret");
        redactor.learn("dot");
        redactor.learn_environment([
            ("GITHUB_TOKEN", "plain-value-1"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/x"),
            ("HOME", "/home/windlass"),
        ]);
        assert_eq!(
            redactor.text("a corr\"ect horse, or corr\\\"ect horse, of dot"),
            "a [redacted], or [redacted], of dot"
        );
        assert_eq!(redactor.text("> second line of the secret"), "> [redacted]");
        assert_eq!(
            redactor.text("plain-value-1 /var/run/x /home/windlass"),
            "[redacted] /var/run/x /home/windlass"
        );
        assert!(!format!("{redactor:?}").contains("horse"));
    }

    #[test]
    fn a_string_under_a_secrets_key_goes_whatever_it_is() {
        let mut value = json!({ "token": "abc", "password": "", "secretName": "db", "key": "gpu" });
        assert!(Redactor::new().value(&mut value));
        assert_eq!(
            value,
            json!({ "token": REDACTED, "password": "", "secretName": "db", "key": "gpu" })
        );
    }
}
