//! Where a HelmRelease's chart comes from.

use super::{Cx, SOURCE, labels};
use crate::{
    charts::{self, Chart},
    reactors::object::{contains, name, namespace, text},
};
use serde_json::{Value, json};
use std::sync::Arc;

const MANAGER: &str = "helm-controller";

/// Returns the object that the chart comes from; makes the HelmChart where the release describes one.
pub(super) fn source(cx: &Cx<'_>, it: &Value) -> Result<Arc<Value>, String> {
    let reference = &it["spec"]["chartRef"];
    if reference.is_object() {
        let kind = text(reference, "kind");
        let space = reference["namespace"].as_str().unwrap_or(namespace(it));
        let found = cx.get(SOURCE, kind, space, text(reference, "name"));
        let plural = if kind == "HelmChart" {
            "helmcharts"
        } else {
            "ocirepositories"
        };
        return found.ok_or_else(|| {
            format!(
                "{plural}.{SOURCE} \"{}\" not found",
                text(reference, "name")
            )
        });
    }
    let template = &it["spec"]["chart"]["spec"];
    if !template.is_object() {
        return Err("no chart or chartRef is given".to_owned());
    }
    let space = template["sourceRef"]["namespace"]
        .as_str()
        .unwrap_or(namespace(it));
    let chart = format!("{}-{}", namespace(it), name(it));
    let spec = json!({
        "chart": template["chart"], "version": template["version"].as_str().unwrap_or("*"),
        "interval": template["interval"].as_str().unwrap_or(text(&it["spec"], "interval")),
        "reconcileStrategy": template["reconcileStrategy"].as_str().unwrap_or("ChartVersion"),
        "sourceRef": {"kind": template["sourceRef"]["kind"], "name": template["sourceRef"]["name"]},
    });
    let known = cx.get(SOURCE, "HelmChart", space, &chart);
    let current = match known {
        Some(known) if contains(&known["spec"], &spec) => known,
        _ => cx
            .api
            .apply(MANAGER, json!({
                "apiVersion": format!("{SOURCE}/v1"), "kind": "HelmChart",
                "metadata": {"name": chart, "namespace": space, "labels": labels(it)}, "spec": spec,
            }))
            .map_err(|error| error.message)?,
    };
    cx.status(
        it,
        MANAGER,
        json!({"helmChart": format!("{space}/{chart}")}),
    );
    Ok(current)
}

/// Returns the chart that a source's artifact is.
pub(super) fn chart(cx: &Cx<'_>, source: &Value) -> Option<&'static Chart> {
    let revision = text(&source["status"]["artifact"], "revision");
    let version = revision.split('@').next().unwrap_or(revision);
    // What was fetched is there, whatever becomes of the registry.
    let kept = |_: &Chart| false;
    match text(source, "kind") {
        "OCIRepository" => charts::at(text(&source["spec"], "url"), version, &kept).ok(),
        _ => {
            let reference = &source["spec"]["sourceRef"];
            let repository = cx.get(
                SOURCE,
                text(reference, "kind"),
                namespace(source),
                text(reference, "name"),
            )?;
            charts::of(
                text(&repository["spec"], "url"),
                text(&source["spec"], "chart"),
                version,
                &kept,
            )
            .ok()
        }
    }
}
