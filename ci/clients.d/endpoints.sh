#!/bin/bash
# What tasks ask the agent, asked by the SDK for Python in a container that is a process: its
# credentials come from AWS_CONTAINER_CREDENTIALS_RELATIVE_URI at 169.254.170.2, and STS, which
# the control plane told of the role, knows them. In the host's network, since our STS listens on
# its loopback.
# needs: boto3 curl
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/ecsim-endpoints.XXXXXX") || exit 2
trap 'rm -rf "$dir"' EXIT

# ask NAME FILE: the program runs in a container; the scenario says how it has to end.
ask()
{
    local log=$dir/log
    if "$BUILD/ecsim" run --agent "$AGENT" -I scenarios/lib "$2" >"$log" 2>&1; then
        if grep -q ' 0 skipped$' "$log"; then
            printf 'ok %s\n' "$1"
        else
            printf 'skip %s: %s\n' "$1" "$(sed -n 's/.*# SKIP //p' "$log")"
        fi
    else
        printf 'FAIL %s\n' "$1"
        sed 's/^/    /' "$log"
    fi
}

cat >"$dir/boto3.scn" <<'SCN'
scenario 1
title   boto3 takes its credentials from the agent
needs   sandbox curl
limit   2m
answer  aws sts
env     ECS_ENABLE_TASK_IAM_ROLE=true ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true
use     boot.scn
file    ${tmp}/root/empty ""
image   real:1 rootfs=${tmp}/root
file    ${tmp}/app/ask.py @ask.py
use     ask-ecs.scn operation=RegisterTaskDefinition body=@definition.json
use     ask-ecs.scn operation=RunTask body={"cluster": "demo", "taskDefinition": "asking:1"}
expect  docker POST /containers/create  .Image == real:1  within 20s
expect  docker POST /containers/*/start  answer.status == 204  within 10s
expect  ecs SubmitTaskStateChange  .status == RUNNING  within 10s
expect  ecs SubmitTaskStateChange  .status == STOPPED .containers[0].exitCode == 0  within 5m

-- ask.py --
import os, sys, time
time.sleep(5)
import boto3
session = boto3.Session(region_name="us-west-2")
credentials = session.get_credentials()
if credentials is None or credentials.method != "container-role":
    sys.exit(21)
who = session.client("sts", endpoint_url=os.environ["STS"]).get_caller_identity()
if "role/asking" not in who["Arn"]:
    sys.exit("it is somebody else: %s" % who["Arn"])

-- definition.json --
{
  "family": "asking",
  "taskRoleArn": "arn:aws:iam::123456789012:role/asking",
  "networkMode": "host",
  "volumes": [
    {"name": "bin", "host": {"sourcePath": "/bin"}},
    {"name": "lib", "host": {"sourcePath": "/lib"}},
    {"name": "lib64", "host": {"sourcePath": "/lib64"}},
    {"name": "usr", "host": {"sourcePath": "/usr"}},
    {"name": "app", "host": {"sourcePath": "${tmp}/app"}}
  ],
  "containerDefinitions": [
    {
      "name": "main",
      "image": "real:1",
      "memory": 256,
      "essential": true,
      "command": ["/usr/bin/python3", "-I", "/app/ask.py"],
      "environment": [{"name": "STS", "value": "${aws.url}"}],
      "mountPoints": [
        {"sourceVolume": "bin", "containerPath": "/bin", "readOnly": true},
        {"sourceVolume": "lib", "containerPath": "/lib", "readOnly": true},
        {"sourceVolume": "lib64", "containerPath": "/lib64", "readOnly": true},
        {"sourceVolume": "usr", "containerPath": "/usr", "readOnly": true},
        {"sourceVolume": "app", "containerPath": "/app", "readOnly": true}
      ]
    }
  ]
}
SCN
ask "boto3 in a container takes its credentials from the agent, and STS knows them" "$dir/boto3.scn"
