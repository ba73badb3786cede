# shellcheck shell=bash
# What `make install` puts under DESTDIR and PREFIX works from there.

install_tests()
{
    local to=$SCRATCH/d/to
    if "$MAKE" --no-print-directory install PREFIX=/opt/ecsim DESTDIR="$to" >"$SCRATCH/d/out" 2>&1 &&
        [ -z "$(find "$to" -mindepth 1 ! -path "$to/opt" ! -path "$to/opt/ecsim*")" ] &&
        "$to/opt/ecsim/bin/ecsim" run --agent "$to/opt/ecsim/bin/ecsim-agent" \
            "$to/opt/ecsim/share/ecsim/scenarios/register/registers-and-connects.scn" >>"$SCRATCH/d/out" 2>&1; then
        pass 'install: what is installed under DESTDIR and PREFIX runs a scenario'
    else
        fail 'install: what is installed under DESTDIR and PREFIX runs a scenario'
        tail -n 30 "$SCRATCH/d/out" | sed 's/^/        /'
    fi
}
[ ! -x "$BUILD/ecsim" ] || install_tests
