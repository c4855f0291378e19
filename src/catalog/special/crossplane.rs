//! Crossplane's packages: which of them its options want, and what comes with them.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Extras, Home};
use crate::{
    catalog::template::fill,
    spec::special::{Crossplane, crossplane::Cloud},
};

/// Where the packages of providers are.
const REGISTRY: &str = "xpkg.crossplane.io/crossplane-contrib";

/// Returns the version of a cloud's providers, which are released together, and the names of those of its databases.
fn db_providers(cloud: Cloud) -> (&'static str, &'static [&'static str]) {
    match cloud {
        Cloud::None => ("", &[]),
        Cloud::Aws => ("v2.6.0", &["provider-aws-ec2", "provider-aws-rds"]),
        Cloud::Azure => ("v2.7.0", &["provider-azure-dbforpostgresql"]),
        Cloud::Google => ("v3.0.0", &["provider-gcp-sql"]),
    }
}

pub(super) fn values(_: &Crossplane) -> Value {
    Value::Null
}

pub(super) fn extras(
    options: &Crossplane,
    _: Home<'_>,
    _: &dyn Fn(&str) -> String,
) -> Result<Extras> {
    let (version, names) = db_providers(options.cloud);
    let wanted = names.iter().filter(|_| options.db_provider);
    let packages = wanted.map(|name| {
        let package = format!("{REGISTRY}/{name}:{version}");
        // As Crossplane itself would call it, so that none is there twice.
        let name = format!("crossplane-contrib-{name}");
        fill(
            "components/crossplane/provider.yaml",
            &json!({ "name": name, "package": package }),
        )
    });
    let packages = packages.collect::<Result<Vec<Value>>>()?;
    Ok(Extras {
        after: Vec::from_iter(Some(packages).filter(|it| !it.is_empty())),
        ..Extras::default()
    })
}
