"""Judges bodies that windlass sends to Azure by the models of Microsoft's own clients: each line of standard input is a JSON object with
method, path and body."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "simulator/tests/azure"))

from shapes import ROOTS, Table  # noqa: E402

# What a path ends with, and what it takes.
TAKES = [
    ("PUT", "managedclusters", "ManagedCluster"),
    ("PUT", "agentpools", "AgentPool"),
    ("PUT", "resourcegroups", "ResourceGroup"),
    ("PATCH", "resourcegroups", "ResourceGroupPatchable"),
    ("PUT", "userassignedidentities", "Identity"),
    ("PUT", "federatedidentitycredentials", "FederatedIdentityCredential"),
    ("PUT", "extensions", "Extension"),
    ("PUT", "roleassignments", "RoleAssignmentCreateParameters"),
]
PLAIN = {"string": str, "int": int, "number": (int, float), "bool": bool}


def visit(shapes, kind, value, path):
    if value is None or kind == "any":
        return
    if kind[0] in "[{":
        items = value if kind[0] == "[" else value.values()
        for item in items:
            visit(shapes, kind[1:-1], item, path)
    elif kind in PLAIN:
        assert isinstance(value, PLAIN[kind]), f"{path}: {value!r} is no {kind}"
    elif kind in shapes:
        assert isinstance(value, dict), f"{path}: {value!r} is no {kind}"
        for key, inner in value.items():
            assert key in shapes[kind], f"{kind} has no {key}, at {path}"
            visit(shapes, shapes[kind][key][1], inner, f"{path}.{key}")
        for key, (flag, _) in shapes[kind].items():
            assert flag != "!" or value.get(key) is not None, f"{path}: {kind} wants {key}"
    else:
        assert value in kind.split("|"), f"{path}: {value!r} is none of {kind}"


def main():
    shapes = Table().shapes
    seen = set()
    for line in sys.stdin:
        told = json.loads(line)
        step = told["path"].split("?")[0].split("/")[-2].lower()
        kind = next(kind for method, end, kind in TAKES if (method, end) == (told["method"], step))
        visit(shapes, kind, told["body"], kind)
        # The client itself takes it over, and would send the same.
        model = ROOTS[kind]
        if hasattr(model, "as_dict") and not hasattr(model, "_attribute_map"):
            assert model(told["body"]).as_dict() == told["body"], told["path"]
        seen.add(kind)
    print(" ".join(sorted(seen)))


main()
