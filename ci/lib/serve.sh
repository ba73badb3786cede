# shellcheck shell=bash
# `ecsim serve` beside a script.

# serve ARG...: fakes in the background, until `unserve` or until the shell ends. When it
# returns, their environment is this shell's; their process is $served.
serve()
{
    local fd line
    exec {fd}< <(exec "$BUILD/ecsim" serve --die-with-parent "$@")
    served=$!
    while IFS= read -r line <&"$fd" && [ -n "$line" ]; do # an empty line ends the environment
        export "${line?}"
    done
    exec {fd}<&-
    kill -0 "$served" 2>/dev/null
}

unserve()
{
    kill "$served" 2>/dev/null
    wait "$served" 2>/dev/null
}
