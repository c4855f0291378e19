//! Istio's revisions, and mutual TLS.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Extras, Home};
use crate::{catalog::template::fill, spec::special::Istio};

pub(super) fn values(part: &str, options: &Istio) -> Value {
    match (&options.revision, part) {
        (None, _) => Value::Null,
        (Some(revision), "istio-base") => json!({ "defaultRevision": revision }),
        (Some(revision), _) => json!({ "revision": revision }),
    }
}

pub(super) fn extras(options: &Istio, home: Home<'_>) -> Result<Extras> {
    let scope = json!({ "namespace": home.namespace });
    let strict = options
        .strict_mtls
        .then(|| fill("components/istio/strict.yaml", &scope));
    Ok(Extras {
        after: strict.transpose()?.map(|it| vec![it]).into_iter().collect(),
        ..Extras::default()
    })
}
