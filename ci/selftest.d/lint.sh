# shellcheck shell=bash
# Each rule of lint finds what it is there to find, and says where.

# caught RULE FILE TEXT WHERE: a tree that holds only FILE breaks RULE, at WHERE.
caught()
{
    local rule=$1 file=$2 text=$3 where=$4 tree=$SCRATCH/d/lint
    rm -rf "$tree"
    mkdir -p "$tree/$(dirname "$file")" "$tree/ci/mk"
    cp ci/mk/modules.mk "$tree/ci/mk/"
    printf '%b' "$text" >"$tree/$file"
    if LINT_ROOT=$tree ci/lint "$rule" >"$SCRATCH/d/lint.out" 2>&1; then
        fail "lint: $rule did not see $file"
    elif ! grep -qF -- "$where" "$SCRATCH/d/lint.out"; then
        fail "lint: $rule does not say $where"
        sed 's/^/        /' "$SCRATCH/d/lint.out"
    else
        pass "lint: $rule catches $where"
    fi
}

# many N TEXT: TEXT, N times over.
many() { local i; for ((i = 0; i < $1; i++)); do printf '%s' "$2"; done; }

lint_tests()
{
    local todo
    todo=$(printf 'TO%s' DO)
    caught includes agent/a.c '#include "../fakes/core/loop.h"\n' agent/a.c:1
    caught includes agent/a.c '\n#include "a.h"\n' agent/a.c:2
    caught layers agent/a.c '#include "fakes/core/loop.h"\n' 'agent/a.c:1: agent/ may not use fakes/'
    caught layers base/test/test_a.c '#include <proto/x.h>\n' 'base/ may not use proto/'
    caught words docs/a.md "fine\n$todo: later\n" docs/a.md:2
    caught format base/a.c 'int  a;\n' base/a.c:1
    caught sizes base/a.c "void f(void)\n{\n$(many 68 'f();\n')}\n" 'base/a.c:2: function f() of 70 lines'
    caught sizes base/a.c "$(many 800 'int a;\n')" 'file of 800 lines'
    caught pairs base/a.c 'int a;\n' base/a.c:1
    caught guards base/a.h '#ifndef A_H\n#define A_H\n#endif\n' 'expected #ifndef BASE_A_H'
    caught blanks docs/a.md 'a \n' docs/a.md:1
    caught blanks docs/a.md 'a' 'docs/a.md: no newline'
    caught scripts ci/a '#!/bin/sh\nif\n' 'ci/a'
    caught names scenarios/a.scn '# a Payloadmessage\n' 'scenarios/a.scn:1: Payloadmessage is spelt PayloadMessage' # lint-ok: names
    caught features proto/agent_features.def 'FEATURE("a", "1.2.0", NULL, "x", "acs/none")\n' \
        'agent_features.def:1: there is no scenarios/acs/none.scn'
    caught features proto/agent_features.def \
        'FEATURE("a", "1.10.0", NULL, "x", "s")\nFEATURE("a", "1.9.0", NULL, "x", "s")\n' \
        'agent_features.def:2: "a" is there twice'
    caught features proto/agent_features.def \
        'FEATURE("a", "1.10.0", NULL, "x", "s")\nFEATURE("b", "1.9.0", NULL, "x", "s")\n' \
        'agent_features.def:2: 1.9.0 stands behind a later version'
    caught paths docs/a.md 'see /home/me/x\n' docs/a.md:1 # lint-ok: paths
}
lint_tests
