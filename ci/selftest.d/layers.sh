# shellcheck shell=bash
# A forbidden include does not compile, an allowed one does; banned calls do not.

"$MAKE" -s --no-print-directory flags-base flags-proto flags-agent flags-fakes flags-harness \
    >"$SCRATCH/d/flags" 2>/dev/null
flags_of() { grep -F "layers/$1 " "$SCRATCH/d/flags"; }

# Headers that are there whatever the modules hold today.
for module in base proto agent fakes harness; do
    mkdir -p "$SCRATCH/d/tree/$module"
    echo "extern int in_$module;" >"$SCRATCH/d/tree/$module/a.h"
done

# compiles MODULE TEXT: with the command that the module is compiled with, in
# its folder of layers but with the headers above in place of the real ones.
compiles()
{
    local module=$1 command layer
    mkdir -p "$SCRATCH/d/layers"
    layer=$SCRATCH/d/layers/$module
    if [ ! -d "$layer" ]; then
        cp -RP "$BUILD/layers/$module" "$layer"
        find "$layer" -type l | while read -r link; do
            ln -sfn "$SCRATCH/d/tree/$(basename "$link")" "$link"
        done
    fi
    command=$(flags_of "$module")
    [ -n "$command" ] || { echo "no command for $module" >"$SCRATCH/d/errors"; return 1; }
    printf '%s\nint unused_%s;\n' "$2" "$module" >"$SCRATCH/d/tree/$module/x.c"
    eval "${command//"$BUILD/layers/$module"/$layer} -fsyntax-only $SCRATCH/d/tree/$module/x.c" 2>"$SCRATCH/d/errors"
}

may()
{
    if compiles "$1" "#include $2"; then
        pass "layers: $1 may include $2"
    else
        fail "layers: $1 may include $2"
        head -n 5 "$SCRATCH/d/errors" | sed 's/^/        /'
    fi
}

# must_not MODULE TEXT REASON: and the compiler's reason is the right one.
must_not()
{
    if compiles "$1" "$2"; then
        fail "layers: $1 must not compile: $2"
    elif ! grep -q "$3" "$SCRATCH/d/errors"; then
        fail "layers: $1 does not compile $2, but for another reason"
        head -n 5 "$SCRATCH/d/errors" | sed 's/^/        /'
    else
        pass "layers: $1 cannot: $2"
    fi
}

layers_tests()
{
    local gone='No such file' poison='may not use' m
    for m in proto agent fakes harness; do
        may "$m" '"base/a.h"'
        must_not base "#include \"$m/a.h\"" "$gone"
    done
    for m in agent fakes harness; do
        may "$m" '"proto/a.h"'
        must_not proto "#include \"$m/a.h\"" "$gone"
    done
    may harness '"fakes/a.h"'
    must_not agent '#include "fakes/a.h"' "$gone"
    must_not agent '#include "harness/a.h"' "$gone"
    must_not fakes '#include "agent/a.h"' "$gone"
    must_not fakes '#include "harness/a.h"' "$gone"
    must_not harness '#include "agent/a.h"' "$gone"
    must_not base '#include <uv.h>' "$poison"
    must_not base '#include <openssl/evp.h>' "$poison"
    must_not proto '#include <jansson.h>' "$poison"
    must_not agent '#include <http_parser.h>' "$poison"
    must_not agent '#include <wslay/wslay.h>' "$poison"
    must_not fakes '#include <curl/curl.h>' "$poison"
    must_not fakes '#include <libwebsockets.h>' "$poison"
    must_not harness '#include <curl/curl.h>' "$poison"
    may fakes '<uv.h>'
    may agent '<curl/curl.h>'
    must_not agent 'void f(char *a); void f(char *a) { strcpy(a, "b"); }' poisoned
    must_not fakes 'void f(void); void f(void) { sleep(1); }' poisoned
}
layers_tests
