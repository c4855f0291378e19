"""Drives the life of a cluster with Microsoft's own clients, their pollers included: from nothing to a working cluster, and back to
nothing."""

import json
import os
import urllib.parse
import urllib.request

from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource.resources import ResourceManagementClient

WORLD = os.environ["WORLD"]
BASE = WORLD.split("/world/")[0] + "/azure"
SUBSCRIPTION = "00000000-0000-4000-8000-00000000a25e"
TENANT = "00000000-0000-4000-8000-0000007e4a47"
CLIENT = "00000000-0000-4000-8000-000000c11e47"


def token():
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": "rehearsal",
        "scope": "https://management.azure.com/.default",
    }
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"{BASE}/login/{TENANT}/oauth2/v2.0/token", data=data) as answer:
        return json.load(answer)["access_token"]


class Bearer(SansIOHTTPPolicy):
    """Brings the token without TLS, which the usual policy refuses."""

    held = token()

    def on_request(self, request):
        request.http_request.headers["Authorization"] = f"Bearer {self.held}"


class WorldTransport(RequestsTransport):
    """Waits in the world's time."""

    def sleep(self, duration):
        with urllib.request.urlopen(f"{WORLD}/clock/sleep?for={duration}"):
            pass


class Nobody:
    def get_token(self, *scopes, **options):
        raise AssertionError("the policy brings the token")


def client(kind, **more):
    return kind(
        Nobody(),
        SUBSCRIPTION,
        base_url=BASE,
        authentication_policy=Bearer(),
        transport=WorldTransport(),
        retry_total=0,
        **more,
    )


def refused(code, call):
    try:
        call()
    except HttpResponseError as error:
        assert error.error and error.error.code == code, error
        return error
    raise AssertionError(f"{code} was expected")


def assets():
    with urllib.request.urlopen(f"{WORLD}/control/assets") as answer:
        return json.load(answer)


groups = client(ResourceManagementClient)
aks = client(ContainerServiceClient)
identities = client(ManagedServiceIdentityClient)
roles = client(AuthorizationManagementClient, api_version="2022-04-01")

WANTED = {
    "location": "eastus",
    "identity": {"type": "SystemAssigned"},
    "tags": {"windlass-cluster": "dot"},
    "sku": {"name": "Base", "tier": "Free"},
    "properties": {
        "dnsPrefix": "dot",
        "agentPoolProfiles": [
            {
                "name": "system",
                "mode": "System",
                "vmSize": "Standard_B2s",
                "count": 1,
                "enableAutoScaling": True,
                "minCount": 1,
                "maxCount": 3,
            }
        ],
        "networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "cilium"},
        "oidcIssuerProfile": {"enabled": True},
    },
}


def group():
    assert [it.name for it in groups.resource_groups.list()] == []
    refused("ResourceGroupNotFound", lambda: groups.resource_groups.get("windlass-dot"))
    made = groups.resource_groups.create_or_update("windlass-dot", {"location": "East US", "tags": {"a": "b"}})
    assert made.location == "eastus" and made.properties.provisioning_state == "Succeeded"
    found = list(groups.resource_groups.list(filter="tagName eq 'a' and tagValue eq 'b'"))
    assert [it.name for it in found] == ["windlass-dot"]
    assert list(groups.resource_groups.list(filter="tagName eq 'a' and tagValue eq 'c'")) == []
    assert groups.providers.get("Microsoft.ContainerService").registration_state == "Registered"


def cluster():
    versions = aks.managed_clusters.list_kubernetes_versions("eastus").values_property
    assert [it.version for it in versions if it.is_default] == ["1.35"]
    wrong = {**WANTED, "properties": {**WANTED["properties"], "kubernetesVersion": "1.20.0"}}
    refused("K8sVersionNotSupported", lambda: aks.managed_clusters.begin_create_or_update("windlass-dot", "dot", wrong))
    made = aks.managed_clusters.begin_create_or_update("windlass-dot", "dot", WANTED)
    refused("OperationNotAllowed", lambda: aks.agent_pools.begin_create_or_update("windlass-dot", "dot", "more", {"properties": {"vmSize": "Standard_B2s", "count": 1}}))
    made = made.result()
    assert made.provisioning_state == "Succeeded", made
    assert made.oidc_issuer_profile.issuer_url.startswith("https://eastus.oic.prod-aks.azure.com/")
    assert made.agent_pool_profiles[0].current_orchestrator_version == made.current_kubernetes_version
    assert made.node_resource_group == "MC_windlass-dot_dot_eastus"
    assert [it.name for it in aks.managed_clusters.list()] == ["dot"]
    assert aks.managed_clusters.get("windlass-dot", "dot").tags == {"windlass-cluster": "dot"}
    resources = groups.resources.list_by_resource_group("windlass-dot")
    assert [it.type for it in resources] == ["Microsoft.ContainerService/managedClusters"]


def access():
    told = aks.managed_clusters.list_cluster_user_credentials("windlass-dot", "dot").kubeconfigs[0]
    assert told.name == "clusterUser"
    file = json.loads(told.value)
    server, user = file["clusters"][0]["cluster"]["server"], file["users"][0]["user"]
    request = urllib.request.Request(f"{server.replace('https:', 'http:')}/api/v1/nodes")
    request.add_header("Authorization", f"Bearer {user['token']}")
    with urllib.request.urlopen(request) as answer:
        nodes = json.load(answer)["items"]
    conditions = [it for node in nodes for it in node["status"]["conditions"] if it["type"] == "Ready"]
    assert [it["status"] for it in conditions] == ["True"], conditions


def pools():
    wanted = {
        "properties": {
            "vmSize": "Standard_D4s_v5",
            "count": 2,
            "mode": "User",
            "scaleSetPriority": "Spot",
            "nodeTaints": ["batch=yes:NoSchedule"],
        }
    }
    made = aks.agent_pools.begin_create_or_update("windlass-dot", "dot", "batch", wanted).result()
    assert made.provisioning_state == "Succeeded"
    assert "kubernetes.azure.com/scalesetpriority=spot:NoSchedule" in made.node_taints
    wanted["properties"]["vmSize"] = "Standard_B2s"
    refused("PropertyChangeNotAllowed", lambda: aks.agent_pools.begin_create_or_update("windlass-dot", "dot", "batch", wanted))
    assert sorted(it.name for it in aks.agent_pools.list("windlass-dot", "dot")) == ["batch", "system"]
    refused("OperationNotAllowed", lambda: aks.agent_pools.begin_delete("windlass-dot", "dot", "system"))
    aks.agent_pools.begin_delete("windlass-dot", "dot", "batch").result()
    assert [it.name for it in aks.agent_pools.list("windlass-dot", "dot")] == ["system"]


def power():
    aks.managed_clusters.begin_stop("windlass-dot", "dot").result()
    assert aks.managed_clusters.get("windlass-dot", "dot").power_state.code == "Stopped"
    aks.managed_clusters.begin_start("windlass-dot", "dot").result()
    assert aks.managed_clusters.get("windlass-dot", "dot").power_state.code == "Running"


def identity():
    made = identities.user_assigned_identities.create_or_update("windlass-dot", "windlass-dot-aso", {"location": "eastus"})
    assert made.principal_id and made.client_id
    issuer = aks.managed_clusters.get("windlass-dot", "dot").oidc_issuer_profile.issuer_url
    wanted = {"issuer": issuer, "subject": "system:serviceaccount:a:b", "audiences": ["api://AzureADTokenExchange"]}
    federated = identities.federated_identity_credentials
    federated.create_or_update("windlass-dot", "windlass-dot-aso", "a-b", {"properties": wanted})
    assert [it.subject for it in federated.list("windlass-dot", "windlass-dot-aso")] == ["system:serviceaccount:a:b"]
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/windlass-dot"
    role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
    name = "00000000-0000-4000-8000-000000000001"
    parameters = {"properties": {"principalId": made.principal_id, "principalType": "ServicePrincipal", "roleDefinitionId": role}}
    roles.role_assignments.create(scope, name, parameters)
    assigned = roles.role_assignments.list_for_subscription(filter=f"principalId eq '{made.principal_id}'")
    assert [it.name for it in assigned] == [name]
    permissions = list(roles.permissions.list_for_resource_group("windlass-dot"))
    assert permissions[0].actions == ["*"]
    identities.user_assigned_identities.delete("windlass-dot", "windlass-dot-aso")
    assert [it.name for it in roles.role_assignments.list_for_subscription()] == [name]
    roles.role_assignments.delete(scope, name)


def gone():
    aks.managed_clusters.begin_delete("windlass-dot", "dot").result()
    refused("ResourceNotFound", lambda: aks.managed_clusters.get("windlass-dot", "dot"))
    groups.resource_groups.begin_delete("windlass-dot").result()
    assert [it for it in assets() if it.get("provider") == "azure"] == []


for step in (group, cluster, access, pools, power, identity, gone):
    step()
