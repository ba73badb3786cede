# shellcheck shell=bash
# Virtual time for a runtime that brings its own scheduler and system calls: Go,
# statically linked as the official agent is.

go_programs="tickers contexts deadlines http goroutines children signals work"

go_case()
{
    local name=$1 spent
    {
        printf 'scenario 1\ntitle Go: %s\nlimit 60s\n' "$name"
        printf 'run %s/d/waits %s within 1000h\n' "$SCRATCH" "$name"
    } >"$SCRATCH/d/$name.scn"
    spent=$SECONDS
    if "$BUILD/ecsim" run "$SCRATCH/d/$name.scn" >"$SCRATCH/d/out" 2>&1; then
        spent=$((SECONDS - spent))
        # three days of ticks are 600 jumps: a minute would be a hundred times too much
        if [ $spent -lt 30 ]; then
            pass "vtime: Go: $name"
        else
            fail "vtime: Go: $name took $spent s"
        fi
    else
        fail "vtime: Go: $name"
        sed 's/^/        /' "$SCRATCH/d/out"
    fi
}

if ! command -v go >/dev/null; then
    skip 'vtime: Go' 'there is no go (ci/install-deps peers brings it)'
elif ! GOCACHE=${GOCACHE:-$SCRATCH/d/cache} CGO_ENABLED=0 GO111MODULE=off \
    go build -o "$SCRATCH/d/waits" ci/selftest.d/vtime/waits.go >"$SCRATCH/d/out" 2>&1; then
    fail 'vtime: the Go program is not built'
    sed 's/^/        /' "$SCRATCH/d/out"
else
    for go_program in $go_programs; do
        go_case "$go_program"
    done
fi

# --verify: two runs of what leaves nothing to chance agree; a word of chance is found and shown.
verify_case()
{
    local what=$1 want=$2 text=$3 code
    "$BUILD/ecsim" run --verify -j 2 --seed 1 "$SCRATCH/d/verify.scn" >"$SCRATCH/d/out" 2>&1
    code=$?
    if [ $code -eq "$want" ] && grep -qF -- "$text" "$SCRATCH/d/out"; then
        pass "verify: $what"
    else
        fail "verify: $what: exit code $code, expected $want and: $text"
        sed 's/^/        /' "$SCRATCH/d/out"
    fi
}

verify_scenario()
{
    printf '%s\n' 'scenario 1' 'title Asks twice' \
        "run sh -c \"curl -s --unix-socket \${docker.socket} http://docker/version?q=$1\"" \
        'expect docker GET /version' 'advance 2h' \
        "run curl -s --unix-socket \${docker.socket} http://docker/_ping" \
        'expect docker GET /_ping' 'advance 1s' >"$SCRATCH/d/verify.scn"
}

# shellcheck disable=SC2016 # the shell of the scenario expands it
{
    verify_scenario constant
    verify_case 'the same twice' 0 '2 passed, 0 failed'
    verify_scenario '$(cat /proc/sys/kernel/random/uuid | tr -dc g-z0-9 | cut -c1-6)'
    verify_case 'what differs is shown' 1 'a second run was different: line'
}
