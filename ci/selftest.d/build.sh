# shellcheck shell=bash
# The graph of make: what changed is rebuilt, what did not is not. A tree with a
# module of three sources stands in for ours.

# built WHAT PATTERN [ARG...]: make prints PATTERN; built WHAT '' ...: it compiles nothing.
built()
{
    local what=$1 pattern=$2 out=$SCRATCH/d/make.out code
    shift 2
    env -u BUILD -u SAN -u COV -u MAKEFLAGS -u MAKELEVEL make -C "$SCRATCH/d/t" build/libbase.a "$@" >"$out" 2>&1
    code=$?
    if [ $code -ne 0 ] || { [ -n "$pattern" ] && ! grep -qF -- "$pattern" "$out"; } ||
        { [ -z "$pattern" ] && grep -q ' CC ' "$out"; }; then
        fail "build: $what"
        sed 's/^/        /' "$out"
    else
        pass "build: $what"
    fi
}

# Our own tree, which is built: the processor's time, as others use the machine
# too, and the best of some runs.
idle()
{
    local i spent best=9 TIMEFORMAT='%3U %3S'
    [ -x "$BUILD/ecsim" ] || return
    for ((i = 0; i < 7; i++)); do
        spent=$( { time "$MAKE" -s all >"$SCRATCH/d/make.out" 2>&1; } 2>&1) || { fail 'build: of what is built'; return; }
        best=$(awk -v best="$best" '{ t = $1 + $2; printf "%.3f", t < best ? t : best }' <<<"$spent")
    done
    if [ -s "$SCRATCH/d/make.out" ]; then
        fail "build: with nothing to do, something is done: $(head -n 1 "$SCRATCH/d/make.out")"
    elif awk -v t="$best" 'BEGIN { exit t < 0.1 }'; then
        fail "build: with nothing to do takes $best s, over 100 ms"
    else
        pass 'build: with nothing to do takes under 100 ms'
    fi
}

build_tests()
{
    local t=$SCRATCH/d/t
    mkdir -p "$t/base"
    cp -R Makefile VERSION ci "$t/"
    cp base/banned.h "$t/base/"
    echo 'int a(void);' >"$t/base/a.h"
    echo 'int b(void);' >"$t/base/b.h"
    printf '#include "base/a.h"\n#include "base/b.h"\nint a(void) { return 1; }\n' >"$t/base/a.c"
    printf '#include "base/b.h"\nint b(void) { return 2; }\n' >"$t/base/b.c"
    printf 'int c(void);\nint c(void) { return 3; }\n' >"$t/base/c.c"

    built 'the first time everything is compiled' 'CC    base/c.c'
    built 'the second time nothing is' ''
    touch "$t/base/a.h"
    built 'a header that changed: who includes it is compiled' 'CC    base/a.c'
    grep -q 'CC    base/[bc].c' "$SCRATCH/d/make.out" && fail 'build: and who does not is compiled too'
    built 'a flag that changed compiles everything' 'CC    base/c.c' CFLAGS=-g1
    built 'and so does changing it back' 'CC    base/b.c'
    rm "$t/base/a.h"
    printf '#include "base/b.h"\nint a(void);\nint a(void) { return b(); }\n' >"$t/base/a.c"
    built 'a header that is gone breaks nothing' 'CC    base/a.c'
    rm "$t/base/c.c"
    built 'a source that is gone: nothing is compiled' ''
    if ar t "$t/build/libbase.a" | grep -q '^c\.o'; then
        fail 'build: but it is still in the archive'
    else
        pass 'build: and it leaves the archive'
    fi
    sed -i 's/^base_poison.*/& math.h/' "$t/ci/mk/modules.mk"
    built 'what a module may use changed: it is compiled' 'CC    base/b.c'
    built 'sanitizers build beside' 'CC    base/b.c' SAN=undefined build-san/libbase.a
    built 'and leave the plain build alone' ''
    idle
}
build_tests
