"""The table of shapes in providers/simulator/azure.shapes, and the models of Microsoft's own clients.

`shapes.py check FILE` compares the table with the models: what the table says must be so in them. A member that a model has and the
table has not is told, and is no failure: Azure adds some every month. `shapes.py write FILE` writes the table anew.
"""

import enum
import sys
import typing
from datetime import datetime
from pathlib import Path

from azure.mgmt.authorization.v2022_04_01 import models as authorization
from azure.mgmt.containerservice import models as containers
from azure.mgmt.kubernetesconfiguration.v2023_05_01 import models as extensions
from azure.mgmt.msi.v2024_11_30 import models as identities
from azure.mgmt.resource.resources import models as resources

# What stands in the body of a request, by the name in the table.
ROOTS = {
    "ManagedCluster": containers.ManagedCluster,
    "AgentPool": containers.AgentPool,
    "TagsObject": containers.TagsObject,
    "ResourceGroup": resources.ResourceGroup,
    "ResourceGroupPatchable": resources.ResourceGroupPatchable,
    "Identity": identities.Identity,
    "IdentityUpdate": identities.IdentityUpdate,
    "FederatedIdentityCredential": identities.FederatedIdentityCredential,
    "RoleAssignmentCreateParameters": authorization.RoleAssignmentCreateParameters,
    # Last: its own Identity is not that of the identities, and nobody sends it.
    "Extension": extensions.Extension,
}
PLAIN = {str: "string", int: "int", float: "number", bool: "bool", bytes: "string", datetime: "string", object: "any"}
OLD = {"str": "string", "int": "int", "float": "number", "bool": "bool", "iso-8601": "string", "object": "any"}


class Table:
    """The shapes that requests are made of: each a dictionary of members, with their kind, and whether they are required or only read."""

    def __init__(self):
        self.shapes = {}
        for name, model in ROOTS.items():
            self.shape(name, model)

    def shape(self, name, model):
        if name in self.shapes:
            return name
        self.shapes[name] = {}
        self.shapes[name] = self.old(name, model) if hasattr(model, "_attribute_map") else self.new(model)
        return name

    def new(self, model):
        members = {}
        for base in reversed(model.__mro__):
            if not base.__module__.startswith("azure."):
                continue
            package = sys.modules[base.__module__.rsplit(".", 1)[0]]
            hints = typing.get_type_hints(base, vars(sys.modules[base.__module__]), {"_models": package})
            for attribute, field in vars(base).items():
                if type(field).__name__ != "_RestField":
                    continue
                hint = hints[attribute]
                optional = type(None) in typing.get_args(hint)
                visible = field._visibility
                only = visible == ["read"]
                flag = "=" if only else ("" if optional else "!")
                rest = field._rest_name_input or attribute
                members[rest] = (flag, self.kind(hint))
        return members

    def kind(self, hint):
        origin, inner = typing.get_origin(hint), [it for it in typing.get_args(hint) if it is not type(None)]
        if origin is typing.Union:
            values = [it for it in inner if isinstance(it, type) and issubclass(it, enum.Enum)]
            if values:
                return "|".join(sorted(str(it.value) for it in values[0]))
            return self.kind(inner[0])
        if origin is list:
            return f"[{self.kind(inner[0])}]"
        if origin is dict:
            return "{" + self.kind(inner[1]) + "}"
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return "|".join(sorted(str(it.value) for it in hint))
        if hint in PLAIN:
            return PLAIN[hint]
        if hint is typing.Any:
            return "any"
        return self.shape(hint.__name__, hint)

    def old(self, name, model):
        members, nested = {}, {}
        for attribute, told in model._attribute_map.items():
            rules = model._validation.get(attribute, {})
            flag = "=" if rules.get("readonly") else ("!" if rules.get("required") else "")
            kind = self.old_kind(told["type"], sys.modules[model.__module__])
            key = told["key"].split(".")
            if len(key) == 2 and key[0] == "properties":
                nested[key[1]] = (flag, kind)
            else:
                members[told["key"]] = (flag, kind)
        if nested:
            inner = f"{name}Properties"
            self.shapes[inner] = nested
            required = any(flag == "!" for flag, _ in nested.values())
            members["properties"] = ("!" if required else "", inner)
        return members

    def old_kind(self, kind, module):
        if kind.startswith("["):
            return f"[{self.old_kind(kind[1:-1], module)}]"
        if kind.startswith("{"):
            return "{" + self.old_kind(kind[1:-1], module) + "}"
        if kind in OLD:
            return OLD[kind]
        model = getattr(sys.modules[module.__name__.rsplit(".", 1)[0]], kind)
        if isinstance(model, type) and issubclass(model, enum.Enum):
            return "|".join(sorted(str(it.value) for it in model))
        return self.shape(kind, model)

    def text(self):
        lines = []
        for name in sorted(self.shapes):
            lines.append(name)
            for member, (flag, kind) in sorted(self.shapes[name].items()):
                lines.append(f"  {member}{flag} {kind}")
        return "\n".join(lines) + "\n"


def read(text):
    shapes, current = {}, None
    for line in text.splitlines():
        if not line.startswith(" "):
            current = shapes.setdefault(line, {})
            continue
        member, kind = line.split()
        flag = member[-1] if member[-1] in "!=" else ""
        current[member.rstrip("!=")] = (flag, kind)
    return shapes


def main():
    task, file = sys.argv[1], Path(sys.argv[2])
    table = Table()
    if task == "write":
        file.write_text(table.text())
        return
    wrong = []
    for name, members in read(file.read_text()).items():
        model = table.shapes.get(name)
        if model is None:
            wrong.append(f"there is no {name}")
            continue
        for member, told in members.items():
            if member not in model:
                wrong.append(f"{name} has no {member}")
            elif told[0] != model[member][0] or ("|" not in told[1] and told[1] != model[member][1]):
                wrong.append(f"{name}.{member} is {model[member]}, and not {told}")
            elif "|" in told[1] and not set(told[1].split("|")) <= set(model[member][1].split("|")):
                wrong.append(f"{name}.{member} is one of {model[member][1]}, and not {told[1]}")
        for member in sorted(set(model) - set(members)):
            print(f"new: {name}.{member} {model[member]}")
            if model[member][0] == "!":
                wrong.append(f"{name}.{member} is required, and the table has it not")
    assert not wrong, "\n".join(wrong)


if __name__ == "__main__":
    main()
