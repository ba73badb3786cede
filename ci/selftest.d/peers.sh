# shellcheck shell=bash
# The comparison with real engines finds what differs, and says where.

peers_tests()
{
    local line
    while IFS= read -r line; do
        case $line in
        'ok '*) pass "docker-diff: ${line#ok }" ;;
        *) fail "docker-diff: ${line#FAIL }" ;;
        esac
    done < <(/usr/bin/python3 -B ci/peers/docker/test_compare.py 2>&1)
    # one rule that nothing needs, and one recorded answer that is not the fake's
    cp -R ci/peers/docker "$SCRATCH/d/peers"
    if ci/docker-diff --recorded --parts "$SCRATCH/d/peers" "$SCRATCH/d/peers/requests/11-versions.http" >"$SCRATCH/d/diff.out" 2>&1; then
        pass "docker-diff: the recording stands in"
    else
        fail "docker-diff: the recording does not stand in"
        sed 's/^/        /' "$SCRATCH/d/diff.out"
    fi
    sed -i 's/client version 1.0 is too old/client version 1.0 is fine/' "$SCRATCH/d/peers/recorded/docker-20.10/11-versions.jsonl"
    if ci/docker-diff --recorded --parts "$SCRATCH/d/peers" "$SCRATCH/d/peers/requests/11-versions.http" >"$SCRATCH/d/diff.out" 2>&1; then
        fail "docker-diff: it did not see another text"
    elif ! grep -q '^FAIL 11-versions/v1.0@- (11-versions.http:' "$SCRATCH/d/diff.out"; then
        fail "docker-diff: it does not say which request"
        sed 's/^/        /' "$SCRATCH/d/diff.out"
    else
        pass "docker-diff: it says which request is answered differently"
    fi
}
peers_tests
