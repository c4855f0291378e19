//! Crossplane's own keys.

use super::{Key, Takes};
use crate::settings::words::{Ruled, one_of};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "cloud",
        takes: Takes::Text(cloud),
    },
    Key {
        name: "db-provider",
        takes: Takes::Boolean,
    },
];

/// A cloud that Crossplane is to make things in; `gcp` is Google Cloud too.
fn cloud(text: &str) -> Ruled<String> {
    if text == "gcp" {
        return Ok("google".to_owned());
    }
    let known = ["aws", "azure", "google", "none"].map(|name| (name, name));
    one_of(text, "a cloud of Crossplane's", &known).map(str::to_owned)
}
