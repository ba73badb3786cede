# shellcheck shell=bash
# The table of agents says what their runs printed, a failure first of all.

agents_table_tests()
{
    local d=$SCRATCH/agents row mark=TO''DO # TAP's word, which lint would take for ours

    mkdir -p "$d"
    cat >"$d/1.20.3.tap" <<TAP
1..4
ok 1 - scenarios/a/one.scn: One
not ok 2 - scenarios/a/two.scn: Two
not ok 3 - scenarios/a/three.scn: Three # $mark known some/repo#1: it did not come
ok 4 - scenarios/a/four.scn: Four # SKIP for agent >=1.30, this is 1.20.3
TAP
    sed 's/^not ok 2/ok 2/' "$d/1.20.3.tap" >"$d/1.30.0.tap"
    ci/agents-table "$d/1.20.3.tap" "$d/1.30.0.tap" >"$d/out"
    for row in '| a/one | passed | passed |  |' '| a/two | **FAILED** | passed |  |' \
        '| a/three | known | known | some/repo#1 |' '| a/four | - | - | for agent >=1.30 |' \
        '| **failed** | 1 | 0 | |'; do
        if grep -qxF "$row" "$d/out"; then
            pass "agents-table: $row"
        else
            fail "agents-table: no row $row"
        fi
    done
    echo nothing >"$d/empty.tap"
    if ci/agents-table "$d/empty.tap" >"$d/out" 2>&1; then
        fail "agents-table: results of nothing make no table"
    else
        pass "agents-table: results of nothing make no table"
    fi
}
agents_table_tests
