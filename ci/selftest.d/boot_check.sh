# shellcheck shell=bash
# The command line of `ecsim boot-check`: its exit codes and what it tells a person.

B=$SCRATCH/d

checks()
{
    local want=$1 says=$2 code
    shift 2
    "$BUILD/ecsim" boot-check "$@" >"$B/boot.out" 2>&1 </dev/null
    code=$?
    if [ $code -eq "$want" ] && grep -qF -- "$says" "$B/boot.out"; then
        pass "boot-check: $says"
    else
        fail "boot-check: exit code $code, expected $want with: $says"
        sed 's/^/        /' "$B/boot.out"
    fi
}

boot_check_tests()
{
    local unit=agent/packaging/amazon-linux/ecs.service
    printf '#!/bin/sh\n\nsystemctl start ecs\n' >"$B/start.sh"
    printf '#!/bin/sh\nsystemctl enable --now --no-block ecs\n' >"$B/queue.sh"
    printf '#!/bin/sh\necho "open\n' >"$B/open.sh"
    printf '[Unit]\nAfer=cloud-final.service\n[Service]\nExecStart=/usr/libexec/amazon-ecs-init start\n[Install]\nWantedBy=multi-user.target\n' >"$B/ecs.service"
    checks 1 'DEADLOCK: this boot never ends' "$unit" --user-data "$B/start.sh"
    checks 1 'start.sh:3: write "systemctl start --no-block ecs"' "$unit" --user-data "$B/start.sh"
    checks 0 'BOOTS: every job ends' "$unit" --user-data "$B/queue.sh"
    checks 1 'ORDERING CYCLE' "$unit" --host debian
    checks 0 'after the user data had run' agent/packaging/debian-cloud/ecs.service --host debian
    checks 0 'not after the user data' agent/packaging/generic/ecs.service
    checks 1 'nothing starts the agent' "$unit" --disabled ecs
    checks 0 'did you mean After=?' "$B/ecs.service"
    checks 1 'has no Restart=' "$B/ecs.service" --strict
    checks 1 '"verdict":"deadlock"' "$unit" --user-data "$B/start.sh" --json
    checks 3 'open.sh:2: the double quote that opens here is not closed' "$unit" --user-data "$B/open.sh"
    checks 3 'no such file' "$B/nowhere.service"
    checks 2 'did you mean "debian"?' --host debain "$unit"
    checks 2 'nothing to look at'
    checks 0 'usage: ecsim boot-check' --help
}
# A deadlock that nobody expects fails: on a machine that can have one.
boot_unexpected()
{
    cat >"$B/unexpected.scn" <<'EOF'
scenario 1
title   A deadlock that no step expects
time    real
limit   60s
boot    @ecs.service user-data="#!/bin/sh\nsystemctl start ecs\n" verdict=deadlock
expect  machine up  within 50s

-- ecs.service --
[Unit]
After=cloud-final.service
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
EOF
    "$BUILD/ecsim" run --agent "$AGENT" "$B/unexpected.scn" >"$B/boot.out" 2>&1
    if grep -q 'no step expected this of the machine: deadlock' "$B/boot.out"; then
        pass 'boot: a deadlock that no step expects fails the scenario'
    elif grep -q '# SKIP no real machine: .*; the model says "deadlock"' "$B/boot.out"; then
        skip 'boot: a deadlock that no step expects' "$(sed -n 's/.*# SKIP //p' "$B/boot.out")"
    else
        fail 'boot: a deadlock that no step expects fails the scenario'
        sed 's/^/        /' "$B/boot.out"
    fi
}

[ ! -x "$BUILD/ecsim" ] || { boot_check_tests; boot_unexpected; }
