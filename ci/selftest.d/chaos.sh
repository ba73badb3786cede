# shellcheck shell=bash
# The judge of random lives finds each rule broken that it has, and nothing in a life that was well.

chaos_life()
{
    local told=$1 creates=$2 state=$3 status=$4 wanted=${5:-RUNNING} code=${6:-0} i n=10
    echo '{"n":1,"kind":"frame-out","peer":"acs","what":"PayloadMessage","body":{"tasks":[{"arn":"T",
        "desiredStatus":"'"$wanted"'","containers":[{"name":"c0a","essential":true}]}]}}' | tr -d '\n'
    echo
    for ((i = 0; i < creates; i++)); do
        n=$((n + 2))
        printf '{"n":%d,"kind":"request","peer":"docker","what":"POST /containers/create","body":%s}\n' $n \
            '{"Labels":{"com.amazonaws.ecs.container-name":"c0a"}}'
        printf '{"n":%d,"kind":"answer","request":%d,"status":201}\n' $((n + 1)) $n
    done
    for i in $told; do
        n=$((n + 2))
        printf '{"n":%d,"kind":"request","peer":"ecs","what":"SubmitTaskStateChange","body":{"task":"T","status":"%s",%s}}\n' \
            $n "$i" '"containers":[{"containerName":"c0a","exitCode":'"$code"'}]'
        printf '{"n":%d,"kind":"answer","request":%d,"status":200}\n' $((n + 1)) $n
    done
    [ -z "$state" ] || printf '{"n":99,"kind":"step","what":"run","argv":["curl"],"stdout":[%s]}\n' \
        '{"Labels":{"com.amazonaws.ecs.container-name":"c0a"},"State":"'"$state"'","Status":"'"$status"'"}'
}

# chaos_says NAME WANTED LIFE...
chaos_says()
{
    local name=$1 wanted=$2 said
    shift 2
    chaos_life "$@" >"$SCRATCH/life.jsonl"
    said=$(python3 ci/chaos.d/judge.py "$SCRATCH/life.jsonl" 2>&1)
    if [ "$said" = "$wanted" ]; then
        pass "chaos: $name"
    else
        fail "chaos: $name: \"$said\", not \"$wanted\""
    fi
}

chaos_tests()
{
    chaos_says 'a life that was well' '' 'RUNNING STOPPED' 1 exited 'Exited (0) 3 minutes ago'
    chaos_says 'one that goes on' '' 'RUNNING' 1 running 'Up 3 minutes'
    chaos_says 'STOPPED is taken back' 'T was told RUNNING, STOPPED, RUNNING' \
        'RUNNING STOPPED RUNNING' 1 exited 'Exited (0) 3 minutes ago'
    chaos_says 'a container comes twice' 'c0a was created 2 times' \
        'RUNNING STOPPED' 2 exited 'Exited (0) 3 minutes ago'
    chaos_says 'it runs on' 'c0a runs, and its task is STOPPED' 'RUNNING STOPPED' 1 running 'Up 3 minutes'
    chaos_says 'an end is not told' 'c0a has ended, and its task is not told STOPPED' \
        'RUNNING' 1 exited 'Exited (0) 3 minutes ago'
    chaos_says 'a stop is not followed' 'T was to stop, and is not told STOPPED' \
        'RUNNING' 1 running 'Up 3 minutes' STOPPED
    chaos_says 'a wrong exit code is told' 'c0a ended with 9, and 0 was told' \
        'RUNNING STOPPED' 1 exited 'Exited (9) 3 minutes ago'
    chaos_says 'it broke off' 'the life did not come to its end' 'RUNNING' 1 '' ''
}

chaos_tests
