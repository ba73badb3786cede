# shellcheck shell=bash
# The table of agents says what their runs came to, a failure first of all.

# agents_table_cell VERDICT OUTCOME OK [REASON]
agents_table_cell()
{
    printf '{"verdict":"%s","outcome":"%s","ok":%s,"reason":"%s","runs":1,"failures":%d}' \
        "$1" "$2" "$3" "${4:-}" "$([ "$1" = failed ] && echo 1 || echo 0)"
}

agents_table_tests()
{
    local d=$SCRATCH/agents row passed failed known other
    passed=$(agents_table_cell passed passed true)
    failed=$(agents_table_cell failed failed false 'it did not come')
    known=$(agents_table_cell known known true 'known some/repo#1 (it is lost): it did not come')
    other=$(agents_table_cell 'not applicable' skipped true 'for agent >=1.30, this is 1.20.3')

    mkdir -p "$d"
    printf '{"form":"ecsim results 1","columns":[{"label":"1.20.3"},{"label":"1.30.0"}],"scenarios":[' >"$d/all.json"
    printf '{"name":"a/%s","path":"a","title":"A","cells":[%s,%s]},' one "$passed" "$passed" \
        two "$failed" "$passed" three "$known" "$known" >>"$d/all.json"
    printf '{"name":"a/four","path":"a","title":"A","cells":[%s,%s]}]}\n' "$other" "$passed" >>"$d/all.json"
    ci/agents-table "$d/all.json" >"$d/out"
    for row in '| a/one | passed | passed |  |' '| a/two | **FAILED** | passed |  |' \
        '| a/three | known | known | some/repo#1 (it is lost) |' \
        '| a/four | - | passed | for agent >=1.30 |' '| **failed** | 1 | 0 | |'; do
        if grep -qxF "$row" "$d/out"; then
            pass "agents-table: $row"
        else
            fail "agents-table: no row $row"
        fi
    done
    echo nothing >"$d/empty.json"
    if ci/agents-table "$d/empty.json" >"$d/out" 2>&1; then
        fail "agents-table: results of nothing make no table"
    else
        pass "agents-table: results of nothing make no table"
    fi
}
agents_table_tests
