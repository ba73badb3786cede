# shellcheck shell=bash
# Sandboxes: what is done in them is not seen outside, nothing outlives a runner that was killed,
# an unprivileged user has them too, and a machine that allows none says so.

box=$SCRATCH/d

# scenario TITLE: the steps on standard input as a file; prints its path.
scenario()
{
    { printf 'scenario 1\ntitle   %s\n' "$1"; cat; } >"$box/${1// /-}.scn"
    printf '%s\n' "$box/${1// /-}.scn"
}

# ran WHAT CODE TEXT COMMAND...: ends with CODE, and its output holds TEXT.
ran()
{
    local what=$1 want=$2 text=$3 code
    shift 3
    timeout -k 5 "$limit" "$@" >"$box/out" 2>&1
    code=$?
    if [ $code -eq "$want" ] && grep -qF -- "$text" "$box/out"; then
        pass "sandbox: $what"
    else
        fail "sandbox: $what: exit code $code"
        sed 's/^/        /' "$box/out" | tail -n 20
    fi
}

# alive NUMBER: processes whose command line holds it (grep's own has it in another form).
alive() { grep -lsa -- "${1/./[.]}" /proc/[0-9]*/cmdline; }

# until_gone COMMAND...: 0 when it fails within 10 s.
until_gone()
{
    local i
    for ((i = 0; i < 1000; i++)); do
        "$@" >/dev/null || return 0
        read -rt 0.01 <> <(:) || :
    done
    return 1
}
not() { ! "$@"; }

# killed OPTION...: SIGKILL to the runner in the middle of a scenario, and nothing is left.
killed()
{
    local mark="7200.$RANDOM$RANDOM" file runner left what="nothing outlives a killed runner"
    file=$(scenario "holds" <<<"run     sh -c \"sleep $mark & exec sleep $mark\"  within 1h")
    [ "${1:-}" = --no-sandbox ] && file=$(scenario "holds" <<<"run     sleep $mark  within 1h") &&
        what+=", without a sandbox"
    TMPDIR=$box "$BUILD/ecsim" run --time real --timeout 1h "$@" "$file" >"$box/out" 2>&1 &
    runner=$!
    until_gone not alive "$mark"
    [ -n "$(alive "$mark")" ] || { fail "sandbox: $what: it did not start"; return; }
    kill -9 $runner
    wait $runner 2>/dev/null
    until_gone alive "$mark"
    left=$(alive "$mark"; grep -sF "$box" /proc/self/mountinfo /proc/net/unix)
    [ -z "$left" ] && pass "sandbox: $what" || fail "sandbox: $what: $left"
}

as_nobody()
{
    local dir=$box/nobody
    [ "$(id -u)" -eq 0 ] || { skip "sandbox: as an unprivileged user" "we are one already"; return; }
    mkdir "$dir"
    cp "$BUILD/ecsim" "$BUILD/ecsim-agent" "$dir"
    cp -R scenarios "$dir"
    chmod -R a+rX "$dir" "$box" "$SCRATCH"
    mkdir "$dir/tmp"
    chown 65534:65534 "$dir/tmp"
    ran "an unprivileged user has one" 0 '3 passed, 0 failed, 0 skipped' \
        env -C "$dir" TMPDIR="$dir/tmp" setpriv --reuid 65534 --regid 65534 --clear-groups \
        ./ecsim run --agent ./ecsim-agent scenarios/self/sandbox-{addresses,reaps}.scn \
        scenarios/introspection/short-docker-id.scn
    [ -z "$(ls -A "$dir/tmp")" ] || fail "sandbox: left behind: $(ls -R "$dir/tmp")"
}

sandbox_tests()
{
    local file path outside
    file=$(scenario "asks" <<<"needs   sandbox")
    if ! "$BUILD/ecsim" run "$file" >"$box/out" 2>&1 || grep -q '1 skipped' "$box/out"; then
        skip sandbox "$(grep -m 1 'no sandbox' "$box/out")"
        return
    fi
    killed
    killed --no-sandbox
    as_nobody

    path=ecsim-selftest-$RANDOM
    file=$(scenario "writes" <<<"run     sh -c \"for d in /etc/ecs /var/lib/ecs /var/log/ecs \
/var/cache/ecs /run /dev/shm; do echo x >\$d/$path || exit; done\"")
    ran "an agent's folders are there" 0 '1 passed' "$BUILD/ecsim" run "$file"
    outside=$(ls -d {/etc/ecs,/var/lib/ecs,/var/log/ecs,/var/cache/ecs,/run,/dev/shm}/"$path" 2>/dev/null)
    [ -z "$outside" ] && pass "sandbox: and nothing of them is seen outside" ||
        fail "sandbox: seen outside: $outside"

    file=$(scenario "sees" <<<"run     readlink /proc/self/ns/net  stdout == $(readlink /proc/self/ns/net)")
    ran "--no-sandbox starts programs on the machine itself" 0 '1 passed' \
        "$BUILD/ecsim" run --no-sandbox "$file"
    ran "and without it they are elsewhere" 1 '1 failed' "$BUILD/ecsim" run "$file"

    # shellcheck disable=SC2016 # for the inner shell
    ran "where there can be none it is said, and agents run all the same" 0 \
        'no sandbox on this machine: clone: No space left on device (user.max_net_namespaces is 0)' \
        unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && "$@"' \
        sh "$BUILD/ecsim" run --agent "$AGENT" scenarios/introspection/short-docker-id.scn
}
sandbox_tests
