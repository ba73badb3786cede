#!/bin/bash
# The commands of docs/updates.md: Docker's command line updates an agent by hand that really runs, as a
# container of the fake engine, and the AWS CLI looks at what becomes of its tasks.
# needs: aws docker curl
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/ecsim-updates.XXXXXX") || exit 2
export AWS_CONFIG_FILE=$dir/none AWS_SHARED_CREDENTIALS_FILE=$dir/none AWS_PAGER=''
unset AWS_PROFILE AWS_CA_BUNDLE AWS_ENDPOINT_URL
. ci/lib/serve.sh
trap 'unserve; rm -rf "$dir"' EXIT

ok() { printf 'ok %s\n' "$1"; }
is()
{
    local name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then
        ok "$name"
    else
        printf 'FAIL %s: exit code %d\n' "$name" $?
        tail -n 15 "$dir/out" | sed 's/^/    /'
    fi
}
aws() { /usr/bin/aws --endpoint-url "$ECSIM_ECS_URL" "$@"; }

# block WORDS: the indented block of the page that holds them, with our folders instead of the machine's.
block()
{
    awk -v words="$1" '/^    / { b = b substr($0, 5) "\n"; next } { if (index(b, words)) { printf "%s", b; exit } b = "" }' docs/updates.md |
        sed "s#/var/run:/var/run#$dir/engine:$dir/engine#; s#/var/log/ecs/#$dir/log/#; s#/var/lib/ecs/data#$dir/data#; s#/etc/ecs#$dir/etc#g; s#build/#$BUILD/#g"
}
# play WORDS [SED]: runs it.
play()
{
    block "$1" | sed "${2:-}" >"$dir/block.sh"
    [ -s "$dir/block.sh" ] || { echo "the page has no block with $1"; return 1; }
    PATH=/usr/bin:$PATH bash -eu "$dir/block.sh"
}

mkdir "$dir/engine" "$dir/log" "$dir/data" "$dir/etc"
"$MAKE" -s "BUILD=$BUILD" "$BUILD/next/ecsim-agent" >/dev/null
for image in now latest; do
    program=$BUILD/ecsim-agent
    [ $image = now ] || program=$BUILD/next/ecsim-agent
    python3 ci/lib/save_image.py "$dir/$image.tar" amazon/amazon-ecs-agent:$image "$program"
    echo "image amazon/amazon-ecs-agent:$image archive=$dir/$image.tar process=true" >>"$dir/images"
done
echo "image busybox:latest cached" >>"$dir/images"
serve --socket-dir "$dir/engine" --images "$dir/images" docker ecs acs tcs imds || { echo "FAIL serve"; exit 1; }
for name in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_DEFAULT_REGION ECS_BACKEND_HOST DOCKER_HOST AWS_EC2_METADATA_SERVICE_ENDPOINT; do
    [ -z "${!name:-}" ] || echo "$name=${!name}"
done >"$dir/etc/ecs.config"
cat >>"$dir/etc/ecs.config" <<'CONFIG'
# a comment
ECS_CLUSTER=demo
ECS_DATADIR=/data
ECS_LOGFILE=/log/ecs-agent.log
ECS_INSTANCE_ATTRIBUTES={"rack": "b 7"}
ECS_AUDIT_LOGFILE="quoted"
ECSIM_INTROSPECTION=unix:/log/introspection
ECSIM_TASK_METADATA=unix:/log/task
ECS_CGROUP_PATH=/nonexistent/cgroup
CONFIG

instances() { aws ecs list-container-instances --cluster demo --query 'containerInstanceArns' --output text; }
# connected VERSION COUNT: waits until the one instance that is connected has this version, for two
# minutes at most: what a try costs is the machine's business, how long an agent may take is not.
connected()
{
    local until=$((SECONDS + 120)) arns version=
    while [ "$version" != "$1" ] && [ $SECONDS -lt $until ]; do
        arns=$(instances)
        # shellcheck disable=SC2086
        [ -z "$arns" ] || version=$(aws ecs describe-container-instances --cluster demo --container-instances $arns \
            --query 'containerInstances[?agentConnected].versionInfo.agentVersion' --output text)
    done
    [ "$version" = "$1" ] && [ "$(instances | wc -w)" -eq "$2" ] && return
    echo "connected: '$version', wanted: '$1'; instances: $(instances)"
    tail -n 5 "$dir/log/ecs-agent.log"
    return 1
}
version() { "$1" --version | sed -n 's/.*Version: //p'; }
now=$(version "$BUILD/ecsim-agent") next=$(version "$BUILD/next/ecsim-agent")

page_scenarios() { play "scenarios/update" 's#scenarios/update$#scenarios/update/staged-and-performed.scn#'; }
is "the scenarios are run as the page says" page_scenarios

install() { play ":/log " "s#:latest#:now#" && connected "$now" 1; }
is "docker run starts an agent, which registers" install

quoting()
{
    /usr/bin/docker inspect ecs-agent --format '{{range .Config.Env}}{{println .}}{{end}}' >"$dir/env"
    grep -qx 'ECS_INSTANCE_ATTRIBUTES={"rack": "b 7"}' "$dir/env" && grep -qx 'ECS_AUDIT_LOGFILE="quoted"' "$dir/env" &&
        ! grep -q comment "$dir/env" || { cat "$dir/env"; return 1; }
}
is "the lines of the env-file are taken as they are, quotes and all" quoting

one_task()
{
    echo '{"family": "one", "containerDefinitions": [{"name": "main", "image": "busybox:latest", "memory": 64}]}' >"$dir/task.json"
    aws ecs register-task-definition --cli-input-json "file://$dir/task.json" >/dev/null &&
        aws ecs run-task --cluster demo --task-definition one --query 'tasks[0].taskArn' --output text >"$dir/task" &&
        aws ecs wait tasks-running --cluster demo --tasks "$(cat "$dir/task")"
}
is "it runs a task" one_task

is "with ECS_DATADIR the check of the page finds it" play "grep ECS_DATADIR"
update() { play "docker pull" && play ":/log " && connected "$next" 1; }
is "pull, stop, rm, run: the next version is connected as the same instance" update
running() { aws ecs describe-tasks --cluster demo --tasks "$(cat "$dir/task")" --query 'tasks[0].[lastStatus,desiredStatus]' --output text | grep -qx "RUNNING.RUNNING"; }
is "and its task runs on" running

selinux()
{
    local flag
    play "docker pull" && play "label=disable" && connected "$next" 1 &&
        /usr/bin/docker inspect ecs-agent --format '{{json .HostConfig}}' >"$dir/host" || return 1
    # Docker's command line keeps --volume in a map: the binds come in any order
    for flag in '"label=disable"' '/log/:/log:Z"' '/data:/data:Z"'; do
        grep -q "$flag" "$dir/host" || { echo "no $flag in"; cat "$dir/host"; return 1; }
    done
}
is "the flags for SELinux are taken" selinux

forgetful()
{
    sed -i /ECS_DATADIR/d "$dir/etc/ecs.config"
    play "docker pull" && play ":/log " && ! play "grep ECS_DATADIR"
}
is "without ECS_DATADIR the check of the page warns" forgetful
stranger() { connected "$next" 2; }
is "and rightly: the next agent is another instance" stranger
/usr/bin/docker rm -f ecs-agent >/dev/null 2>&1
