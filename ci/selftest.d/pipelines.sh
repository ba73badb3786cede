# shellcheck shell=bash
# The pipelines of ci/pipelines/: each job's script is taken out of the file and run for real, all
# parts and the judge; one that loses a part, and one in which a scenario fails, must say so.

# jenkinsfile FILE [SHARD]: what Groovy's compiler and the grammar of declarative pipelines say.
jenkinsfile() { timeout -k 5 "$limit" groovy ci/lib/jenkinsfile.groovy "$@"; }

pipeline_script()
{
    case $1 in
    *Jenkinsfile) jenkinsfile "$1" "$2" | grep -v '^ci/install-deps \|^make ' ;;
    *) python3 ci/lib/pipeline_scripts.py "$1" "$2" 4 ;;
    esac
}

# pipeline_part FILE SHARD: runs the job of that part (0: the judge) as its service would.
pipeline_part()
{
    pipeline_script "$1" "$2" >"$pipe_at/script" || return 99
    [ -s "$pipe_at/script" ] || return 98
    (
        cd "$pipe_at/tree" || exit 97
        export SCENARIOS="scenarios/acs/silent.scn scenarios/introspection $pipe_more"
        export ECSIM="$PWD/ecsim" HOME="$pipe_at" RETRIES=1
        timeout -k 5 "$limit" sh -e "$pipe_at/script"
    ) >>"$pipe_at/out" 2>&1
}

# pipeline FILE: all of it, in a tree as a checkout has it. Its end is that of the judge.
pipeline()
{
    local shard code
    pipe_at=$SCRATCH/pipelines
    rm -rf "$pipe_at"
    mkdir -p "$pipe_at/tree/ci"
    ln -s "$PWD/ci/pipelines" "$pipe_at/tree/ci/pipelines"
    ln -s "$PWD/scenarios" "$pipe_at/tree/scenarios"
    case $BUILD in
    /*) ln -s "$BUILD/ecsim" "$pipe_at/tree/ecsim" ;;
    *) ln -s "$PWD/$BUILD/ecsim" "$pipe_at/tree/ecsim" ;;
    esac
    printf 'scenario 1\ntitle Wrong\ncheck 1 == 2\n' >"$pipe_at/wrong.scn"
    for shard in 1 2 3 4; do
        [ "$shard" = "$pipe_lost" ] || pipeline_part "$1" "$shard"
        code=$?
        [ $code -le 1 ] || return $code
    done
    pipeline_part "$1" 0
}

pipeline_ends()
{
    local want=$1 what=$2 file=$3 code
    pipeline "$file"
    code=$?
    if [ $code -eq "$want" ] && { [ "$want" -ne 0 ] ||
        [ -s "$pipe_at/tree/results/junit/reference.xml" ]; }; then
        pass "pipelines: $what"
    else
        fail "pipelines: $what: exit code $code, expected $want"
        tail -n 15 "$pipe_at/out" | sed 's/^/        /'
    fi
}

# jenkinsfile_refused SED WORDS: with this change it is no pipeline, for this reason.
jenkinsfile_refused()
{
    local said
    sed "$1" ci/pipelines/Jenkinsfile >"$pipe_at/Jenkinsfile"
    if said=$(jenkinsfile "$pipe_at/Jenkinsfile" 2>&1); then
        fail "pipelines: a Jenkinsfile after '$1' is taken for one"
    elif [[ $said == *"$2"* ]]; then
        pass "pipelines: a Jenkinsfile is refused: $2"
    else
        fail "pipelines: a Jenkinsfile after '$1' is refused for another reason: $said"
    fi
}

jenkinsfile_tests()
{
    local said
    if ! command -v groovy >/dev/null; then
        skip 'pipelines: Jenkinsfile' 'no groovy'
        return
    fi
    if said=$(jenkinsfile ci/pipelines/Jenkinsfile 2>&1); then
        pass 'pipelines: the Jenkinsfile is a declarative pipeline'
    else
        fail "pipelines: $said"
    fi
    jenkinsfile_refused 's/steps {/stepps {/' '`stepps` does not belong in `stage`'
    jenkinsfile_refused 's/allowEmpty:/allowEmtpy:/' '`stash` has no parameter `allowEmtpy`'
    jenkinsfile_refused 's/SHARD}/SHRD}/' '`SHRD` is no word'
    jenkinsfile_refused '$d' "expecting '}'"
    pipeline_ends 0 'Jenkinsfile runs its parts and judges' ci/pipelines/Jenkinsfile
}

# The Job by the API's own schema, and that five ways of getting it wrong are told.
kubernetes_tests()
{
    local file=ci/pipelines/kubernetes-job.yaml said change want
    if ! /usr/bin/python3 -c 'import kubernetes' 2>/dev/null; then
        skip 'pipelines: kubernetes-job.yaml by its schema' 'no python3-kubernetes'
        return
    fi
    if said=$(/usr/bin/python3 ci/lib/kubernetes_job.py "$file" 2>&1); then
        pass 'pipelines: kubernetes-job.yaml is what the API takes'
    else
        fail "pipelines: kubernetes-job.yaml: $said"
    fi
    while IFS='|' read -r change want; do
        sed "$change" "$file" >"$pipe_at/job.yaml"
        if said=$(/usr/bin/python3 ci/lib/kubernetes_job.py "$pipe_at/job.yaml" 2>&1); then
            fail "pipelines: a Job after '$change' is taken for one"
        elif [[ $said == *"$want"* ]]; then
            pass "pipelines: a Job is refused: $want"
        else
            fail "pipelines: a Job after '$change' is refused for another reason: $said"
        fi
    done <<'END'
s/completionMode/completionMod/|Job.spec has no completionMod
s/completions: 4/completions: four/|Job.spec.completions is no int
s/- name: shard/- nam: shard/|containers[0] has no nam
s/value: "4"/value: 4/|env[1].value is no str
s/restartPolicy: Never/restartPolicy: [Never]/|restartPolicy is no str
END
}

# GitHub's workflow by the schema that GitHub's own editor has.
github_tests()
{
    local file=ci/pipelines/github-actions.yml
    if ! command -v action-validator >/dev/null; then
        skip 'pipelines: github-actions.yml by its schema' 'no action-validator (npm: @action-validator/cli)'
    elif ! action-validator "$file" >"$pipe_at/lint" 2>&1; then
        fail "pipelines: github-actions.yml: $(head -n 5 "$pipe_at/lint")"
    elif sed s/runs-on/runs_on/ "$file" >"$pipe_at/bad.yml" && action-validator "$pipe_at/bad.yml" >/dev/null 2>&1; then
        fail 'pipelines: a workflow without runs-on is taken for one'
    else
        pass 'pipelines: github-actions.yml fits its schema'
    fi
}

pipeline_tests()
{
    local file pipe_more='' pipe_lost=''
    if ! python3 -c 'import yaml' 2>/dev/null; then
        skip pipelines 'no python3-yaml'
        return
    fi
    pipe_at=$SCRATCH
    for file in ci/pipelines/*.yml ci/pipelines/*.yaml; do
        if ! command -v yamllint >/dev/null; then
            skip "pipelines: yamllint of $(basename "$file")" 'no yamllint'
        elif yamllint -d '{extends: relaxed, rules: {line-length: disable}}' "$file" >"$pipe_at/lint"; then
            pass "pipelines: yamllint of $(basename "$file")"
        else
            fail "pipelines: yamllint of $(basename "$file"): $(head -n 2 "$pipe_at/lint" | tail -n 1)"
        fi
    done
    jenkinsfile_tests
    kubernetes_tests
    github_tests
    for file in ci/pipelines/*.yml ci/pipelines/*.yaml; do
        pipeline_ends 0 "$(basename "$file") runs its parts and judges" "$file"
    done
    pipe_lost=3
    pipeline_ends 4 'a part that is lost is no success' ci/pipelines/gitlab-ci.yml
    pipe_lost=
    pipe_more=../wrong.scn
    pipeline_ends 1 'a scenario that fails is no success' ci/pipelines/kubernetes-job.yaml
}
pipeline_tests
