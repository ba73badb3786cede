# shellcheck shell=bash
# ecsim-init under test: it is what the harness starts as the agent, with the reference agent below it
# as a process, or with the engine running it as a container: one that really runs in those that need
# an image of docker save (container-update*.scn, cache-*.scn, in which @IMAGES@ is the folder of those).

# init_image NAME IMAGE PROGRAM [ARG...]
init_image()
{
    python3 ci/lib/save_image.py "$SCRATCH/d/images/$1.tar" "${@:2}"
}

# The agent, its next release, and images of which none is an agent.
init_images()
{
    local name=amazon/amazon-ecs-agent:latest
    mkdir -p "$SCRATCH/d/images"
    "$MAKE" -s "BUILD=$BUILD" "$BUILD/next/ecsim-agent" >/dev/null || return 1
    init_image now $name "$BUILD/ecsim-agent" && init_image next $name "$BUILD/next/ecsim-agent" &&
        init_image crashes $name /bin/false && init_image terminal $name /bin/dash -c 'exit 5' &&
        init_image idle $name /bin/sleep infinity && init_image other another:latest /bin/true &&
        head -c 5000 /dev/urandom >"$SCRATCH/d/images/garbage.tar"
}

init_scenarios()
{
    local file version next
    version=$("$BUILD/ecsim-agent" --version | sed -n 's/.*Version: //p')
    next=$("$BUILD/next/ecsim-agent" --version | sed -n 's/.*Version: //p')
    mkdir -p "$SCRATCH/d/init"
    for file in ci/selftest.d/init/*.scn ci/selftest.d/init/lib/*.scn; do
        sed "s#@IMAGES@#$SCRATCH/d/images#g; s#@VERSION@#$version#g; s#@NEXT@#$next#g" "$file" >"$SCRATCH/d/init/$(basename "$file")"
    done
}

init_tests()
{
    local file how
    init_images || { fail "init: no images"; return; }
    init_scenarios
    for file in ci/selftest.d/init/*.scn; do
        case $file in
        */container* | */pre-start* | */cache-*) how=$BUILD/ecsim-init ;;
        *) how="$BUILD/ecsim-init --agent $PWD/$BUILD/ecsim-agent start" ;;
        esac
        if ! "$BUILD/ecsim" run -I scenarios --agent "$how" "$SCRATCH/d/init/$(basename "$file")" >"$SCRATCH/d/init.out" 2>&1; then
            fail "init: $file"
            sed 's/^/        /' "$SCRATCH/d/init.out"
        elif grep -q '# SKIP' "$SCRATCH/d/init.out"; then
            skip "init: $file" "$(sed -n 's/.*# SKIP //p' "$SCRATCH/d/init.out")"
        else
            pass "init: $(sed -n 's/^title *//p' "$file")"
        fi
    done
}
[ ! -x "$BUILD/ecsim-init" ] || init_tests
