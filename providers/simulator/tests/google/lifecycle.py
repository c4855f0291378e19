"""Makes, changes and deletes a cluster of GKE's in a simulated project, by Google's own client over REST."""

import json
import os
import urllib.request

from google.api_core import exceptions
from google.auth.exceptions import RefreshError
from google.cloud import container_v1
from google.cloud.container_v1.services.cluster_manager.transports.rest import (
    ClusterManagerRestTransport,
)
from google.oauth2.credentials import Credentials

WORLD = os.environ["WORLD"]
HOST = WORLD.split("/")[2]
PLACE = "projects/windlass-rehearsal/locations/us-east1"


def open_client(refresh_token="1//rehearsal"):
    """Opens a client that asks the world in place of container.googleapis.com, under a path of its own."""
    credentials = Credentials(
        None,
        refresh_token=refresh_token,
        token_uri=f"http://{HOST}/google/oauth2/token",
        client_id="rehearsal",
        client_secret="rehearsal",
    )
    transport = ClusterManagerRestTransport(
        host=f"http://{HOST}/google/container", credentials=credentials, url_scheme="http"
    )
    transport._host = f"http://{HOST}/google/container"
    return container_v1.ClusterManagerClient(transport=transport)


def sleep(seconds):
    """Lets simulated time go by."""
    with urllib.request.urlopen(f"{WORLD}/clock/sleep?for={seconds}") as answer:
        json.load(answer)


def expect(error, call, **request):
    try:
        call(**request)
    except error as told:
        return told
    raise AssertionError(f"{request} was taken")


def done(client, operation):
    for _ in range(200):
        if operation.status == container_v1.Operation.Status.DONE:
            assert not operation.error.message, operation.error
            return
        sleep(10)
        operation = client.get_operation(name=f"{PLACE}/operations/{operation.name}")
    raise AssertionError(f"{operation.name} is not done")


expect(RefreshError, open_client("1//other").get_server_config, name=PLACE)
client = open_client()
config = client.get_server_config(name=PLACE)
assert config.default_cluster_version in config.valid_master_versions, config
cluster = container_v1.Cluster(
    name="judge",
    resource_labels={"tier": "test"},
    node_pools=[
        container_v1.NodePool(
            name="first",
            initial_node_count=1,
            config=container_v1.NodeConfig(
                machine_type="e2-standard-2", labels={"a": "b"}, disk_size_gb=50
            ),
        )
    ],
)
done(client, client.create_cluster(parent=PLACE, cluster=cluster))
expect(exceptions.Conflict, client.create_cluster, parent=PLACE, cluster=cluster)
found = client.get_cluster(name=f"{PLACE}/clusters/judge")
assert found.status == container_v1.Cluster.Status.RUNNING, found.status
assert found.endpoint and found.master_auth.cluster_ca_certificate and len(found.locations) == 3
assert dict(found.resource_labels) == {"tier": "test"}
assert [it.name for it in client.list_clusters(parent=PLACE).clusters] == ["judge"]

pool = container_v1.NodePool(name="second", initial_node_count=0)
done(client, client.create_node_pool(parent=f"{PLACE}/clusters/judge", node_pool=pool))
done(
    client,
    client.set_node_pool_autoscaling(
        request={
            "name": f"{PLACE}/clusters/judge/nodePools/second",
            "autoscaling": {"enabled": True, "total_min_node_count": 1, "total_max_node_count": 3},
        }
    ),
)
second = client.get_node_pool(name=f"{PLACE}/clusters/judge/nodePools/second")
assert second.autoscaling.total_max_node_count == 3 and second.status == container_v1.NodePool.Status.RUNNING
begun = client.delete_node_pool(name=f"{PLACE}/clusters/judge/nodePools/second")
# Over REST its client knows no finer words for 400.
busy = expect(exceptions.BadRequest, client.delete_cluster, name=f"{PLACE}/clusters/judge")
assert "incompatible operation" in str(busy), busy
done(client, begun)
expect(exceptions.NotFound, client.get_node_pool, name=f"{PLACE}/clusters/judge/nodePools/second")
wrong = expect(
    exceptions.BadRequest,
    client.create_cluster,
    parent=PLACE,
    cluster=container_v1.Cluster(name="Judge", initial_node_count=1),
)
assert 'Cluster.name "Judge" is invalid' in str(wrong), wrong
done(client, client.delete_cluster(name=f"{PLACE}/clusters/judge"))
expect(exceptions.NotFound, client.get_cluster, name=f"{PLACE}/clusters/judge")
assert not client.list_clusters(parent=PLACE).clusters
