#!/bin/bash
# `ecsim up`, and the AWS CLI as its remote control: the lines of the README, the life of an
# instance and a task, services, what is left behind.
# needs: aws curl
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/ecsim-up.XXXXXX") || exit 2
export TMPDIR=$dir ECSIM_INTROSPECTION=unix:$dir/introspection ECSIM_TASK_METADATA=unix:$dir/task AWS_CONFIG_FILE=$dir/none AWS_SHARED_CREDENTIALS_FILE=$dir/none
unset XDG_RUNTIME_DIR AWS_PROFILE AWS_CA_BUNDLE AWS_ENDPOINT_URL
# The CLI is Debian's, whatever else is in the path; and `build` is where we were built.
mkdir "$dir/bin"
ln -s /usr/bin/aws "$dir/bin/aws"
PATH=$dir/bin:$PATH
ecsim=$BUILD/ecsim

finish()
{
    local name
    for name in default second; do
        "$ecsim" down --name "$name" >/dev/null 2>&1
    done
    rm -rf "$dir"
}
trap finish EXIT

ok() { printf 'ok %s\n' "$1"; }
# no NAME FILE...: a failure, and the ends of files that tell why.
no()
{
    printf 'FAIL %s\n' "$1"
    shift
    tail -n 15 "$@" 2>/dev/null | sed 's/^/    /'
}
# is NAME COMMAND...: runs it with its output in $dir/out.
is()
{
    local name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then ok "$name"; else no "$name: exit code $?" "$dir/out"; fi
}

# --- the README's lines ---------------------------------------------------------------------

readme()
{
    # the first indented block that begins with the eval of `ecsim up`
    sed -n '/^    eval "$(build\/ecsim up/,/^    build\/ecsim down/p' README.md | sed 's/^    //' |
        sed "s#build/#$BUILD/#g" >"$dir/readme.sh"
# shellcheck disable=SC2016
    [ "$(grep -c '^aws \|$(aws ' "$dir/readme.sh")" -eq 4 ] || { echo "no four aws lines"; return 1; }
    bash -eu "$dir/readme.sh" >"$dir/readme.out" 2>&1 || { cat "$dir/readme.out"; return 1; }
    grep -q '"lastStatus": "RUNNING"' "$dir/readme.out" || { cat "$dir/readme.out"; return 1; }
}
is "the lines of the README run a container" readme

cat >"$dir/web.json" <<'JSON'
{
    "family": "web",
    "networkMode": "bridge",
    "containerDefinitions": [
        {
            "name": "web",
            "image": "nginx:latest",
            "memory": 64,
            "cpu": 10,
            "essential": true,
            "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]
        }
    ]
}
JSON

# --- what is left behind --------------------------------------------------------------------

leftovers() { find "$dir" -path "$dir/ecsim-*" -print; }

is "down leaves no file" test -z "$(leftovers)"

foreground()
{
    local pid err line=
    mkfifo "$dir/fg.err"
    # a background job of a script has SIGINT ignored, unless it asks for it
    setsid bash -c 'trap - INT; exec "$@"' x "$ecsim" up --agent "$AGENT" >"$dir/fg" 2>"$dir/fg.err" &
    pid=$!
    exec {err}<"$dir/fg.err"
    while [[ $line != *Ctrl-C* ]]; do # the last line it says when all is there
        IFS= read -r line <&"$err" || return 1
    done
    grep -q "^export AWS_DATA_PATH='" "$dir/fg" || return 1
    kill -INT "$pid"
    wait "$pid" || { echo "exit code $?"; return 1; }
    exec {err}<&-
    [ -z "$(leftovers)" ] || { leftovers; return 1; }
    # nobody of its session is there any more
    ! pgrep -s "$pid" || return 1
}
is "Ctrl-C leaves nothing behind" foreground

over_tls()
{
    "$ecsim" up --detach --env --tls --name second --agent "$AGENT" >"$dir/tls.env" || return 1
    (
        set -ae
        . "$dir/tls.env"
        aws ecs list-container-instances --query 'length(containerInstanceArns)' | grep -qx 1
        aws s3 mb s3://over-tls
        aws ssm put-parameter --name a --value b --type String --query Version | grep -qx 1
    ) && "$ecsim" down --name second
}
is "with --tls the CLI and the agent come over TLS" over_tls

# in_second OPTION... -- COMMAND: with what `up` exports of a world called second.
in_second()
{
    local options=() r
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    "$ecsim" up --detach --env --name second "${options[@]}" >"$dir/second.env" || return 1
    (set -ae; . "$dir/second.env"; "$@")
    r=$?
    "$ecsim" down --name second && return $r
}

s3_dir()
{
    local s3=$dir/buckets
    mkdir -p "$s3/mine"
    printf 'by hand' >"$s3/mine/note"
    put() { aws s3 mb s3://kept && printf 'by S3' | aws s3 cp --content-type x/y - s3://kept/a/b && aws s3 cp s3://mine/note - | grep -qx 'by hand'; }
    get() { aws s3 cp s3://kept/a/b - | grep -qx 'by S3' && aws s3api head-object --bucket kept --key a/b --query ContentType --output text | grep -qx x/y; }
    in_second --s3-dir "$s3" -- put && [ "$(cat "$s3/kept/a/b")" = 'by S3' ] && in_second --s3-dir "$s3" -- get
}
is "with --s3-dir buckets are folders, and there again the next time" s3_dir

unverified()
{
    list() { AWS_SECRET_ACCESS_KEY=wrong aws ecs list-clusters --query 'length(clusterArns)' | grep -qx 1; }
    in_second --no-verify -- list 2>"$dir/said" && grep -q 'signatures are not verified' "$dir/said"
}
is "with --no-verify a wrong secret will do, and it is said" unverified

other_engine()
(
    . ci/lib/serve.sh
    mkdir "$dir/engine"
    serve --socket-dir "$dir/engine" --control docker:image:nginx:latest docker || return 1
    engine=$DOCKER_HOST
    trap unserve EXIT
    containers() { curl -sf --unix-socket "${engine#unix://}" 'http://docker/containers/json?all=1' | grep -o '"Id"' | wc -l; }
    one()
    {
        local task
        aws ecs register-task-definition --cli-input-json "file://$dir/web.json" >/dev/null &&
            task=$(aws ecs run-task --task-definition web --query 'tasks[0].taskArn' --output text) &&
            aws ecs wait tasks-running --tasks "$task" && [ "$(containers)" -eq 1 ]
    }
    in_second --agent "$AGENT" --docker "$engine" -- one && [ "$(containers)" -eq 0 ]
)
is "with --docker the agent drives another engine, and down removes what it ran there" other_engine

# --- the CLI drives a world -----------------------------------------------------------------

is "up returns when the agent is connected" sh -c "'$ecsim' up --detach --env --agent '$AGENT' --cluster demo >'$dir/env'"
set -a
. "$dir/env"
set +a
"$ecsim" logs -f >"$dir/logs" 2>&1 &
follower=$!

is "a second world of the same name is refused" sh -c "! '$ecsim' up --detach 2>'$dir/why' && grep -q 'runs already' '$dir/why'"
is "another name is another world" sh -c "'$ecsim' up --detach --name second >/dev/null && '$ecsim' status | grep -c ^second: | grep -q 1 && '$ecsim' down --name second"

# life: each line has to do what it says; the first that does not is shown.
life()
{
    set -e
    local instance task
    aws ecs create-cluster --cluster-name other --query cluster.status --output text | grep -qx ACTIVE
    aws ecs register-task-definition --cli-input-json "file://$dir/web.json" --query taskDefinition.revision --output text | grep -qx 1
    instance=$(aws ecs list-container-instances --cluster demo --query 'containerInstanceArns[0]' --output text)
    task=$(aws ecs run-task --cluster demo --task-definition web --started-by ci --query 'tasks[0].taskArn' --output text)
    aws ecs wait tasks-running --cluster demo --tasks "$task"
    aws ecs describe-tasks --cluster demo --tasks "$task" --query 'tasks[0].containers[0].networkBindings[0].containerPort' | grep -qx 80
    aws ecs tag-resource --resource-arn "$task" --tags key=a,value=b
    aws ecs list-tags-for-resource --resource-arn "$task" --query 'tags[0].value' --output text | grep -qx b
    aws ecs stop-task --cluster demo --task "$task" --reason over --query task.desiredStatus --output text | grep -qx STOPPED
    aws ecs wait tasks-stopped --cluster demo --tasks "$task"
    aws ecs update-container-instances-state --cluster demo --container-instances "$instance" --status DRAINING >/dev/null
    aws ecs list-container-instances --cluster demo --status DRAINING --output text | grep -q "$instance"
    aws ecs update-container-instances-state --cluster demo --container-instances "$instance" --status ACTIVE >/dev/null
}
is "an instance and a task live their life" bash -c "dir=$dir; $(declare -f life); life"

services()
{
    set -e
    local task
    aws ecs create-service --cluster demo --service-name s --task-definition web --desired-count 2 >/dev/null
    aws ecs wait services-stable --cluster demo --services s
    task=$(aws ecs list-tasks --cluster demo --service-name s --query 'taskArns[0]' --output text)
    aws ecs update-task-protection --cluster demo --tasks "$task" --protection-enabled --query 'protectedTasks[0].protectionEnabled' | grep -qx true
    aws ecs update-service --cluster demo --service s --desired-count 1 --query service.desiredCount | grep -qx 1
    aws ecs wait services-stable --cluster demo --services s
    aws ecs list-tasks --cluster demo --service-name s --query 'taskArns[0]' --output text | grep -qx "$task"
    aws ecs delete-service --cluster demo --service s --force --query service.status --output text | grep -qx DRAINING
    aws ecs wait services-inactive --cluster demo --services s
}
is "a service is stable, is scaled in around a protected task, and goes" bash -c "$(declare -f services); services"

errors()
{
    aws ecs run-task --cluster demo --task-definition nothing 2>&1 | grep -q '(ClientException).*TaskDefinition not found.' || return 1
    AWS_SECRET_ACCESS_KEY=wrong aws ecs list-clusters 2>&1 | grep -q '(InvalidSignatureException)'
}
is "errors are those of the service" errors

# --- the end --------------------------------------------------------------------------------

end()
{
    "$ecsim" down && wait "$follower" && [ -z "$(leftovers)" ] &&
        grep -q -- '-> RunTask' "$dir/logs" && grep -q '\*\* task .*-> RUNNING' "$dir/logs"
}
if end; then ok "down ends the world and who follows its log"; else no "down ends the world" "$dir/logs"; fi
is "status says that nothing runs" sh -c "! '$ecsim' status"
