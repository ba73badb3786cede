#!/bin/bash
# Every endpoint of the reference agent answers as the release that it follows: status, type,
# members and their formats (ci/fidelity-agent). What differs is explained, or fails.
# needs: curl
set -u
if ! out=$(ci/fidelity-agent --check "$AGENT" 2>&1); then
    case $out in
    skip:*) printf 'skip shapes: no sandbox here\n' ;;
    *) printf 'FAIL the agent cannot be asked\n%s\n' "$out" ;;
    esac
    exit 0
fi
printf '%s\n' "$out"
