//! What stands in the way of a drain: each kind that is drained, stuck by each cause that there is for it. The receipt tells exactly
//! what is left, what holds it is told down to its controller, and once that is mended the same command ends the work.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::json;

use crate::{
    furniture::{KEPT, expect_only_what_is_kept, full},
    receipt::Receipt,
    world::World,
};

/// Something in the way.
struct Case {
    name: &'static str,
    /// What is done to the world before.
    before: fn(&World),
    /// The file of faults.
    faults: &'static str,
    /// How the destroy ends.
    code: i32,
    /// What it says, in this order.
    says: &'static [&'static str],
    /// What else is told as left: nobody can tell that nothing is behind it.
    beyond: &'static [&'static str],
    /// What is done to the world afterwards, so that the next destroy comes to its end.
    after: fn(&World),
}

fn nothing(_: &World) {}

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

const CASES: &[Case] = &[
    Case {
        name: "a Kustomization may not be suspended",
        before: nothing,
        faults: "[[request]]\nmethod = \"PATCH\"\npath = \"/apis/kustomize.toolkit.fluxcd.io/**\"\nstatus = 403\n",
        code: 5,
        says: &[
            "cannot change Kustomization default/apps",
            "kubectl auth can-i --list",
        ],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a claim has a finalizer that nobody takes away",
        before: nothing,
        faults: "[[finalizer]]\nkind = \"AppClaim\"\n",
        code: 5,
        says: &[
            "AppClaim default/shop is not gone",
            "AppClaim default/shop: held by finalizer.apiextensions.crossplane.io",
            "is kept by Deployment crossplane-system/crossplane, which runs",
            "--abandon",
        ],
        beyond: &[],
        after: nothing,
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
        faults: "",
        code: 5,
        says: &[
            "SQL default/db: held by composite.apiextensions.crossplane.io",
            "is kept by Deployment crossplane-system/crossplane, which does not run",
            "bring that controller back",
        ],
        beyond: &[],
        after: |world| {
            scale(
                world,
                "apis/apps/v1/namespaces/crossplane-system/deployments/crossplane",
                1,
            )
        },
    },
    Case {
        name: "a managed resource has a finalizer that nobody takes away",
        before: nothing,
        faults: "[[finalizer]]\nkind = \"SubnetGroup\"\nname = \"default/alone\"\n",
        code: 5,
        says: &[
            "SubnetGroup default/alone: held by finalizer.managedresource.crossplane.io",
            "crossplane-system/rds-",
            "which runs",
        ],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a managed resource is held, and its provider does not run",
        before: |world| scale(world, &provider(world), 0),
        faults: "",
        code: 5,
        says: &[
            "SubnetGroup default/alone: held by finalizer.managedresource.crossplane.io",
            "which does not run: it is scaled to 0",
            "bring that controller back",
        ],
        beyond: &[],
        after: |world| scale(world, &provider(world), 1),
    },
    Case {
        name: "a cloud does not delete what something depends on",
        before: nothing,
        faults: "[[managed]]\nkind = \"VPC\"\nfails = \"DependencyViolation: The vpc has dependencies\"\n",
        code: 5,
        says: &[
            "VPC default/db-vpc: held by",
            "async delete failed: DependencyViolation",
        ],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a provider may not delete",
        before: nothing,
        faults: "[[managed]]\nkind = \"Instance\"\nfails = \"AccessDenied: not authorized to perform rds:DeleteDBInstance\"\n",
        code: 5,
        says: &[
            "Instance default/db-rdsinstance: held by",
            "AccessDenied: not authorized",
        ],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a database takes its time",
        before: nothing,
        faults: "[[managed]]\nkind = \"Instance\"\nlatency = \"40m\"\n",
        code: 0,
        says: &["nothing is left behind, but for what is kept on purpose"],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a resource of Azure has a finalizer that nobody takes away",
        before: nothing,
        faults: "[[finalizer]]\nkind = \"FlexibleServersDatabase\"\n",
        code: 5,
        says: &[
            "FlexibleServersDatabase default/orders: held by serviceoperator.azure.com/finalizer",
            "azureserviceoperator-controller-manager, which runs",
        ],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a resource of Azure is held, and the operator does not run",
        before: |world| scale(world, OPERATOR, 0),
        faults: "",
        code: 5,
        says: &[
            "FlexibleServersDatabase default/orders: held by serviceoperator.azure.com/finalizer",
            "azureserviceoperator-controller-manager, which does not run",
        ],
        beyond: &[],
        after: |world| scale(world, OPERATOR, 1),
    },
    Case {
        name: "Azure does not delete",
        before: nothing,
        faults: "[[managed]]\nkind = \"FlexibleServer\"\nname = \"default/db\"\nfails = \"ScopeLocked: the scope is locked\"\n",
        code: 5,
        says: &[
            "FlexibleServer default/db: held by",
            "ScopeLocked: the scope is locked",
        ],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a release has a finalizer that nobody takes away",
        before: nothing,
        faults: "[[finalizer]]\nkind = \"HelmRelease\"\nname = \"flux-system/nginx\"\n",
        code: 5,
        says: &[
            "HelmRelease flux-system/nginx: held by finalizers.fluxcd.io",
            "Deployment flux-system/helm-controller, which runs",
        ],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a release is held, and Flux does not run",
        before: |world| scale(world, HELM, 0),
        faults: "",
        code: 5,
        says: &[
            "HelmRelease flux-system/nginx: held by finalizers.fluxcd.io",
            "Deployment flux-system/helm-controller, which does not run",
        ],
        beyond: &[],
        after: |world| scale(world, HELM, 1),
    },
    Case {
        name: "a load balancer stays",
        before: nothing,
        faults: "[[finalizer]]\nkind = \"Service\"\nname = \"default/web\"\n",
        code: 5,
        says: &[
            "Service default/web: held by service.kubernetes.io/load-balancer-cleanup",
            "the cloud's controller of load balancers",
        ],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "an ingress is held by a controller that is not there",
        before: |world| guard(world, INGRESS, "ingress.k8s.aws/resources"),
        faults: "",
        code: 5,
        says: &[
            "Ingress default/web: held by ingress.k8s.aws/resources",
            "app.kubernetes.io/name=aws-load-balancer-controller: there is none, so nobody will",
        ],
        beyond: &["Ingress default/web"],
        after: |world| free(world, INGRESS),
    },
    Case {
        name: "a gateway is held by somebody unknown",
        before: open_gateway,
        faults: "",
        code: 5,
        says: &[
            "Gateway default/web: held by example.org/gateway",
            "a finalizer is taken away by the controller that set it",
        ],
        beyond: &["Gateway default/web"],
        after: |world| free(world, GATEWAY),
    },
    Case {
        name: "a pod with a disk does not end",
        before: |world| guard(world, &pod(world), "example.org/own"),
        faults: "",
        code: 5,
        says: &["Pod default/db-", "held by example.org/own"],
        beyond: &[],
        after: |world| free(world, &pod(world)),
    },
    Case {
        name: "a claim of a disk is held",
        before: nothing,
        faults: "[[finalizer]]\nkind = \"PersistentVolumeClaim\"\nname = \"default/data\"\n",
        code: 5,
        says: &["PersistentVolumeClaim default/data: held by kubernetes.io/pvc-protection"],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a disk is not deleted",
        before: nothing,
        faults: "[[finalizer]]\nkind = \"PersistentVolume\"\n",
        code: 5,
        says: &[
            "PersistentVolume pvc-",
            "held by kubernetes.io/pv-protection",
        ],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "one kind may not be deleted",
        before: nothing,
        faults: "[[request]]\nmethod = \"DELETE\"\npath = \"/apis/rds.aws.m.upbound.io/**\"\nstatus = 403\n",
        code: 5,
        says: &["cannot delete ", " default/", "kubectl auth can-i --list"],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "the API throttles all the way",
        before: nothing,
        faults: "[[request]]\nevery = 2\nstatus = 429\nretry-after = \"1s\"\n",
        code: 0,
        says: &["nothing is left behind, but for what is kept on purpose"],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "the API dies in the middle, and comes back",
        before: nothing,
        faults: "[[request]]\nmethod = \"DELETE\"\npath = \"/apis/resources.azure.com/**\"\ncount = 1\ndown = \"3m\"\n\n\
                 [[request]]\nmethod = \"DELETE\"\npath = \"/apis/helm.toolkit.fluxcd.io/**\"\ncount = 1\ndown = \"3m\"\n",
        code: 0,
        says: &["nothing is left behind, but for what is kept on purpose"],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a credential runs out in the middle, and there is another",
        before: nothing,
        faults: "[[request]]\nnth = 25\nevery = 9\ncount = 6\nstatus = 401\n",
        code: 0,
        says: &["nothing is left behind, but for what is kept on purpose"],
        beyond: &[],
        after: nothing,
    },
    Case {
        name: "a credential runs out in the middle, and there is none",
        before: nothing,
        faults: "[[request]]\nmethod = \"DELETE\"\nnth = 3\nstatus = 401\n",
        code: 5,
        says: &["Unauthorized", "the API does not take this credential"],
        beyond: &[],
        after: nothing,
    },
];

/// How many cases are under way at once: most of the time each waits.
const SIDE_BY_SIDE: usize = 12;

#[test]
fn whatever_stands_in_the_way_is_told_and_what_is_left_is_exactly_that() {
    let only = std::env::var("WINDLASS_CASE").unwrap_or_default();
    let cases: Vec<&Case> = CASES
        .iter()
        .filter(|case| case.name.contains(&only))
        .collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tried = catch_unwind(AssertUnwindSafe(|| try_case(case)));
                    if tried.is_err() {
                        failures.lock().expect("no worker panics").push(case.name);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no worker panics");
    assert!(failures.is_empty(), "{failures:#?}");
}

fn try_case(case: &Case) {
    let world = full();
    (case.before)(&world);
    world.write("faults.toml", case.faults);
    let faults = [
        "--rehearse-faults",
        "faults.toml",
        "--receipt",
        "receipt.json",
    ];
    // Without a budget: when that runs out, what is asked to go goes on going behind the receipt's back.
    let ran = world.run(&[&["destroy", "kind"][..], &faults].concat());
    let ran = ran.expect(case.code);
    let mut rest = ran.text.as_str();
    for part in case.says {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{}: \"{part}\" is missing\n{}", case.name, ran.text));
        rest = &rest[at..];
    }
    let mut receipt = Receipt::read(&world);
    receipt
        .left
        .retain(|line| !case.beyond.contains(&line.as_str()));
    receipt.check(&world);
    assert_eq!(world.has_cluster(), case.code != 0, "{receipt:#?}");
    if case.code != 0 {
        // The last word of what is kept is told each time.
        assert_eq!(
            receipt.kept.len(),
            KEPT.len() + 1,
            "{}: {receipt:#?}",
            case.name
        );
        (case.after)(&world);
        world.write("faults.toml", "");
        let ran = world.run(&[&["destroy", "kind"][..], &faults].concat());
        ran.expect(0);
        Receipt::read(&world).check(&world);
    }
    expect_only_what_is_kept(&world);
}
