"""kubernetes_job.py FILE: every object of the file as the API's own schema has it.

The models of python3-kubernetes are made of the OpenAPI document of Kubernetes: a member that the
schema does not know, one of another type, and a required one that is missing are refused, with
their path.

needs: kubernetes
"""
import re
import sys

import yaml
from kubernetes import client

KINDS = {("batch/v1", "Job"): client.V1Job}
PLAIN = {"str": str, "int": int, "bool": bool}


def of_type(kind, value, at):
    many = re.fullmatch(r"(list|dict)[\[(](?:str, )?(.*)[\])]", kind)
    if many and many[1] == "list":
        for i, v in enumerate(expect(list, value, at)):
            of_type(many[2], v, f"{at}[{i}]")
    elif many:
        for k, v in expect(dict, value, at).items():
            of_type(many[2], v, f"{at}.{k}")
    elif kind in PLAIN:
        expect(PLAIN[kind], value, at)
    elif hasattr(client, kind):
        of_model(getattr(client, kind), value, at)


def expect(python, value, at):
    if type(value) is not python:
        sys.exit(f"{at} is no {python.__name__}: {value!r}")
    return value


def of_model(model, value, at):
    names = {wire: name for name, wire in model.attribute_map.items()}
    members = {}
    for k, v in expect(dict, value, at).items():
        if k not in names:
            sys.exit(f"{at} has no {k}")
        of_type(model.openapi_types[names[k]], v, f"{at}.{k}")
        members[names[k]] = v
    try:
        model(**members)  # what is required is there, and words are of their lists
    except ValueError as e:
        sys.exit(f"{at}: {e}")


def main():
    with open(sys.argv[1]) as f:
        objects = list(yaml.safe_load_all(f))
    assert objects
    for o in objects:
        model = KINDS.get((o.get("apiVersion"), o.get("kind")))
        if not model:
            sys.exit(f"{o.get('kind')} of {o.get('apiVersion')} is not known")
        of_model(model, o, o["kind"])


main()
