# shellcheck shell=bash
# `ecsim serve` by hand: the environment it prints leads to what it serves, and
# it ends without a trace.

# serving OPTION...: starts it; its environment is in S/env when this returns.
serving()
{
    mkdir -p "$S/tmp"
    : >"$S/env"
    TMPDIR=$S/tmp "$BUILD/ecsim" serve "$@" >"$S/env" 2>"$S/err" &
    served=$!
    for ((i = 0; i < 500; i++)); do
        grep -q '^$' "$S/env" && return # an empty line ends the environment
        kill -0 "$served" 2>/dev/null || break
        read -rt 0.02 <> <(:) || :
    done
    return 1
}

served_value() { sed -n "s/^$1=//p" "$S/env"; }

# is WHAT COMMAND...: the command succeeds.
is()
{
    local what=$1
    shift
    if "$@" >"$S/out" 2>&1; then
        pass "serve: $what"
    else
        fail "serve: $what"
        tail -n 20 "$S/out" "$S/env" "$S/err" | sed 's/^/        /'
    fi
}

# ends SIGNAL: it ends with 0 and leaves nothing in its folder for temporary files.
ends()
{
    kill -"$1" "$served"
    wait "$served" && [ -z "$(ls -A "$S/tmp")" ]
}

# answers URL [CURL-OPTION...]
answers() { curl -sf -m 5 "${@:2}" "$1"; }

# refused WANT TEXT OPTION...: it does not begin, with this exit code and this text.
refused()
{
    local want=$1 text=$2
    shift 2
    timeout 10 "$BUILD/ecsim" serve "$@" >"$S/out" 2>"$S/err"
    [ $? -eq "$want" ] && grep -qF -- "$text" "$S/err"
}

serve_tests()
{
    local socket S=$SCRATCH/d port
    is 'all fakes are served unless some are named' serving --seed 3 --cluster blue --no-verify \
        --journal "$S/journal" --control docker:image:busybox:latest,run-for=1s --control s3:bucket:config
    socket=$(served_value DOCKER_HOST)
    socket=${socket#unix://}
    is 'DOCKER_HOST leads to the engine' answers http://docker/version --unix-socket "$socket"
    is 'an image that --control gave can be pulled' answers \
        'http://docker/images/create?fromImage=busybox&tag=latest' --unix-socket "$socket" -X POST
    is 'ECSIM_S3_URL leads to a bucket that --control made' answers "$(served_value ECSIM_S3_URL)/config?list-type=2"
    is 'ECS_BACKEND_HOST leads to the API, which has the cluster' answers "$(served_value ECS_BACKEND_HOST)/" \
        -H 'X-Amz-Target: AmazonEC2ContainerServiceV20141113.DescribeClusters' \
        -H 'Content-Type: application/x-amz-json-1.1' -d '{"clusters":["blue"]}' -o "$S/answer"
    is 'its answer names that cluster' grep -q '"clusterName":"blue"' "$S/answer"
    is 'SIGTERM ends it with 0 and nothing is left' ends TERM
    is 'what happened is in the journal' grep -q '"what":"GET /version"' "$S/journal"

    is 'one fake, with TLS' serving --tls --socket-dir "$S/certificate" s3
    is 'it answers, with the certificate that was written' answers \
        "$(served_value ECSIM_S3_URL)/" --cacert "$(served_value AWS_CA_BUNDLE)" -o /dev/null -w '%{http_code}' --no-fail
    is 'SIGINT ends it' ends INT
    rm -rf "$S/certificate"

    is 'a port that is asked for' serving imds
    port=$(served_value AWS_EC2_METADATA_SERVICE_ENDPOINT | sed 's/.*:\([0-9]*\).*/\1/')
    is 'SIGHUP ends it' ends HUP
    is 'is the one that is served' serving --address 127.0.0.1 --port "imds=$port" imds
    is 'as the environment says' grep -q ":$port" "$S/env"
    is 'SIGTERM ends it' ends TERM
    is 'the engine is at a port too when one is given' serving --port "docker=$port" docker
    is 'and answers there' answers "http://127.0.0.1:$port/version"
    is 'and at its socket' answers http://docker/version --unix-socket "$(served_value DOCKER_HOST | sed 's|^unix://||')"
    is 'SIGTERM ends it' ends TERM
    is 'a port once more' serving --address 127.0.0.1 --port "imds=$port" imds
    is 'a port that is taken is an error of the machine' refused 4 'in use' --port "imds=$port" imds
    is 'SIGTERM ends it' ends TERM

    is 'a fake that does not exist' refused 2 'there is no fake called "ec3"' ec3
    is 'an option that does not exist' refused 2 'ecsim serve --help' --no-such-option
    is 'a port that is none' refused 2 '--port imds=http: not a port' --port imds=http imds
    is 'a command that is none' refused 2 'expected FAKE:COMMAND:NAME' --control docker docker
    is 'a command for a fake that is not served' refused 2 'fake s3 is not served' --control s3:bucket:x docker
    is 'a command that the fake does not know' refused 2 'no such command: no-such' --control docker:no-such:x docker
    is 'a seed that is none' refused 2 '--seed one: not a number' --seed one
    is 'help' "$BUILD/ecsim" serve --help
}
[ ! -x "$BUILD/ecsim" ] || serve_tests
