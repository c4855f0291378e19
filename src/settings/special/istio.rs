//! Istio's own keys.

use super::{Key, Takes};
use crate::settings::names;

const REVISION: Key = Key {
    name: "revision",
    takes: Takes::Text(names::label),
};

/// Those of the set, and of the control plane.
pub(super) const KEYS: &[Key] = &[
    REVISION,
    Key {
        name: "strict-mtls",
        takes: Takes::Boolean,
    },
];

/// Those of each other part.
pub(super) const PART: &[Key] = &[REVISION];
