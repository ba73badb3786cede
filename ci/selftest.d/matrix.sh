# shellcheck shell=bash
# ecsim matrix, merge, diff and features: many agents at once, parts put together, what differs, and
# the pipelines and the pages of docs/ that use them.

matrix_at=$SCRATCH/matrix

# matrix_runs CODE ARG...: `ecsim ARG...` ends so; what it printed is in out.
matrix_runs()
{
    local want=$1 code
    shift
    timeout -k 5 "$limit" env HOME="$matrix_at" XDG_CONFIG_HOME= TMPDIR="$matrix_at/tmp" \
        "$BUILD/ecsim" "$@" >"$matrix_at/out" 2>&1
    code=$?
    [ $code -eq "$want" ] || matrix_why="exit code $code, expected $want: $*"
}

matrix_says() { grep -qF -- "$2" "$1" || matrix_why="$(basename "$1") does not say: $2"; }

matrix_verdict()
{
    if [ -z "$matrix_why" ]; then
        pass "matrix: $1"
    else
        fail "matrix: $1: $matrix_why"
        tail -n 30 "$matrix_at/out" | sed 's/^/        /'
    fi
    matrix_why=
}

# One agent under three names: as old as it says, without metrics, and with a fault that is known.
matrix_agents()
{
    local d=$matrix_at
    mkdir -p "$d/.config/ecsim" "$d/tmp" "$d/scenarios/m"
    printf '%s\n' 'agent   old' "command $PWD/$BUILD/ecsim-agent" 'says    ecsim-agent' \
        'version is 1.44.4' '' 'agent   new' "command $PWD/$BUILD/ecsim-agent" \
        'says    ecsim-agent' 'env     ECS_DISABLE_METRICS=true' \
        'known   m/wrong mine#1 "it is one off"' >"$d/.config/ecsim/agents"
    printf 'scenario 1\ntitle Good\nnote nothing\n' >"$d/scenarios/m/good.scn"
    printf 'scenario 1\ntitle Only new\nagent heartbeat-ack\nnote nothing\n' >"$d/scenarios/m/new.scn"
    printf 'scenario 1\ntitle Wrong <&> |\ncheck 1 == 2\n' >"$d/scenarios/m/wrong.scn"
}

matrix_table()
{
    local d=$matrix_at
    matrix_runs 1 matrix --agent old --agent new --json "$d/a.json" --html "$d/a.html" \
        --markdown "$d/a.md" --junit "$d/junit" "$d/scenarios/m/good.scn" "$d/scenarios/m/new.scn" \
        "$d/scenarios/m/wrong.scn"
    matrix_says "$d/out" '1..6'
    matrix_says "$d/out" '# m/new           -       ok'
    matrix_says "$d/out" '# m/wrong         FAILED  known'
    matrix_says "$d/out" '# (1 of 3 passed everywhere)'
    matrix_says "$d/out" 'for agent heartbeat-ack (>=1.52.0), this is 1.44.4'
    matrix_says "$d/out" '# old m/wrong: failed, 1 of 1: value: expected'
    matrix_verdict 'a table of scenarios and agents'
    matrix_says "$d/a.md" '| m/new | - | passed | for agent heartbeat-ack (>=1.52.0) |'
    matrix_says "$d/a.md" '| m/wrong | **FAILED** | known | mine#1 (it is one off) |'
    matrix_says "$d/a.html" '<td title="Wrong &lt;&amp;&gt; |">m/wrong</td>'
    xmllint --html --noout "$d/a.html" 2>"$d/html"
    grep -v 'Tag details invalid\|Tag summary invalid\|^ *^\|<' "$d/html" | grep -q 'error' &&
        matrix_why=$(head -n 1 "$d/html")
    matrix_verdict 'the same in Markdown and as a page'
    if command -v xmllint >/dev/null; then
        xmllint --noout --relaxng ci/selftest.d/junit.rng "$d"/junit/old.xml "$d"/junit/new.xml \
            >"$d/rng" 2>&1 || matrix_why=$(head -n 1 "$d/rng")
        matrix_says "$d/junit/new.xml" '<testsuite name="ecsim new" tests="3" failures="0"'
        matrix_verdict 'a JUnit report for each agent'
    else
        skip 'matrix: a JUnit report for each agent' 'no xmllint'
    fi
    matrix_runs 2 matrix "$d/scenarios"
    matrix_says "$d/out" 'no agent was named'
    matrix_runs 2 run --json x "$d/scenarios"
    matrix_says "$d/out" '`ecsim run` has no such option'
    matrix_runs 2 matrix --agent old --docker-version 99.1 "$d/scenarios"
    matrix_says "$d/out" '--docker-version 99.1: not known'
    matrix_runs 5 matrix --agent old --agent odl "$d/scenarios"
    matrix_says "$d/out" 'did you mean the agent "old"?'
    matrix_verdict 'command lines that make no sense'
}

# Passes from its second run on.
matrix_flaky()
{
    local d=$matrix_at one=$matrix_at/scenarios/m/flaky.scn
    printf 'scenario 1\ntitle Now and then\nrun sh -c "test -e %s/seen || { touch %s/seen; exit 1; }"\n' \
        "$d" "$d" >"$one"
    matrix_runs 0 matrix --no-sandbox --agent new --retry 2 --json "$d/f.json" "$one"
    matrix_says "$d/out" '# flaky: failed 1 of 2 times'
    matrix_says "$d/out" '# new m/flaky: flaky, 1 of 2: '
    matrix_says "$d/f.json" '"verdict":"flaky"'
    matrix_verdict '--retry: a flaky one passes, and is told'
    rm -f "$d/seen"
    matrix_runs 1 matrix --no-sandbox --agent new -n 3 -j 1 "$one"
    matrix_says "$d/out" '# new m/flaky: flaky, 1 of 3: '
    matrix_verdict '-n: one failure of many is a failure'
    rm -f "$d/seen"
    matrix_runs 0 run --no-sandbox --agent new --retry 1 "$one"
    matrix_says "$d/out" '; 1 flaky'
    rm -f "$d/seen" "$one"
    matrix_verdict '--retry of ecsim run'
}

matrix_merge()
{
    local d=$matrix_at k
    for k in 1 2 3; do
        matrix_runs 0 matrix --agent old --shard "$k/3" --json "$d/s$k.json" --tags smoke \
            scenarios/register scenarios/introspection scenarios/task scenarios/restart
    done
    matrix_runs 0 matrix --agent old --json "$d/whole.json" --tags smoke scenarios/register \
        scenarios/introspection scenarios/task scenarios/restart
    matrix_runs 0 merge --json "$d/m.json" --quiet "$d/s3.json" "$d/s1.json" "$d/s2.json"
    python3 - "$d/m.json" "$d/whole.json" <<'PY' >"$d/py" 2>&1 || matrix_why=$(tail -n 1 "$d/py")
import json, sys
a, b = (json.load(open(f)) for f in sys.argv[1:])
of = lambda r: [(s["name"], s["cells"][0]["verdict"]) for s in r["scenarios"]]
assert of(a) == of(b), "parts and the whole differ"
assert len(of(a)) > 2 and a["have"] == [1, 2, 3], a["have"]
PY
    matrix_verdict 'the parts are the whole'
    matrix_runs 4 merge "$d/s1.json" "$d/s3.json"
    matrix_says "$d/out" 'part 2 of 3 is missing'
    matrix_verdict 'merge: a part that is missing is told'
    matrix_runs 1 merge "$d/a.json" "$d/whole.json"
    matrix_says "$d/out" 'm/wrong'
    matrix_verdict 'merge: a failure in one of them is one of all'
    echo '{"form": "ecsim results 1"}' >"$d/none.json"
    matrix_runs 4 merge "$d/none.json"
    matrix_says "$d/out" "$d/none.json: expected 1 to"
    matrix_runs 4 merge "$d/no-such.json"
    matrix_runs 2 merge
    matrix_verdict 'merge: what is no result is refused'
}

matrix_diff()
{
    local d=$matrix_at one=scenarios/bench/one-task.scn
    matrix_runs 0 diff -n 5 --agent old --agent old "$one"
    matrix_says "$d/out" 'bench/one-task: old -> old #2: the same'
    matrix_verdict 'diff: an agent does what it does'
    matrix_runs 1 diff --agent old --agent new --html "$d/d.html" --json "$d/d.json" "$one"
    matrix_says "$d/out" 'bench/one-task: old -> new: they differ'
    matrix_says "$d/out" '    - docker GET /containers/#/stats: 1 times'
    matrix_says "$d/d.html" '<td>went</td><td>docker GET /containers/#/stats</td>'
    matrix_says "$d/d.json" '"kind":"went","call":"docker GET /containers/#/stats"'
    matrix_verdict 'diff: what went is found'
    matrix_runs 2 diff --agent old "$one"
    matrix_runs 5 diff --agent old --agent nobody "$one"
    matrix_runs 3 diff --agent old --agent new "$d/.config/ecsim/agents"
    matrix_verdict 'diff: errors are no differences'
}

# A second agent that is older or newer than the first one, as far as guards see.
matrix_second()
{
    local d=$matrix_at
    matrix_runs 0 run --agent old --second-agent new scenarios/versions/upgrade-task-runs-on.scn
    matrix_says "$d/out" '1 passed'
    matrix_runs 0 run --agent new --second-agent old scenarios/versions/downgrade-task-runs-on.scn
    matrix_says "$d/out" '1 passed'
    matrix_runs 0 run --agent new --second-agent old scenarios/versions/upgrade-task-runs-on.scn
    matrix_says "$d/out" 'SKIP for a second agent newer, this is 1.44.4'
    matrix_verdict 'a second agent takes over'
}

matrix_docker()
{
    local d=$matrix_at one=scenarios/introspection/short-docker-id.scn
    matrix_runs 0 matrix --agent old --agent new --docker-version 1.8.3 --docker-version 1.13 \
        --docker-version 29 "$one" scenarios/docker/too-old.scn scenarios/versions/docker-29.scn
    matrix_says "$d/out" 'agent 1.44.4 does not work with Docker 29'
    matrix_says "$d/out" 'agent 1.44.4 does not work with Docker 1.8.3'
    matrix_says "$d/out" 'for Docker 29.0.0, this is 1.13'
    matrix_says "$d/out" '[new Docker 29]'
    matrix_runs 0 features --docker
    matrix_says "$d/out" '29.0.0         1.44 to 1.52'
    matrix_runs 0 features --agent old --agent new
    matrix_says "$d/out" '1.52.0    no        yes       heartbeat-ack '
    matrix_runs 2 features more
    matrix_verdict 'versions of Docker, and what agents have'
}

matrix_tests()
{
    matrix_why=
    matrix_agents
    matrix_table
    matrix_flaky
    matrix_merge
    matrix_diff
    matrix_second
    matrix_docker
}
matrix_tests
