# shellcheck shell=bash
# ecsim-init under test: it is what the harness starts as the agent, with the reference agent below it
# as a process, or with the engine running it as a container.

init_tests()
{
    local file how
    for file in ci/selftest.d/init/*.scn; do
        case $file in
        */container* | */pre-start*) how=$BUILD/ecsim-init ;;
        *) how="$BUILD/ecsim-init --agent $PWD/$BUILD/ecsim-agent start" ;;
        esac
        if ! "$BUILD/ecsim" run --agent "$how" "$file" >"$SCRATCH/d/init.out" 2>&1; then
            fail "init: $file"
            sed 's/^/        /' "$SCRATCH/d/init.out"
        elif grep -q '# SKIP' "$SCRATCH/d/init.out"; then
            skip "init: $file" "$(sed -n 's/.*# SKIP //p' "$SCRATCH/d/init.out")"
        else
            pass "init: $(sed -n 's/^title *//p' "$file")"
        fi
    done
}
[ ! -x "$BUILD/ecsim-init" ] || init_tests
