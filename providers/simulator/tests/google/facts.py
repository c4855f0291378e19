"""Takes out of Google's discovery documents what the simulated Google Cloud checks requests against: the verbs and paths of the calls
that it knows, and the names, types and enums of what goes with them.

    python facts.py FOLDER > ../../src/google/facts.json
    python facts.py check ../../src/google/facts.json

FOLDER is googleapiclient/discovery_cache/documents of the package google-api-python-client; a check takes that of the package that is
installed.
"""

import json
import pathlib
import re
import sys

# The calls of each document, as "collection.method" without the collections that say only where something is.
CALLS = {
    "container.v1": [
        "projects.locations.clusters.create",
        "projects.locations.clusters.get",
        "projects.locations.clusters.list",
        "projects.locations.clusters.delete",
        "projects.locations.clusters.update",
        "projects.locations.clusters.setResourceLabels",
        "projects.locations.clusters.nodePools.create",
        "projects.locations.clusters.nodePools.get",
        "projects.locations.clusters.nodePools.list",
        "projects.locations.clusters.nodePools.delete",
        "projects.locations.clusters.nodePools.update",
        "projects.locations.clusters.nodePools.setAutoscaling",
        "projects.locations.operations.get",
        "projects.locations.operations.list",
        "projects.locations.getServerConfig",
    ],
    "compute.v1": [
        "projects.get",
        "regions.get",
        "zones.list",
        "machineTypes.get",
        "networks.get",
        "globalOperations.get",
        "regionOperations.get",
        "zoneOperations.get",
    ]
    + [
        f"{kind}.{call}"
        for kind, calls in {
            "forwardingRules": ["aggregatedList", "get", "insert", "delete"],
            "globalForwardingRules": ["get", "insert", "delete"],
            "targetHttpProxies": ["aggregatedList", "get", "insert", "delete"],
            "regionTargetHttpProxies": ["get", "delete"],
            "targetHttpsProxies": ["aggregatedList", "get", "insert", "delete"],
            "regionTargetHttpsProxies": ["get", "delete"],
            "urlMaps": ["aggregatedList", "get", "insert", "delete"],
            "regionUrlMaps": ["get", "delete"],
            "backendServices": ["aggregatedList", "get", "insert", "delete"],
            "regionBackendServices": ["get", "insert", "delete"],
            "targetPools": ["aggregatedList", "get", "insert", "delete"],
            "healthChecks": ["aggregatedList", "get", "insert", "delete"],
            "regionHealthChecks": ["get", "insert", "delete"],
            "httpHealthChecks": ["list", "get", "insert", "delete"],
            "networkEndpointGroups": [
                "aggregatedList",
                "get",
                "insert",
                "delete",
                "attachNetworkEndpoints",
                "listNetworkEndpoints",
            ],
            "globalNetworkEndpointGroups": ["get", "delete"],
            "addresses": ["aggregatedList", "get", "insert", "delete"],
            "globalAddresses": ["get", "insert", "delete"],
            "instanceGroups": ["aggregatedList", "get", "insert", "delete", "addInstances", "listInstances"],
            "sslCertificates": ["aggregatedList", "get", "insert", "delete"],
            "regionSslCertificates": ["get", "delete"],
            "firewalls": ["list", "get", "insert", "delete"],
            "disks": ["aggregatedList", "get", "insert", "delete"],
            "regionDisks": ["get", "delete"],
            "routers": ["aggregatedList", "list", "get", "insert", "patch", "delete"],
        }.items()
        for call in calls
    ],
    "cloudresourcemanager.v3": [
        "projects.get",
        "projects.search",
        "projects.create",
        "projects.patch",
        "projects.delete",
        "projects.getIamPolicy",
        "projects.setIamPolicy",
        "projects.testIamPermissions",
        "operations.get",
    ],
    "cloudresourcemanager.v1": [
        "projects.getEffectiveOrgPolicy",
        "folders.getEffectiveOrgPolicy",
        "organizations.getEffectiveOrgPolicy",
    ],
    "serviceusage.v1": ["services.batchGet", "services.batchEnable", "operations.get"],
    "cloudbilling.v1": [
        "billingAccounts.list",
        "projects.getBillingInfo",
        "projects.updateBillingInfo",
    ],
    "iam.v1": [
        "projects.serviceAccounts.create",
        "projects.serviceAccounts.get",
        "projects.serviceAccounts.list",
        "projects.serviceAccounts.patch",
        "projects.serviceAccounts.delete",
        "projects.serviceAccounts.getIamPolicy",
        "projects.serviceAccounts.setIamPolicy",
    ],
}


def method(document, call):
    *collections, name = call.split(".")
    here = document
    for collection in collections:
        here = here["resources"][collection]
    return here["methods"][name]


def shape(schema):
    """Returns one property, short: a type, a reference, a list or a map of one."""
    if "$ref" in schema:
        return {"ref": schema["$ref"]}
    kind = schema.get("type", "any")
    if kind == "array":
        return {"list": shape(schema["items"])}
    if kind == "object":
        within = schema.get("additionalProperties")
        return {"map": shape(within)} if within else {"any": True}
    told = {"type": kind}
    if "format" in schema:
        told["format"] = schema["format"]
    if "enum" in schema:
        told["enum"] = schema["enum"]
    if schema.get("readOnly"):
        told["output"] = True
    return told


def references(told):
    if isinstance(told, dict):
        if "ref" in told:
            yield told["ref"]
        for value in told.values():
            yield from references(value)


def pattern(document, method):
    path = method.get("flatPath", method["path"])
    # A flat path names each step; one that is short does so already.
    path = document["servicePath"] + path
    return re.sub(r"\{\+?[^}]*\}", "*", path)


def facts(folder):
    all_calls, all_schemas = [], {}
    for name, calls in CALLS.items():
        document = json.loads((pathlib.Path(folder) / f"{name}.json").read_text())
        service = document["name"]
        wanted = set()
        for call in calls:
            found = method(document, call)
            short = call.removeprefix("projects.locations.")
            if service == "iam":
                short = short.removeprefix("projects.")
            query = [
                key
                for key, it in found.get("parameters", {}).items()
                if it["location"] == "query"
            ]
            told = {
                "service": service,
                "call": short,
                "verb": found["httpMethod"],
                "path": pattern(document, found),
                "query": sorted(query),
            }
            if "request" in found:
                told["request"] = found["request"]["$ref"]
                wanted.add(told["request"])
            all_calls.append(told)
        schemas = all_schemas.setdefault(service, {})
        while wanted:
            schema = wanted.pop()
            properties = document["schemas"][schema].get("properties", {})
            schemas[schema] = {key: shape(it) for key, it in properties.items()}
            wanted |= set(references(schemas[schema])) - schemas.keys()
    return {"calls": all_calls, "schemas": all_schemas}


def documents():
    """Returns the folder of the documents in the installed package google-api-python-client."""
    import googleapiclient

    here = pathlib.Path(googleapiclient.__file__).parent
    return here / "discovery_cache" / "documents"


def text(folder):
    return json.dumps(facts(folder), separators=(",", ":"), sort_keys=True) + "\n"


def check(path):
    """Ends with an error where the file at this path says something else than the documents."""
    told, now = json.loads(pathlib.Path(path).read_text()), facts(documents())
    calls = {(it["service"], it["call"]): it for it in now["calls"]}
    wrong = [it for it in told["calls"] if calls.get((it["service"], it["call"])) != it]
    for service, schemas in told["schemas"].items():
        for name, properties in schemas.items():
            there = now["schemas"][service].get(name, {})
            # A document may have grown since: what is told must be in it as it is told.
            wrong += [
                f"{service} {name}.{key}: {it}, and not {there.get(key)}"
                for key, it in properties.items()
                if not agrees(it, there.get(key))
            ]
    if wrong or not told["calls"]:
        sys.exit("\n".join(map(str, wrong)) or "there are no calls")


def agrees(told, there):
    if there is None:
        return False
    grown = {key: value for key, value in there.items() if key != "enum"}
    same = {key: value for key, value in told.items() if key != "enum"}
    return same == grown and set(told.get("enum", [])) <= set(there.get("enum", []))


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(sys.argv[2])
    else:
        sys.stdout.write(text(sys.argv[1]))
