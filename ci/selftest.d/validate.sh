# shellcheck shell=bash
# docs/validate-an-agent.md: each of its commands, as it stands there, ends with 0.

validate_tests()
{
    local d=$SCRATCH/validate n=0 command
    mkdir -p "$d"
    # a block's line that ends in a backslash goes on
    awk '/^    / { line = line substr($0, 5)
                   if (sub(/\\$/, "", line)) next
                   print line; line = "" }' docs/validate-an-agent.md | grep -v '^make ' >"$d/commands"
    while read -r command; do
        n=$((n + 1))
        if (
            export AGENT=$PWD/$BUILD/ecsim-agent BEFORE=$PWD/$BUILD/ecsim-agent HOME=$d
            case $BUILD in /*) AGENT=$BUILD/ecsim-agent BEFORE=$BUILD/ecsim-agent ;; esac
            export ECSIM=$BUILD/ecsim
            # what the page leaves in build/ goes to a folder of the test
            command=${command//build\/ecsim/$BUILD/ecsim}
            command=${command//build\/verdict/$d/verdict}
            command=${command//build\/diff/$d/diff}
            command=${command//build\/fleet/$d/fleet}
            timeout -k 5 300 bash -e -c "$command"
        ) >"$d/out" 2>&1 </dev/null; then
            pass "validate: $command"
        else
            fail "validate: exit code $?: $command"
            tail -n 20 "$d/out" | sed 's/^/        /'
        fi
    done <"$d/commands"
    if [ $n -lt 8 ]; then
        fail "validate: only $n commands found"
    fi
    for command in verdict.html verdict.json verdict/1.105.1.xml diff.html fleet/matrix.html; do
        if [ -s "$d/$command" ]; then
            pass "validate: $command was written"
        else
            fail "validate: no $command"
        fi
    done
}
validate_tests
