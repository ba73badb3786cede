# shellcheck shell=bash
# make check cannot pass when a part failed, died, said nothing or ran nothing.

# total WANT TEXT PART...: ci/check over parts that are one line of shell each.
total()
{
    local what=$1 want=$2 text=$3 code
    shift 3
    BUILD=$SCRATCH/d/build ci/check "$@" >"$SCRATCH/d/out" 2>&1
    code=$?
    if [ "$code" -ne "$want" ] || [ "$(tail -n 1 "$SCRATCH/d/out")" != "$text" ]; then
        fail "check: $what: exit code $code, last line: $(tail -n 1 "$SCRATCH/d/out")"
    else
        pass "check: $what"
    fi
}

check_tests()
{
    total 'adds up its parts' 0 '5 passed, 0 failed, 1 skipped' \
        'echo 2 passed, 0 failed, 1 skipped' 'echo x: 3 passed, 0 failed, 0 skipped'
    total 'a failure anywhere is a failure' 1 '3 passed, 1 failed, 0 skipped' \
        'echo 2 passed, 1 failed, 0 skipped; exit 1' 'echo 1 passed, 0 failed, 0 skipped'
    total 'a part that died is one' 1 '2 passed, 1 failed, 0 skipped' \
        'echo 2 passed, 0 failed, 0 skipped' 'echo half; exit 3'
    total 'so is one that fails and counts no failure' 1 '3 passed, 1 failed, 0 skipped' \
        'echo 2 passed, 0 failed, 0 skipped; exit 1' 'echo 1 passed, 0 failed, 0 skipped'
    total 'so is one that ran nothing' 1 '2 passed, 1 failed, 0 skipped' \
        'echo 2 passed, 0 failed, 0 skipped' 'echo 0 passed, 0 failed, 0 skipped'
    total 'one may skip all that it has' 0 '2 passed, 0 failed, 3 skipped' \
        'echo 2 passed, 0 failed, 0 skipped' 'echo 0 passed, 0 failed, 3 skipped'
    total 'all of them may not' 1 '0 passed, 1 failed, 3 skipped' 'echo 0 passed, 0 failed, 3 skipped'
}
check_tests
