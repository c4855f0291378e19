//! A cluster that is full: platforms of Crossplane and of Azure Service Operator with what they made in clouds, load balancers
//! and disks; raised once, and copied for each test.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::world::{Api, Rest, World};

const RDS: &str = "rds.aws.m.upbound.io/v1beta1";
const AZURE_GROUP: &str = "resources.azure.com/v1api20200601";
const POSTGRES: &str = "dbforpostgresql.azure.com/v1api20240801";

/// What stays when all that may go has gone, besides one disk: by its own word, or since something that stays is in it.
pub(crate) const KEPT: [&str; 3] = [
    "FlexibleServer default/kept",
    "ResourceGroup default/rg",
    "SubnetGroup default/kept",
];

static FULL: LazyLock<Rest> = LazyLock::new(|| {
    let world = Rest::empty().wake();
    world.run(&["cluster", "create", "kind"]).expect(0);
    furnish(&world);
    // A chart that has a load balancer.
    let balanced = "controller.service.type=LoadBalancer";
    let nginx = ["install", "nginx", "--set", balanced];
    world.run(&nginx).expect(0);
    world.rest()
});

/// Returns a world with a full cluster that windlass made.
pub(crate) fn full() -> World {
    FULL.wake()
}

/// Returns one in which time goes at that speed.
pub(crate) fn full_at(speed: &str) -> World {
    FULL.wake_at(speed)
}

/// Fails the test unless all is gone but what stays on purpose.
#[track_caller]
pub(crate) fn expect_only_what_is_kept(world: &World) {
    let clouds = world.clouds();
    let others = clouds
        .iter()
        .filter(|it| !it.starts_with("PersistentVolume "));
    let others: Vec<&String> = others.collect();
    assert_eq!(others, KEPT);
    assert_eq!(clouds.len(), KEPT.len() + 1, "{clouds:?}");
    assert!(!world.has_cluster());
}

/// Fills a cluster.
pub(crate) fn furnish(world: &World) {
    world.tell("balancers", &json!(true));
    let kinds = "*.rds.aws.m.upbound.io,*.ec2.aws.m.upbound.io";
    world
        .run(&["install", "crossplane", "aso", "--activate", kinds])
        .expect(0);
    let api = world.api();
    hold_databases(&api);
    hold_azure(&api);
    hold_disks(&api);
    hold_addresses(&api);
}

fn object(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": version, "kind": kind,
        "metadata": { "name": name, "namespace": "default" }, "spec": spec,
    })
}

fn wide(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn is_true(condition: &'static str) -> impl Fn(&Value) -> bool {
    move |it| {
        let conditions = it["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|it| it["type"] == condition && it["status"] == "True")
    }
}

/// Crossplane: a composite with a database, a claim, a resource of its own, and one that is never deleted.
fn hold_databases(api: &Api<'_>) {
    let package = |kind: &str, name: &str, package: &str| {
        wide(
            "pkg.crossplane.io/v1",
            kind,
            name,
            json!({ "package": package }),
        )
    };
    let contrib = "xpkg.crossplane.io/crossplane-contrib";
    let platform = "xpkg.upbound.io/devops-toolkit";
    for (name, image) in [
        ("rds", format!("{contrib}/provider-aws-rds:v2.6.0")),
        ("ec2", format!("{contrib}/provider-aws-ec2:v2.6.0")),
    ] {
        api.create("providers", &package("Provider", name, &image));
    }
    for (name, image) in [
        ("sql", format!("{platform}/dot-sql:v2.2.11")),
        ("app", format!("{platform}/dot-application:v3.0.46")),
    ] {
        api.create("configurations", &package("Configuration", name, &image));
    }
    for name in [
        "providers/rds",
        "providers/ec2",
        "configurations/sql",
        "configurations/app",
    ] {
        api.until(
            &format!("apis/pkg.crossplane.io/v1/{name}"),
            is_true("Healthy"),
        );
    }
    for kind in ["sqls", "appclaims", "apps"] {
        let name = format!(
            "apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind}.devopstoolkit.live"
        );
        api.until(&name, is_true("Established"));
    }
    let identity = json!({ "credentials": { "source": "PodIdentity" } });
    api.create(
        "clusterproviderconfigs",
        &wide(
            "aws.m.upbound.io/v1beta1",
            "ClusterProviderConfig",
            "default",
            identity,
        ),
    );
    let labels = json!({ "provider": "aws", "db": "postgresql" });
    let spec = json!({ "size": "small", "crossplane": { "compositionSelector": { "matchLabels": labels } } });
    api.create(
        "sqls",
        &object("devopstoolkit.live/v1beta1", "SQL", "db", spec),
    );
    let shop = json!({ "parameters": {} });
    api.create(
        "appclaims",
        &object("devopstoolkit.live/v1alpha1", "AppClaim", "shop", shop),
    );
    let region = json!({ "forProvider": { "region": "us-east-1" } });
    let mut kept = object(RDS, "SubnetGroup", "kept", region.clone());
    kept["spec"]["managementPolicies"] = json!(["Observe", "Create", "Update"]);
    api.create("subnetgroups", &kept);
    api.create("subnetgroups", &object(RDS, "SubnetGroup", "alone", region));
    let of = |path: &str| format!("apis/{RDS}/namespaces/default/{path}");
    for name in [
        "subnetgroups/kept",
        "subnetgroups/alone",
        "instances/db-rdsinstance",
    ] {
        api.until(&of(name), is_true("Ready"));
    }
    let sql = "apis/devopstoolkit.live/v1beta1/namespaces/default/sqls/db";
    api.until(sql, is_true("Ready"));
}

/// Azure Service Operator: a group, a server in it and a database in that; and a server that is detached.
fn hold_azure(api: &Api<'_>) {
    api.create(
        "secrets",
        &json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "aso-credential", "namespace": "default" },
            "stringData": { "AZURE_SUBSCRIPTION_ID": "some" },
        }),
    );
    let group = |name: &str| {
        object(
            AZURE_GROUP,
            "ResourceGroup",
            name,
            json!({ "location": "eastus" }),
        )
    };
    let server = |name: &str, group: &str| {
        let spec = json!({ "location": "eastus", "owner": { "name": group } });
        object(POSTGRES, "FlexibleServer", name, spec)
    };
    api.create("resourcegroups", &group("rg"));
    api.create("flexibleservers", &server("db", "rg"));
    let spec = json!({ "owner": { "name": "db" } });
    api.create(
        "flexibleserversdatabases",
        &object(POSTGRES, "FlexibleServersDatabase", "orders", spec),
    );
    let mut kept = server("kept", "rg");
    kept["metadata"]["annotations"] =
        json!({ "serviceoperator.azure.com/reconcile-policy": "detach-on-delete" });
    api.create("flexibleservers", &kept);
    for name in ["flexibleservers/kept", "flexibleserversdatabases/orders"] {
        api.until(
            &format!("apis/{POSTGRES}/namespaces/default/{name}"),
            is_true("Ready"),
        );
    }
}

/// Disks: one in use that goes with its claim, and one that is retained.
fn hold_disks(api: &Api<'_>) {
    for (name, policy) in [("fast", "Delete"), ("safe", "Retain")] {
        api.create(
            "storageclasses",
            &json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": name },
                "provisioner": "disk.example.com", "reclaimPolicy": policy, "volumeBindingMode": "Immediate",
            }),
        );
    }
    for (name, class) in [("data", "fast"), ("archive", "safe")] {
        let spec = json!({
            "storageClassName": class, "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        });
        api.create(
            "persistentvolumeclaims",
            &object("v1", "PersistentVolumeClaim", name, spec),
        );
    }
    let spec = json!({
        "replicas": 1, "selector": { "matchLabels": { "app": "db" } },
        "template": {
            "metadata": { "labels": { "app": "db" } },
            "spec": {
                "containers": [{ "name": "db", "image": "postgres:17" }],
                "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }],
            },
        },
    });
    api.create("deployments", &object("apps/v1", "Deployment", "db", spec));
    let bound = |it: &Value| it["status"]["phase"] == "Bound";
    for name in ["data", "archive"] {
        api.until(
            &format!("api/v1/namespaces/default/persistentvolumeclaims/{name}"),
            bound,
        );
    }
    let runs = |it: &Value| it["status"]["availableReplicas"] == 1;
    api.until("apis/apps/v1/namespaces/default/deployments/db", runs);
}

/// A load balancer of a Service's own; that of a chart is there already. An ingress, and a Kustomization that would bring things back.
fn hold_addresses(api: &Api<'_>) {
    let spec =
        json!({ "type": "LoadBalancer", "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
    api.create("services", &object("v1", "Service", "web", spec));
    let rule = json!({ "http": { "paths": [{
        "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "web", "port": { "number": 80 } } },
    }] } });
    api.create(
        "ingresses",
        &object(
            "networking.k8s.io/v1",
            "Ingress",
            "web",
            json!({ "rules": [rule] }),
        ),
    );
    let addressed = |it: &Value| it["status"]["loadBalancer"]["ingress"][0]["ip"].is_string();
    api.until("api/v1/namespaces/default/services/web", addressed);
    let spec = json!({
        "interval": "10m", "path": "./apps", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "apps" },
    });
    api.create(
        "kustomizations",
        &object(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "apps",
            spec,
        ),
    );
}
