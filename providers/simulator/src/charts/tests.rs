use super::{Chart, FILES, Missing, at, index, of, tagged};
use include_dir::Dir;
use serde_json::{Value, json};

/// Nothing is missing.
fn none(_: &Chart) -> bool {
    false
}

#[test]
fn every_file_is_a_chart_that_renders() {
    let mut count = 0;
    for file in FILES.dirs().flat_map(Dir::files) {
        let name = file.path().display().to_string();
        let chart: Chart = serde_saphyr::from_str(file.contents_utf8().unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(name, format!("{}/{}.yaml", chart.name, chart.version));
        let made = chart
            .make("some", "where", &json!({}))
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert!(
            name.starts_with("base/")
                || made.iter().any(|made| {
                    ["Deployment", "DaemonSet"].contains(&made.object["kind"].as_str().unwrap())
                }),
            "{name}"
        );
        count += 1;
    }
    assert_eq!(count, super::CHARTS.len());
}

#[test]
fn a_chart_is_found_only_at_its_place() {
    let url = "oci://quay.io/jetstack/charts/cert-manager";
    assert_eq!(at(url, "v1.21.1", &none).unwrap().name, "cert-manager");
    assert_eq!(at(url, "1.x", &none).unwrap().version, "v1.21.1");
    assert_eq!(at(url, "*", &none).unwrap().version, "v1.21.1");
    assert_eq!(at(url, "v1.0.0", &none).unwrap_err(), Missing::Version);
    assert_eq!(
        at("oci://quay.io/jetstack/cert-manager", "v1.21.1", &none).unwrap_err(),
        Missing::Place
    );
    assert_eq!(
        of(
            "oci://ghcr.io/traefik/helm",
            "traefik",
            ">=41.0.0 <42.0.0",
            &none
        )
        .unwrap()
        .name,
        "traefik"
    );
    assert_eq!(
        of("https://traefik.github.io/charts", "traefik", "*", &none).unwrap_err(),
        Missing::Place
    );
}

#[test]
fn what_is_missing_is_not_found() {
    let url = "oci://ghcr.io/traefik/helm/traefik";
    let newest = |chart: &Chart| chart.version == "41.3.0";
    assert_eq!(tagged(url, "41.3.0", &none).unwrap().version, "41.3.0");
    // A tag is that, and no range.
    assert_eq!(tagged(url, "41.x", &none).unwrap_err(), Missing::Version);
    assert_eq!(
        tagged(url, "41.3.0", &newest).unwrap_err(),
        Missing::Version
    );
    assert_eq!(at(url, "*", &newest).unwrap().version, "39.0.0");
    let all = |chart: &Chart| chart.place() == "ghcr.io/traefik/helm/traefik";
    assert_eq!(tagged(url, "41.3.0", &all).unwrap_err(), Missing::Place);
    let repository = "https://charts.crossplane.io/stable";
    let crossplane = |chart: &Chart| chart.place() == "charts.crossplane.io/stable/crossplane";
    assert_eq!(index(repository, &none).unwrap().len(), 1);
    assert!(index(repository, &crossplane).unwrap().is_empty());
    assert!(index(url, &none).is_none());
}

#[test]
fn values_reach_the_objects_with_their_types() {
    let chart = at(
        "oci://quay.io/jetstack/charts/cert-manager",
        "v1.21.1",
        &none,
    )
    .unwrap();
    let count = |values: Value, kind: &str| {
        let made = chart.make("cert-manager", "cert-manager", &values).unwrap();
        made.iter()
            .filter(|made| made.object["kind"] == kind)
            .count()
    };
    assert_eq!(count(json!({}), "CustomResourceDefinition"), 0);
    assert_eq!(
        count(
            json!({"crds": {"enabled": true}}),
            "CustomResourceDefinition"
        ),
        6
    );
    assert_eq!(
        count(json!({"cainjector": {"enabled": false}}), "Deployment"),
        2
    );
    let made = chart
        .make(
            "cert-manager",
            "cert-manager",
            &json!({"replicaCount": 3, "crds": {"enabled": true}}),
        )
        .unwrap();
    let deployment = made.iter().find(|made| {
        made.object["metadata"]["name"] == "cert-manager" && made.object["kind"] == "Deployment"
    });
    assert_eq!(deployment.unwrap().object["spec"]["replicas"], 3);
    let crd = made
        .iter()
        .find(|made| made.object["kind"] == "CustomResourceDefinition")
        .unwrap();
    assert!(crd.keep && !crd.folder);
    assert_eq!(
        crd.object["metadata"]["annotations"]["helm.sh/resource-policy"],
        "keep"
    );
}

#[test]
fn values_decide_what_charts_make() {
    let crossplane = of(
        "https://charts.crossplane.io/stable",
        "crossplane",
        "2.3.4",
        &none,
    )
    .unwrap();
    let activations = json!({"provider": {"defaultActivations": ["*.m.upbound.io"]}});
    let made = crossplane.make("crossplane", "crossplane-system", &activations);
    let deployment = made
        .unwrap()
        .into_iter()
        .find(|it| it.object["kind"] == "Deployment");
    let init = &deployment.unwrap().object["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!(init["args"][2], r#"--activations=["*.m.upbound.io"]"#);

    let aso = "https://raw.githubusercontent.com/Azure/azure-service-operator/main/v2/charts";
    let aso = of(aso, "azure-service-operator", "v2.21.0", &none).unwrap();
    let values = json!({"createAzureOperatorSecret": false, "crdPattern": "resources.azure.com/*"});
    let made = aso
        .make("aso", "azureserviceoperator-system", &values)
        .unwrap();
    assert!(made.iter().all(|it| it.object["kind"] != "Secret"));
    let deployment = made
        .iter()
        .find(|it| it.object["kind"] == "Deployment")
        .unwrap();
    assert_eq!(
        deployment.object["spec"]["template"]["spec"]["containers"][0]["args"][1],
        "--crd-pattern=resources.azure.com/*"
    );

    let contour = "https://projectcontour.github.io/helm-charts/";
    let contour = of(contour, "contour", "0.7.0", &none).unwrap();
    let values = json!({"envoy": {"service": {"type": "ClusterIP"}, "nodeSelector": {"a": "b"}}});
    let made = contour.make("contour", "contour", &values).unwrap();
    let find = |kind: &str, name: &str| {
        let mut objects = made.iter().map(|it| &it.object);
        objects
            .find(|it| it["kind"] == kind && it["metadata"]["name"] == name)
            .unwrap()
    };
    assert_eq!(
        find("Service", "contour-envoy")["spec"]["type"],
        "ClusterIP"
    );
    let port = |it: &Value| it["spec"]["template"]["spec"]["containers"][0]["ports"][0].clone();
    let envoy = find("DaemonSet", "contour-envoy");
    assert_eq!(port(envoy)["hostPort"], Value::Null);
    let values = json!({"envoy": {"useHostPort": {"http": true}, "hostPorts": {"http": 8080}}});
    let bound = contour.make("contour", "contour", &values).unwrap();
    let bound = bound.iter().find(|it| it.object["kind"] == "DaemonSet");
    assert_eq!(port(&bound.unwrap().object)["hostPort"], 8080);
    assert_eq!(
        envoy["spec"]["template"]["spec"]["nodeSelector"],
        json!({"a": "b"})
    );
}
