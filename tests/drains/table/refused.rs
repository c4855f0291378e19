//! Something is refused, or fails on the way: by the API, by a cloud, by the provider, or by the time.

use super::{Case, GONE, STUCK};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a Kustomization may not be suspended",
        faults: "[[request]]\nmethod = \"PATCH\"\npath = \"/apis/kustomize.toolkit.fluxcd.io/**\"\nstatus = 403\n",
        says: &[
            "cannot change Kustomization default/apps",
            "kubectl auth can-i --list",
        ],
        ..STUCK
    },
    Case {
        name: "a cloud does not delete what something depends on",
        faults: "[[managed]]\nkind = \"VPC\"\nfails = \"DependencyViolation: The vpc has dependencies\"\n",
        says: &[
            "VPC default/db-vpc: held by",
            "async delete failed: DependencyViolation",
        ],
        ..STUCK
    },
    Case {
        name: "a provider may not delete",
        faults: "[[managed]]\nkind = \"Instance\"\nfails = \"AccessDenied: not authorized to perform rds:DeleteDBInstance\"\n",
        says: &[
            "Instance default/db-rdsinstance: held by",
            "AccessDenied: not authorized",
        ],
        ..STUCK
    },
    Case {
        name: "a database takes its time",
        faults: "[[managed]]\nkind = \"Instance\"\nlatency = \"40m\"\n",
        ..GONE
    },
    Case {
        name: "Azure does not delete",
        faults: "[[managed]]\nkind = \"FlexibleServer\"\nname = \"default/db\"\nfails = \"ScopeLocked: the scope is locked\"\n",
        says: &[
            "FlexibleServer default/db: held by",
            "ScopeLocked: the scope is locked",
        ],
        ..STUCK
    },
    Case {
        name: "one kind may not be deleted",
        faults: "[[request]]\nmethod = \"DELETE\"\npath = \"/apis/rds.aws.m.upbound.io/**\"\nstatus = 403\n",
        says: &["cannot delete ", " default/", "kubectl auth can-i --list"],
        ..STUCK
    },
    Case {
        name: "the API throttles all the way",
        faults: "[[request]]\nevery = 2\nstatus = 429\nretry-after = \"1s\"\n",
        ..GONE
    },
    Case {
        name: "the API dies in the middle, and comes back",
        faults: "[[request]]\nmethod = \"DELETE\"\npath = \"/apis/resources.azure.com/**\"\ncount = 1\ndown = \"3m\"\n\n\
                 [[request]]\nmethod = \"DELETE\"\npath = \"/apis/helm.toolkit.fluxcd.io/**\"\ncount = 1\ndown = \"3m\"\n",
        ..GONE
    },
    Case {
        name: "a credential runs out in the middle, and there is another",
        faults: "[[request]]\nnth = 25\nevery = 9\ncount = 6\nstatus = 401\n",
        ..GONE
    },
    Case {
        name: "a credential runs out in the middle, and there is none",
        faults: "[[request]]\nmethod = \"DELETE\"\nnth = 3\nstatus = 401\n",
        says: &["Unauthorized", "the API does not take this credential"],
        ..STUCK
    },
    Case {
        name: "claims and composites may not be deleted",
        faults: "[[request]]\nmethod = \"DELETE\"\npath = \"/apis/devopstoolkit.live/**\"\nstatus = 403\n",
        says: &["cannot delete ", "kubectl auth can-i --list"],
        ..STUCK
    },
    Case {
        name: "resources of Azure may not be deleted",
        faults: "[[request]]\nmethod = \"DELETE\"\npath = \"/apis/*.azure.com/**\"\nstatus = 403\n",
        says: &["cannot delete ", "kubectl auth can-i --list"],
        ..STUCK
    },
    Case {
        name: "releases may not be deleted",
        faults: "[[request]]\nmethod = \"DELETE\"\npath = \"/apis/helm.toolkit.fluxcd.io/**\"\nstatus = 403\n",
        says: &["cannot delete ", "kubectl auth can-i --list"],
        ..STUCK
    },
    Case {
        name: "load balancers may not be deleted",
        faults: "[[request]]\nmethod = \"DELETE\"\npath = \"/api/v1/namespaces/*/services/*\"\nstatus = 403\n",
        says: &["cannot delete ", "kubectl auth can-i --list"],
        ..STUCK
    },
    Case {
        name: "claims of disks may not be deleted",
        faults: "[[request]]\nmethod = \"DELETE\"\npath = \"/api/v1/namespaces/*/persistentvolumeclaims/*\"\nstatus = 403\n",
        says: &["cannot delete ", "kubectl auth can-i --list"],
        ..STUCK
    },
    Case {
        name: "kind does not delete the cluster",
        faults: "[[program]]\nverb = \"delete cluster\"\nexit = 1\nmessage = \"ERROR: failed to delete nodes: busy\"\n\n\
                 [[program]]\nprogram = \"docker\"\nverb = \"rm\"\nexit = 1\nmessage = \"Error response: busy\"\n",
        says: &["left behind\n  kind cluster dot", "busy"],
        ..STUCK
    },
    Case {
        name: "permission to the provider is taken away half way",
        faults: "[[program]]\nverb = \"delete cluster\"\nexit = 1\nmessage = \"permission denied while trying to connect to the Docker daemon \
                 socket at unix:///x\"\n\n[[program]]\nprogram = \"docker\"\nverb = \"rm\"\nexit = 1\nmessage = \"permission denied\"\n",
        says: &["left behind\n  kind cluster dot", "permission denied"],
        ..STUCK
    },
    Case {
        name: "this machine's clock is ahead",
        faults: "clock-skew = \"7m\"\n",
        ..GONE
    },
    Case {
        name: "this machine's clock is behind",
        faults: "clock-skew = \"-7m\"\n",
        ..GONE
    },
    Case {
        name: "this machine's clock is far off, and something is held",
        faults: "clock-skew = \"-2h\"\n\n[[finalizer]]\nkind = \"Service\"\nname = \"default/web\"\n",
        says: &[
            "Service default/web: held by service.kubernetes.io/load-balancer-cleanup, deleted 20 min ago",
        ],
        ..STUCK
    },
];
