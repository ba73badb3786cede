# shellcheck shell=bash
# shellcheck disable=SC2016 # ${names} here are those of scenarios
# The command line of `ecsim run`: every option, every exit code, what a
# terminal and a pipe are shown, the JUnit file, and an interrupt.

R=$SCRATCH/d

# one NAME TITLE TAGS STEP...: a scenario.
one()
{
    local name=$1 title=$2 tags=$3
    shift 3
    mkdir -p "$R/s"
    { printf 'scenario 1\ntitle   %s\n' "$title"
      [ -z "$tags" ] || printf 'tags    %s\n' "$tags"
      printf '%s\n' "$@"; } >"$R/s/$name.scn"
}

# runs WANT [OPTION|PATH...]: ecsim run, with its folders in R/tmp; its exit code is WANT.
runs()
{
    local want=$1 code
    shift
    rm -rf "$R/tmp"
    mkdir -p "$R/tmp"
    TMPDIR=$R/tmp timeout -k 5 60 "$BUILD/ecsim" run "$@" >"$R/out" 2>"$R/err"
    code=$?
    [ $code -eq "$want" ] && return
    printf 'exit code %d, expected %d: ecsim run %s\n' $code "$want" "$*" >>"$R/why"
    return 1
}

# says FILE TEXT...: each TEXT stands in the file, as it is.
says()
{
    local file=$1 text
    shift
    for text in "$@"; do
        grep -qF -- "$text" "$file" || printf 'not in %s: %s\n' "$(basename "$file")" "$text" >>"$R/why"
    done
}

# holds WHAT COMMAND...: for anything else that must be so.
holds()
{
    local what=$1
    shift
    "$@" >>"$R/held" 2>&1 || printf '%s\n' "$what" >>"$R/why"
}

# verdict WHAT: of all that was said since the last one.
verdict()
{
    if [ -s "$R/why" ]; then
        fail "runner: $1"
        { cat "$R/why"; tail -n 30 "$R/out" "$R/err"; } | sed 's/^/        /'
    else
        pass "runner: $1"
    fi
    : >"$R/why"
}

nothing_left() { [ -z "$(ls -A "$R/tmp")" ]; }
not() { ! "$@"; }
lives() { grep -qsF -- "$1" /proc/[0-9]*/cmdline; }
hangs() { grep -qsF 'it hangs now' "$R"/tmp/ecsim-*/2/journal.jsonl; }
# soon COMMAND...: it succeeds within some seconds.
soon()
{
    local i
    for ((i = 0; i < 500; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        read -rt 0.02 <> <(:) || :
    done
    return 1
}

exit_codes()
{
    runs 0 "$R/s/pass.scn"
    says "$R/out" '1 passed, 0 failed, 0 skipped'
    holds 'a passed run leaves something' nothing_left
    runs 1 "$R/s/pass.scn" "$R/s/fail.scn"
    says "$R/out" '1 passed, 1 failed, 0 skipped'
    verdict 'exit codes: 0 when all passed, 1 when one failed'

    runs 2
    runs 2 --no-such-option "$R/s/pass.scn"
    runs 2 -j 0 "$R/s/pass.scn"
    runs 2 --seed x "$R/s/pass.scn"
    for point in wire wire:0 wire:9-3 wire:1- commits:1 write:100001; do
        runs 2 --crash $point "$R/s/pass.scn"
        says "$R/err" "--crash $point: expected wire:N, commit:N or write:N"
    done
    runs 2 --timeout soon "$R/s/pass.scn"
    says "$R/err" '--timeout soon: expected a time such as 30s' 'ecsim run --help'
    runs 2 "$R/no-such-folder"
    runs 2 -k 'no such word' "$R/s/pass.scn"
    runs 2 --agent "'" "$R/s/pass.scn"
    verdict 'exit codes: 2 for each command line that makes no sense'

    one wrong 'Misspelt' '' 'expct docker GET /_ping'
    runs 3 "$R/s/pass.scn" "$R/s/wrong.scn"
    says "$R/err" 'wrong.scn:3:1: error:' 'expct docker GET /_ping' '^' 'did you mean "expect"?' 'nothing was started'
    rm "$R/s/wrong.scn"
    verdict 'exit codes: 3 for a scenario that is not valid, and nothing is started'

    rm -rf "$R/tmp"
    TMPDIR=$R/no-such-folder "$BUILD/ecsim" run "$R/s/pass.scn" >"$R/out" 2>"$R/err"
    holds 'no TMPDIR: not 4' [ $? -eq 4 ]
    says "$R/err" "$R/no-such-folder/ecsim-"
    says "$R/out" 'Bail out! '
    runs 4 --junit "$R/no-such-folder/x.xml" "$R/s/pass.scn"
    verdict 'exit codes: 4 for a fault of the harness or the machine'

    runs 5 --agent /no/such/agent "$R/s/pass.scn"
    says "$R/err" '/no/such/agent: no such program'
    runs 5 --agent ./README.md "$R/s/pass.scn"
    says "$R/err" '/README.md: cannot be executed'
    verdict 'exit codes: 5 when the agent cannot be started'
}

selection()
{
    runs 0 --list "$R/s"
    says "$R/out" "$R/s/pass.scn: Passes" "$R/s/skip.scn: Needs what nobody has  # skipped: needs no-such-command"
    holds '--list runs something' nothing_left
    holds '--list: lines' [ "$(wc -l <"$R/out")" -eq 3 ]
    runs 0 --list --tags quick "$R/s"
    holds '--tags: one' [ "$(cat "$R/out")" = "$R/s/pass.scn: Passes" ]
    runs 0 --list --tags -quick "$R/s"
    holds '--tags -A: the others' [ "$(wc -l <"$R/out")" -eq 2 ]
    runs 0 --list --tags quick,slow "$R/s"
    holds '--tags A,B: either' [ "$(wc -l <"$R/out")" -eq 2 ]
    runs 0 --list --tags slow,-bad "$R/s"
    holds '--tags A,-B: A without B' [ ! -s "$R/out" ]
    runs 0 --list -k Passes "$R/s"
    holds '-k: a word of the title' [ "$(cat "$R/out")" = "$R/s/pass.scn: Passes" ]
    runs 0 --list -k s/fail "$R/s"
    holds '-k: a part of the path' [ "$(cat "$R/out")" = "$R/s/fail.scn: Fails" ]
    verdict '--list, --tags and -k select'

    runs 0 -n 3 "$R/s/pass.scn"
    says "$R/out" '1..3' '3 passed, 0 failed, 0 skipped'
    verdict '-n repeats'

    runs 0 "$R/s/skip.scn" "$R/s/pass.scn"
    says "$R/out" '# SKIP needs no-such-command' '1 passed, 0 failed, 1 skipped'
    verdict 'a skipped scenario says why'
}

folders()
{
    local dir
    runs 0 --keep "$R/s/pass.scn"
    holds '--keep: no journal' [ -s "$(echo "$R"/tmp/ecsim-*/1/journal.jsonl)" ]
    verdict '--keep keeps the folder of what passed'

    runs 1 "$R/s/pass.scn" "$R/s/fail.scn"
    dir=$(echo "$R"/tmp/ecsim-*)
    holds 'the folder of what passed' [ ! -e "$dir/1" ]
    holds 'the journal of the failure' [ -s "$dir/2/journal.jsonl" ]
    says "$R/out" "journal: $dir/2/journal.jsonl"
    verdict 'only the folder of a failure stays'
}

# The ids that a fake made up, from the journal that was kept.
ids() { grep -ho '"Id":"[0-9a-f]*"' "$R"/tmp/ecsim-*/*/journal.jsonl | sort; }

seeds()
{
    local a b c
    one ids 'Ids' 'ids' 'image busybox:latest' \
        'probe POST http://docker/images/create?fromImage=busybox:latest unix=${docker.socket} status == 200' \
        'probe POST http://docker/containers/create unix=${docker.socket} header.Content-Type=application/json body="{\"Image\":\"busybox\"}" status == 201'
    runs 0 --keep --seed 7 "$R/s/ids.scn"
    a=$(ids)
    runs 0 --keep --seed 7 "$R/s/ids.scn"
    b=$(ids)
    runs 0 --keep --seed 8 "$R/s/ids.scn"
    c=$(ids)
    holds 'no id was made' [ -n "$a" ]
    holds 'the same seed, other ids' [ "$a" = "$b" ]
    holds 'another seed, the same ids' [ "$a" != "$c" ]
    verdict '--seed decides the ids'
    rm "$R/s/ids.scn"
}

# Two that wait for each other's file pass side by side only.
parallel()
{
    mkdir -p "$R/p"
    printf 'scenario 1\ntitle First\nrun sh -c ": >%s/a; [ -e %s/b ]" within 3s\n' "$R/p" "$R/p" >"$R/p/1.scn"
    printf 'scenario 1\ntitle Second\nrun sh -c ": >%s/b; [ -e %s/a ]" within 3s\n' "$R/p" "$R/p" >"$R/p/2.scn"
    runs 0 -j 2 "$R/p"
    rm -f "$R/p/a" "$R/p/b"
    sed -i 's/within 3s/within 300ms/' "$R"/p/*.scn
    runs 1 -j 1 "$R/p"
    verdict '-j runs so many at once'
}

limits()
{
    one forever 'Waits' '' 'expect docker GET /_ping within 1h'
    runs 1 --time real --timeout 300ms "$R/s/forever.scn"
    says "$R/out" 'the limit of the whole scenario, 300ms of real time, has passed' 'within 1h'
    verdict '--timeout ends what waits'
    rm "$R/s/forever.scn"
}

# The whole of a failure's block, and its command does the same once more.
report()
{
    local again line
    one block 'A block' '' "use $PWD/scenarios/lib/boot.scn" 'image busybox:latest run-for=1h' \
        "use $PWD/scenarios/lib/run-task.scn" 'expect ecs SubmitTaskStateChange .status == STOPPED within 100ms'
    line=$(wc -l <"$R/s/block.scn")
    runs 1 --seed 5 --time real --timeout 1m --agent "$AGENT" "$R/s/block.scn"
    says "$R/out" "$R/s/block.scn:$line: expect ecs SubmitTaskStateChange .status == STOPPED" \
        'it did not come within 100ms' 'nearest records on ecs:' '.status: expected STOPPED, found "RUNNING"' \
        'the agent, last:' 'msg="Submitting a state change"' 'pending:' 'docker: container ecs-web-3-main-' \
        "again: $BUILD/ecsim run --time real --timeout 1m --agent" '--seed 5' "journal: $R/tmp/"
    again=$(sed -n 's/^ *again: //p' "$R/out")
    holds 'the command of the report ends otherwise' [ "$(TMPDIR=$R/tmp bash -c "$again" 2>&1 | grep -c 'it did not come within 100ms')" -eq 1 ]
    rm "$R/s/block.scn"
    verdict 'a failure prints its whole block, and its command fails in the same way'
}

junit()
{
    local class=${R//\//.}
    runs 1 --junit "$R/junit.xml" --agent "$AGENT" "$R/s/fail.scn" "$R/s/pass.scn" "$R/s/skip.scn" \
        scenarios/self/passes-although-known.scn
    holds 'it is no XML of the form that CI systems read' xmllint --noout --relaxng ci/selftest.d/junit.rng "$R/junit.xml"
    says "$R/junit.xml" 'tests="4" failures="2" errors="0" skipped="1"' \
        "classname=\"${class#.}.s\" name=\"fail.scn: Fails\"" '<skipped message="needs no-such-command"/>' \
        '<failure message="' 'fail.scn:5: check ${world} == &quot;&lt;flat&gt; &amp; round&quot;'
    holds 'a case that passed has something to say' \
        [ "$(xmllint --xpath 'count(//testcase[contains(@name, "Passes")]/*)' "$R/junit.xml")" = 0 ]
    verdict '--junit writes a file that holds to its schema'
}

# In a pseudo-terminal, 100 columns wide.
terminal()
{
    rm -rf "$R/tmp"
    mkdir -p "$R/tmp"
    TMPDIR=$R/tmp script -qefc "stty cols 100; '$BUILD/ecsim' run '$R/s'" /dev/null </dev/null >"$R/out" 2>"$R/err"
    holds 'exit code in a terminal' [ $? -eq 1 ]
    says "$R/out" $'\r\033[K[0/3] 0 passed, 0 failed, 0 skipped  ' 'failed  ' ': Fails' \
        'fail.scn:5: check ${world}' 'skipped  ' ': needs no-such-command' '1 passed, 1 failed, 1 skipped'
    holds 'a terminal is shown TAP' [ "$(grep -c 'TAP version' "$R/out")" -eq 0 ]
    holds 'the live line is wider than the terminal' awk -v RS='\r' '
        /^\033\[K\[[0-9]+\/3\]/ { sub(/^\033\[K/, ""); sub(/\n.*/, ""); if (length($0) > 99) exit 1 }' "$R/out"
    verdict 'a terminal is shown one live line, with failures above it'

    # The first of them ends when the third has begun, so the second ends before it.
    one a-slow 'Waits for another' '' "run sh -c \"[ -e $R/begun ]\" within 30s"
    one begins 'Lets it go' '' "run sh -c \": >$R/begun\""
    runs 1 -j 2 --time real "$R/s/a-slow.scn" "$R/s/fail.scn" "$R/s/begins.scn"
    says "$R/out" "not ok 1 - $R/s/fail.scn: Fails"
    rm "$R/s/begins.scn" "$R/begun"
    rm "$R/s/a-slow.scn"
    holds 'the first lines are no plan' [ "$(head -n 2 "$R/out" | tr '\n' ' ')" = 'TAP version 13 1..3 ' ]
    holds 'the numbers are not in order' [ "$(sed -nE 's/^(not )?ok ([0-9]+) - .*/\2/p' "$R/out" | tr '\n' ' ')" = '1 2 3 ' ]
    holds 'the last line does not count' [ "$(tail -n 1 "$R/out")" = '2 passed, 1 failed, 0 skipped' ]
    holds 'colours and carriage returns in a pipe' [ "$(grep -c $'\033\|\r' "$R/out")" -eq 0 ]
    verdict 'a pipe is given TAP'
}

# interrupted SIGNAL CODE: the runner with an agent and a process that left its group.
interrupted()
{
    local signal=$1 want=$2 pid code mark=60.$((RANDOM + 100000))$$
    one hang 'Hangs' '' "use $PWD/scenarios/lib/boot.scn" \
        "run sh -c \"setsid sleep $mark </dev/null >/dev/null 2>&1 & :\"" \
        'note it hangs now' 'expect docker GET /never within 1h'
    rm -rf "$R/tmp"
    mkdir -p "$R/tmp"
    # Its own session: a shell without job control would have it ignore SIGINT.
    TMPDIR=$R/tmp setsid "$BUILD/ecsim" run -j 1 --time real --timeout 1h --junit "$R/junit.xml" --agent "$AGENT" \
        "$R/s/pass.scn" "$R/s/hang.scn" "$R/s/fail.scn" >"$R/out" 2>"$R/err" &
    pid=$!
    holds 'it does not get to where it hangs' soon hangs
    holds 'the process that leaves its group was not started' lives "$mark"
    kill -"$signal" $pid
    wait $pid
    code=$?
    holds "exit code $code, expected $want" [ $code -eq "$want" ]
    holds 'something is left in the folder for temporary files' nothing_left
    holds 'a process that left its group lives on' soon not lives "$mark"
    says "$R/out" 'ok 1 - ' 'Bail out! ' ': 2 of 3 had not ended' '1 passed, 0 failed, 0 skipped'
    holds 'one that was killed has a verdict' [ "$(grep -cE '^(not )?ok [23] ' "$R/out")" -eq 0 ]
    holds 'no JUnit file of what had ended' xmllint --noout --relaxng ci/selftest.d/junit.rng "$R/junit.xml"
    says "$R/junit.xml" 'tests="3" failures="0" errors="0" skipped="2"'
    rm -f "$R/s/hang.scn" "$R/junit.xml"
    verdict "$signal ends the run with $want, and nothing is left"
}

runner_tests()
{
    : >"$R/why"
    one pass 'Passes' 'quick' 'note nothing to do'
    one fail 'Fails' 'slow bad' 'set world "round & <flat>"' 'check ${world} == "<flat> & round"'
    one skip 'Needs what nobody has' '' 'needs no-such-command' 'note never'
    exit_codes
    selection
    folders
    seeds
    parallel
    limits
    report
    junit
    terminal
    interrupted INT 130
    interrupted TERM 143
}
[ ! -x "$BUILD/ecsim" ] || runner_tests
