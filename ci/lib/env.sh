# shellcheck shell=bash
# Where the scripts of ci/ stand, whoever called them. make exports BUILD, SAN,
# AGENT and MAKE; by hand the defaults do.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
export LC_ALL=C.UTF-8
BUILD=${BUILD:-build}
MAKE=${MAKE:-make}
AGENT=${AGENT:-$BUILD/ecsim-agent}
JOBS=${JOBS:-2}
# A folder says how it was built, so that a script run by hand asks make for the same.
case $BUILD in
*-san*) export SAN=${SAN:-address,undefined} ;;
esac
case $BUILD in
*-cov) export COV=1 ;;
esac

# Sanitizers stop at the first fault, and their exit code is nobody else's.
export ASAN_OPTIONS="exitcode=99:detect_stack_use_after_return=1:strict_string_checks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=99${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
export LSAN_OPTIONS="suppressions=$PWD/ci/suppressions/lsan.txt:print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}"

# A folder for what a script writes, gone when it ends.
scratch()
{
    SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/ecsim-ci.XXXXXX") || exit 2
    trap 'rm -rf "$SCRATCH"' EXIT
}
