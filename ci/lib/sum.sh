# shellcheck shell=bash
# Counting, the same in every part of `make check`. A part runs named checks and
# ends with `closing`: one line "N passed, N failed, N skipped", last and alone.
# It fails when anything failed, and when nothing ran. What was skipped has
# said why: a part may skip everything where the machine lacks what it needs.

n_passed=0
n_failed=0
n_skipped=0

pass() { n_passed=$((n_passed + ${2:-1})); printf '  ok    %s\n' "$1"; }
fail() { n_failed=$((n_failed + ${2:-1})); printf '  FAIL  %s\n' "$1"; }
skip() { n_skipped=$((n_skipped + 1)); printf '  skip  %s: %s\n' "$1" "$2"; }

# closing [NOUN]: prints the line, and is the exit code of the script.
closing()
{
    printf '%s%d passed, %d failed, %d skipped\n' "${1:+$1: }" "$n_passed" "$n_failed" "$n_skipped"
    [ "$n_failed" -eq 0 ] && [ $((n_passed + n_skipped)) -gt 0 ]
}

# read_closing FILE: adds the counts of a part's last line; 1 when it is not such a line.
read_closing()
{
    local line
    line=$(tail -n 1 "$1")
    [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]] || return 1
    n_passed=$((n_passed + BASH_REMATCH[1]))
    n_failed=$((n_failed + BASH_REMATCH[2]))
    n_skipped=$((n_skipped + BASH_REMATCH[3]))
    # A part that had nothing to run is a fault of ours, whatever it returned.
    [ $((BASH_REMATCH[1] + BASH_REMATCH[2] + BASH_REMATCH[3])) -gt 0 ]
}
