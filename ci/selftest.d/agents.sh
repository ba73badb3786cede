# shellcheck shell=bash
# ecsim agents: names of agents from files, and what is wrong with such a file.

agents_at=$SCRATCH/d

# agents_say WHAT CODE TEXT ARG...: `ecsim ARG...` ends with CODE, and its output holds TEXT.
agents_say()
{
    local what=$1 want=$2 text=$3 code
    shift 3
    timeout -k 5 "$limit" env -u ECSIM_OFFICIAL_AGENT HOME="$agents_at" XDG_CONFIG_HOME= \
        "$BUILD/ecsim" "$@" >"$agents_at/out" 2>&1
    code=$?
    if [ $code -eq "$want" ] && grep -qF -- "$text" "$agents_at/out"; then
        pass "agents: $what"
    else
        fail "agents: $what: exit code $code"
        sed 's/^/        /' "$agents_at/out" | tail -n 20
    fi
}

agents_tests()
{
    local file=$agents_at/mine one=scenarios/introspection/short-docker-id.scn
    agents_say 'the reference agent is found beside ecsim' 0 'version as it reports' agents reference
    agents_say 'one that is not there says what was looked for' 5 \
        '$ECSIM_OFFICIAL_AGENT (not set)' agents official
    agents_say 'a name that is nearly right' 2 'did you mean the agent "reference"?' agents referense
    agents_say 'the same for a run' 5 'did you mean the agent "reference"?' \
        run --agent referense "$one"
    agents_say 'a scenario runs with an agent by its name' 0 '1 passed' run --agent reference "$one"

    # The example of the documentation is a file that is right.
    sed -n '/^```$/,/^```$/p' docs/PROFILES.md | sed '/^```$/d' >"$file"
    agents_say 'the example of docs/PROFILES.md is right' 0 'no errors' agents --check "$file"
    printf 'agent   x\ncommand y\nknwon   a b\n' >"$file"
    agents_say 'a file with an error' 3 "$file:3:1: error: unknown word \"knwon\"" \
        agents --check "$file"
    agents_say 'and what was meant' 3 'did you mean "known"?' agents --check "$file"
    agents_say 'a run does not begin with it' 3 'unknown word' run --agents "$file" "$one"

    mkdir -p "$agents_at/.config/ecsim"
    printf '%s\n' 'agent   mine' "command $PWD/$BUILD/ecsim-agent" 'says    ecsim-agent' \
        'version is 1.20.0' 'env     ECS_CLUSTER=${cluster}' 'known   introspection/short* mine#1' \
        'differs in <2 "nothing"' >"$agents_at/.config/ecsim/agents"
    agents_say 'a file of the user is read' 0 'mine  1.20.0' agents mine
    agents_say 'a pass that its profile does not expect is a failure' 1 \
        'passed, although it is known to fail by mine#1' run --agent mine "$one"
    printf 'scenario 1\ntitle   New\nagent   >=1.39\nstart   agent\n' >"$agents_at/new.scn"
    agents_say 'guards go by its version' 0 'for agent >=1.39, this is 1.20.0' \
        run --agent mine "$agents_at/new.scn"
    # An agent that breaks in a way of its own, and one that does not print what is known of it.
    printf '%s\n' 'agent   mine' 'command /bin/sh -c "echo panic: no more room; exit 2"' \
        'version is 1.20.0' 'dies    "no more room" mine#14 in 1.20.0' >"$file"
    agents_say 'a crash that its profile knows is a known failure' 0 'known mine#14: ' \
        run --agents "$file" --agent mine "$one"
    sed -i 's/echo panic: no more room; //' "$file"
    agents_say 'and another crash is a failure' 1 'exit code 2' run --agents "$file" --agent mine "$one"
    printf '%s\n' 'agent   mine' 'command /bin/true' 'says    ecsim-agent' >"$file"
    agents_say 'another program in its place is refused' 5 'does not say "ecsim-agent"' \
        run --agents "$file" --agent mine "$one"
}
agents_tests
