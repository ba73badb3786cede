# shellcheck shell=bash
# ci/install-deps on a machine that lacks something, without touching this one:
# a list with a package that is nowhere, and commands that only write down
# what they were asked.

deps_case()
{
    local what=$1 want=$2 text=$3 code
    shift 3
    ECSIM_PACKAGES=$SCRATCH/d/packages PATH=$SCRATCH/d/bin:$PATH "$@" >"$SCRATCH/d/out" 2>&1
    code=$?
    if [ "$code" -ne "$want" ]; then
        fail "install-deps: $what: exit code $code, expected $want"
        sed 's/^/        /' "$SCRATCH/d/out"
    elif [ -n "$text" ] && ! grep -qF -- "$text" "$SCRATCH/d/out"; then
        fail "install-deps: $what: does not say: $text"
        sed 's/^/        /' "$SCRATCH/d/out"
    else
        pass "install-deps: $what"
    fi
}

# shim NAME LINE...: a command of that name for the cases below.
shim()
{
    local name=$1
    shift
    mkdir -p "$SCRATCH/d/bin"
    printf '#!/bin/sh\n' >"$SCRATCH/d/bin/$name"
    printf '%s\n' "$@" >>"$SCRATCH/d/bin/$name"
    chmod +x "$SCRATCH/d/bin/$name"
}

deps_tests()
{
    local log=$SCRATCH/d/apt.log apt
    apt="echo \"\$@\" >>$log"
    printf 'build make cmd:sh there\n' >"$SCRATCH/d/packages"
    shim apt-get "$apt"
    deps_case 'all is there: apt-get is not called' 0 '' ci/install-deps
    [ -e "$log" ] && fail 'install-deps: apt-get was called for nothing'

    printf 'build nosuch cmd:no-such-command-%s for the test\n' $$ >>"$SCRATCH/d/packages"
    deps_case '--check says what is missing and why' 1 'for the test' ci/install-deps --check
    shim id 'echo 1000'
    shim sudo 'exit 1'
    deps_case 'no right to install: the command, and 69' 69 \
        'apt-get update && apt-get install -y --no-install-recommends nosuch' ci/install-deps
    [ -e "$log" ] && fail 'install-deps: apt-get was called without the right to'

    deps_case 'sudo that asks for a password: the command says sudo' 69 \
        "sudo sh -c 'apt-get update && " ci/install-deps

    shim id 'echo 0'
    deps_case 'installed, and still not there: 70' 70 'still missing' ci/install-deps
    shim apt-get "$apt" "case \"\$*\" in *update*) touch $SCRATCH/d/updated ;;" \
        "*) [ -e $SCRATCH/d/updated ] || exit 100; ln -sf /bin/sh $SCRATCH/d/bin/no-such-command-$$ ;; esac"
    deps_case 'a package that is not found: the lists are fetched, and again' 0 'apt-get update' ci/install-deps
    rm -f "$SCRATCH/d/bin/no-such-command-$$"
    shim apt-get 'exit 100'
    deps_case 'no network: 70' 70 'no network?' ci/install-deps
    deps_case 'a group that does not exist: 2' 2 'no group' ci/install-deps nix
}
# What the goals of one make need is asked for together, and once.
asked_together()
{
    local asked
    asked=$(env -u BUILD -u SAN -u COV -u MAKEFLAGS -u MAKELEVEL \
        make -n BUILD="$SCRATCH/d/nowhere" scenario-test tests 2>&1 | grep 'install-deps')
    if [ "$asked" = 'ci/install-deps build scenario test' ]; then
        pass 'install-deps: make asks once for all that its goals need'
    else
        fail "install-deps: make asks once for all that its goals need, not: $asked"
    fi
}
deps_tests
asked_together
