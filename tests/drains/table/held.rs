//! Something holds what is to go: a finalizer that nobody takes away, or a controller that does not run.

use serde_json::json;

use super::{Case, STUCK};
use crate::world::World;

const OPERATOR: &str = "apis/apps/v1/namespaces/azureserviceoperator-system/deployments/azureserviceoperator-controller-manager";
const HELM: &str = "apis/apps/v1/namespaces/flux-system/deployments/helm-controller";

/// Sets how many pods a Deployment has, and waits until it has them.
fn scale(world: &World, deployment: &str, replicas: i64) {
    let api = world.api();
    api.patch(deployment, &json!({ "spec": { "replicas": replicas } }));
    api.until(deployment, |it| {
        it["status"]["availableReplicas"].as_i64().unwrap_or(0) == replicas
    });
}

/// Returns the Deployment of the provider of databases.
fn provider(world: &World) -> String {
    let found = world
        .api()
        .get("apis/pkg.crossplane.io/v1/providers/rds")
        .expect("the provider");
    let revision = found["status"]["currentRevision"]
        .as_str()
        .expect("a revision");
    format!("apis/apps/v1/namespaces/crossplane-system/deployments/{revision}")
}

fn guard(world: &World, path: &str, finalizer: &str) {
    let patch = json!({ "metadata": { "finalizers": [finalizer] } });
    world.api().patch(path, &patch);
}

fn free(world: &World, path: &str) {
    let patch = json!({ "metadata": { "finalizers": null } });
    world.api().patch(path, &patch);
}

const INGRESS: &str = "apis/networking.k8s.io/v1/namespaces/default/ingresses/web";
const GATEWAY: &str = "apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/web";

fn open_gateway(world: &World) {
    let api = world.api();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "gateways.gateway.networking.k8s.io",
            "annotations": { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/2466" },
        },
        "spec": {
            "group": "gateway.networking.k8s.io", "scope": "Namespaced",
            "names": { "kind": "Gateway", "listKind": "GatewayList", "plural": "gateways", "singular": "gateway" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    });
    api.create("customresourcedefinitions", &definition);
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": { "name": "web", "namespace": "default", "finalizers": ["example.org/gateway"] },
        "spec": { "gatewayClassName": "own", "listeners": [] },
    });
    api.create("gateways", &gateway);
}

/// Returns the path of the pod that mounts the disk.
fn pod(world: &World) -> String {
    let pods = world
        .api()
        .get("api/v1/namespaces/default/pods?labelSelector=app%3Ddb");
    let pods = pods.expect("pods");
    let name = pods["items"][0]["metadata"]["name"]
        .as_str()
        .expect("a pod");
    format!("api/v1/namespaces/default/pods/{name}")
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a claim has a finalizer that nobody takes away",
        faults: "[[finalizer]]\nkind = \"AppClaim\"\n",
        says: &[
            "AppClaim default/shop is not gone",
            "AppClaim default/shop: held by finalizer.apiextensions.crossplane.io",
            "is kept by Deployment crossplane-system/crossplane, which runs",
            "--abandon",
        ],
        ..STUCK
    },
    Case {
        name: "a composite is held, and Crossplane does not run",
        before: |world| {
            scale(
                world,
                "apis/apps/v1/namespaces/crossplane-system/deployments/crossplane",
                0,
            )
        },
        says: &[
            "AppClaim default/shop: held by finalizer.apiextensions.crossplane.io",
            "SQL default/db: held by composite.apiextensions.crossplane.io",
            "is kept by Deployment crossplane-system/crossplane, which does not run",
            "bring that controller back",
        ],
        after: |world| {
            scale(
                world,
                "apis/apps/v1/namespaces/crossplane-system/deployments/crossplane",
                1,
            )
        },
        ..STUCK
    },
    Case {
        name: "a managed resource has a finalizer that nobody takes away",
        faults: "[[finalizer]]\nkind = \"SubnetGroup\"\nname = \"default/alone\"\n",
        says: &[
            "SubnetGroup default/alone: held by finalizer.managedresource.crossplane.io",
            "crossplane-system/rds-",
            "which runs",
        ],
        ..STUCK
    },
    Case {
        name: "a managed resource is held, and its provider does not run",
        before: |world| scale(world, &provider(world), 0),
        says: &[
            "SubnetGroup default/alone: held by finalizer.managedresource.crossplane.io",
            "which does not run: it is scaled to 0",
            "bring that controller back",
        ],
        after: |world| scale(world, &provider(world), 1),
        ..STUCK
    },
    Case {
        name: "a resource of Azure has a finalizer that nobody takes away",
        faults: "[[finalizer]]\nkind = \"FlexibleServersDatabase\"\n",
        says: &[
            "FlexibleServersDatabase default/orders: held by serviceoperator.azure.com/finalizer",
            "azureserviceoperator-controller-manager, which runs",
        ],
        ..STUCK
    },
    Case {
        name: "a resource of Azure is held, and the operator does not run",
        before: |world| scale(world, OPERATOR, 0),
        says: &[
            "FlexibleServersDatabase default/orders: held by serviceoperator.azure.com/finalizer",
            "azureserviceoperator-controller-manager, which does not run",
        ],
        after: |world| scale(world, OPERATOR, 1),
        ..STUCK
    },
    Case {
        name: "a release has a finalizer that nobody takes away",
        faults: "[[finalizer]]\nkind = \"HelmRelease\"\nname = \"flux-system/nginx\"\n",
        says: &[
            "HelmRelease flux-system/nginx: held by finalizers.fluxcd.io",
            "Deployment flux-system/helm-controller, which runs",
        ],
        ..STUCK
    },
    Case {
        name: "a release is held, and Flux does not run",
        before: |world| scale(world, HELM, 0),
        says: &[
            "HelmRelease flux-system/nginx: held by finalizers.fluxcd.io",
            "Deployment flux-system/helm-controller, which does not run",
        ],
        after: |world| scale(world, HELM, 1),
        ..STUCK
    },
    Case {
        name: "a load balancer stays",
        faults: "[[finalizer]]\nkind = \"Service\"\nname = \"default/web\"\n",
        says: &[
            "Service default/web: held by service.kubernetes.io/load-balancer-cleanup",
            "the cloud's controller of load balancers",
        ],
        ..STUCK
    },
    Case {
        name: "an ingress is held by a controller that is not there",
        before: |world| guard(world, INGRESS, "ingress.k8s.aws/resources"),
        says: &[
            "Ingress default/web: held by ingress.k8s.aws/resources",
            "app.kubernetes.io/name=aws-load-balancer-controller: there is none, so nobody will",
        ],
        beyond: &["Ingress default/web"],
        after: |world| free(world, INGRESS),
        ..STUCK
    },
    Case {
        name: "a gateway is held by somebody unknown",
        before: open_gateway,
        says: &[
            "Gateway default/web: held by example.org/gateway",
            "a finalizer is taken away by the controller that set it",
        ],
        beyond: &["Gateway default/web"],
        after: |world| free(world, GATEWAY),
        ..STUCK
    },
    Case {
        name: "a pod with a disk does not end",
        before: |world| guard(world, &pod(world), "example.org/own"),
        says: &["Pod default/db-", "held by example.org/own"],
        after: |world| free(world, &pod(world)),
        ..STUCK
    },
    Case {
        name: "a claim of a disk is held",
        faults: "[[finalizer]]\nkind = \"PersistentVolumeClaim\"\nname = \"default/data\"\n",
        says: &["PersistentVolumeClaim default/data: held by kubernetes.io/pvc-protection"],
        ..STUCK
    },
    Case {
        name: "a disk is not deleted",
        faults: "[[finalizer]]\nkind = \"PersistentVolume\"\n",
        says: &[
            "PersistentVolume pvc-",
            "held by kubernetes.io/pv-protection",
        ],
        ..STUCK
    },
    Case {
        name: "a composite has a finalizer that nobody takes away",
        faults: "[[finalizer]]\nkind = \"SQL\"\n",
        says: &[
            "SQL default/db: held by composite.apiextensions.crossplane.io",
            "Deployment crossplane-system/crossplane, which runs",
        ],
        ..STUCK
    },
];
