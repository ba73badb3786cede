"""pipeline_scripts.py FILE SHARD SHARDS: what a pipeline of ci/pipelines/ runs.

Prints the lines of its job for that part (SHARD 0: of the job that judges) as the service would
hand them to a shell, variables of the service set first. What installs and builds is left out:
the tests have done that. (jenkinsfile.groovy does the same for a Jenkinsfile.)
"""
import re
import sys

import yaml


def export(env):
    return ["export %s='%s'" % item for item in env.items()]


def github(doc, shard, shards):
    job = doc["jobs"]["merge" if not shard else "shard"]
    if shard:
        assert job["strategy"]["matrix"]["shard"] == list(range(1, shards + 1))
    lines = export(doc["env"])
    for step in job["steps"]:
        if "run" in step:
            env = {k: re.sub(r"\$\{\{ *matrix\.shard *\}\}", str(shard), str(v))
                   for k, v in step.get("env", {}).items()}
            lines += export(env) + step["run"].splitlines()
    return lines


def gitlab(doc, shard, shards):
    job = doc["merge" if not shard else "shard"]
    if shard:
        assert job["parallel"] == shards
    env = dict(doc["variables"], CI_NODE_INDEX=shard, CI_NODE_TOTAL=shards)
    return export(env) + doc[job["extends"]]["before_script"] + job["script"]


def kubernetes(docs, shard, shards):
    job = docs[1 if not shard else 0]["spec"]
    if shard:
        assert job["completionMode"] == "Indexed" and job["completions"] == shards
    container = job["template"]["spec"]["containers"][0]
    env = {v["name"]: v["value"] for v in container["env"]}
    env["RESULTS"] = env["RESULTS"].lstrip("/")
    command = container["command"]
    return export(dict(env, JOB_COMPLETION_INDEX=shard - 1)) + [
        command[2] if command[:2] == ["sh", "-c"] else " ".join(command)]


def main():
    path, shard, shards = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with open(path) as f:
        text = f.read()
    if "github" in path:
        lines = github(yaml.safe_load(text), shard, shards)
    elif "gitlab" in path:
        lines = gitlab(yaml.safe_load(text), shard, shards)
    else:
        lines = kubernetes(list(yaml.safe_load_all(text)), shard, shards)
    for line in lines:
        if not re.match(r"(ci/install-deps|make) ", line):
            print(line)


main()
