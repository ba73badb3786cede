#include "harness/doc.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/jpath.h"
#include "harness/match.h"
#include "harness/verb.h"

static const char intro[] =
    "# The scenario language, version 1\n"
    "\n"
    "This page is generated from the table of verbs (`harness/verbs.def`) by `ecsim doc`.\n"
    "\n"
    "A scenario is a text file that ends in `.scn`: header lines, then steps, then attachments.\n"
    "It is parsed and checked whole before anything starts; an error shows its place, the line\n"
    "and what was expected, and `ecsim run` ends with exit code 3. `ecsim fmt` writes the\n"
    "canonical form, `ecsim json` a JSON form with a schema (`ecsim schema`) and back.\n"
    "\n"
    "## Lines and words\n"
    "\n"
    "- A step is a line. A line that ends in a blank and a backslash goes on, and so does one\n"
    "  with open JSON brackets.\n"
    "- `#` begins a comment, at the start of a line or between blanks behind a step.\n"
    "- A word is anything without blanks. `\"text\"` is quoted as in JSON. `{...}` and `[...]` "
    "are\n"
    "  JSON and may span lines. `@name` is an attachment, or a file beside the scenario.\n"
    "  `/.../` is a POSIX extended regular expression, `\\/` a slash in it.\n"
    "- A bare number, `true`, `false` and `null` are typed: `5` is a number, `\"5\"` is a text.\n"
    "- Durations are written `500ms`, `10s`, `1m30s`; sizes `512`, `64KiB`, `80MiB`.\n"
    "- `within`, `for`, `after` and `as` come last. Quote them where they are meant as texts.\n"
    "\n"
    "## Names\n"
    "\n"
    "`as NAME` captures what a step saw. `${NAME}` and `${NAME.path.to[0].field}` use it further\n"
    "down: in words, in texts, in JSON (in strings, or in place of a value, where it keeps its\n"
    "type) and in attachments. A captured request has `body`, `headers`, `query`, `method`,\n"
    "`path`, and `answer` with `status`, `headers` and `body`. `$${` is a plain `${`. A name is\n"
    "given once; one from inside of a loop ends with it.\n"
    "\n";

static const char attachments[] =
    "## Attachments\n"
    "\n"
    "Behind the last step, a line `-- NAME --` begins an attachment: the bytes up to the next\n"
    "such line, or to the end of the file, as they are. `${...}` in them is expanded when they\n"
    "are used. One whose name ends in `.json` is checked before anything starts. An attachment\n"
    "that no step names is an error.\n"
    "\n"
    "```\n"
    "-- task.json --\n"
    "{ \"messageId\": \"m-1\", \"tasks\": [] }\n"
    "```\n"
    "\n";

static const char matchers[] =
    "## Matchers\n"
    "\n"
    "A matcher is `PATH OP VALUE`. A path begins with `.` (a member of the JSON body:\n"
    "`.containers[0].exitCode`, `[-1]` is the last, `[*]` any, `[\"odd name\"]` a quoted one; `.`\n"
    "alone is the body), or it is `query.NAME`, `header.NAME`, `answer.PATH`, or a fact:\n";

static void add_upper(struct buf *out, const char *s)
{
    for (; *s; s++)
        buf_addc(out, *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s);
}

static void add_args(struct buf *out, const struct verb_arg *args)
{
    for (const struct verb_arg *a = args; a->name; a++) {
        bool maybe = a->many == ARG_OPTIONAL || a->many == ARG_ANY;

        buf_adds(out, maybe ? " [" : " ");
        if (a->kind == ARG_LITERAL)
            buf_adds(out, a->choices);
        else
            add_upper(out, a->name);
        if (a->many == ARG_SOME || a->many == ARG_ANY)
            buf_adds(out, "...");
        buf_adds(out, maybe ? "]" : "");
    }
}

static void add_code(struct buf *out, const char *text)
{
    buf_addf(out, "```\n%s%s```\n\n", text, str_ends(text, "\n") ? "" : "\n");
}

static void add_header(struct buf *out, const struct header_word *h)
{
    buf_addf(out, "### %s\n\n`%s", h->word, h->word);
    add_args(out, h->args);
    buf_addf(out, "`%s\n\n%s\n\n", h->many ? ", any number of times" : "", h->doc);
    add_code(out, h->example);
}

static void add_suffixes(struct buf *out, const struct verb *v)
{
    static const struct {
        unsigned flags;
        const char *text;
    } suffixes[] = {
        {TAKES_MATCH, " [MATCHER...]"},
        {TAKES_MATCH_ONE, " OP VALUE"},
        {TAKES_COUNT, " [is N] [min N] [max N]"},
        {TAKES_WITHIN, " [within TIME]"},
        {TAKES_FOR, " [for TIME]"},
        {TAKES_AFTER, " [after TIME]"},
        {TAKES_AS | TAKES_AS_LABEL | TAKES_AS_LOOP | TAKES_AS_USE, " [as NAME]"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
        if (v->flags & suffixes[i].flags)
            buf_adds(out, suffixes[i].text);
}

static void add_options(struct buf *out, const struct verb *v)
{
    if (!v->opts->name)
        return;
    buf_adds(out, "| option | value | meaning |\n|---|---|---|\n");
    for (const struct verb_opt *o = v->opts; o->name; o++) {
        const char *what = o->kind == ARG_CHOICE ? o->choices : arg_kind_expects(o->kind);

        if (str_eq(o->name, "*"))
            buf_adds(out, "| `KEY=` ");
        else if (str_ends(o->name, "*"))
            buf_addf(out, "| `%.*sNAME=` ", (int)strlen(o->name) - 1, o->name);
        else
            buf_addf(out, "| `%s%s` ", o->name, o->kind == ARG_FLAG ? "" : "=");
        buf_addf(out, "| %s | %s |\n", what, o->doc);
    }
    buf_addc(out, '\n');
}

static void add_verb(struct buf *out, const struct verb *v)
{
    const char *sep = "";

    buf_addf(out, "### %s\n\n`%s", v->words, v->words);
    if (v->flags & TAKES_PEER)
        buf_adds(out, " PEER");
    if (v->flags & (TAKES_WHAT | TAKES_WHAT_OPT))
        buf_adds(out, v->flags & TAKES_WHAT ? " WHAT" : " [WHAT]");
    add_args(out, v->args);
    if (v->opts->name)
        buf_adds(out, " [OPTION...]");
    add_suffixes(out, v);
    buf_adds(out, v->flags & TAKES_BLOCK ? "` ... `end`\n\n" : "`\n\n");
    buf_addf(out, "%s\n\n", v->doc);
    if (v->flags & TAKES_PEER) {
        buf_adds(out, "Peers: ");
        for (int i = 0; i < PEER_MAX; i++)
            if (v->peers & PEER_BIT(i)) {
                buf_addf(out, "%s%s", sep, peer_name((enum peer)i));
                sep = ", ";
            }
        buf_adds(out, ".\n\n");
    }
    add_options(out, v);
    add_code(out, v->example);
}

static void add_matchers(struct buf *out)
{
    static const char *const meanings[MATCH_OP_MAX] = {
        [MATCH_EQ] = "equal; numbers by value",
        [MATCH_NE] = "not equal",
        [MATCH_LT] = "less, as numbers",
        [MATCH_LE] = "less or equal",
        [MATCH_GT] = "greater",
        [MATCH_GE] = "greater or equal",
        [MATCH_RE] = "fits the regular expression",
        [MATCH_NOT_RE] = "does not fit it",
        [MATCH_EXISTS] = "is there; takes no value",
        [MATCH_ABSENT] = "is not there; takes no value",
        [MATCH_CONTAINS] = "a part of a text, an element of an array, or members of an object",
    };
    const char *const *roots;
    size_t n;

    buf_adds(out, matchers);
    roots = jpath_roots(&n);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s`%s`", i ? ", " : "", roots[i]);
    buf_adds(out, ".\n\n| operator | holds when the value is |\n|---|---|\n");
    for (int i = 0; i < MATCH_OP_MAX; i++)
        buf_addf(out, "| `%s` | %s |\n", match_op_name((enum match_op)i), meanings[i]);
    buf_adds(out,
             "\nWith `[*]` a matcher holds when some element fits; `!=` and `!~` when none "
             "does. Parameters\nand headers are texts: there `5` and `\"5\"` are the same.\n\n");
}

static void add_what(struct buf *out)
{
    buf_adds(
        out,
        "## Peers and calls\n\n"
        "`docker`, `s3`, `imds` and `cni` are asked with METHOD PATH: `POST /containers/create`, "
        "`* /images/**`.\n`*` stands for anything but a slash, `**` for anything; the path of "
        "Docker has no API version.\n`ecs` has operations (`SubmitTaskStateChange`), `aws` "
        "services with theirs\n(`ssm.GetParameters`, `credentials`), `acs` and "
        "`tcs` messages (`AckRequest`), and\n`agent` the events `start`, `exit` and `log`. All "
        "but `ecs` and `agent` have `connect` and\n`disconnect`.\n\n");
}

void doc_write(struct buf *out)
{
    const struct builtin *b;
    size_t n;

    buf_adds(out, intro);
    buf_adds(out, "These are there without a capture:\n\n| name | what it is |\n|---|---|\n");
    b = builtins(&n);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "| `${%s}` | %s |\n", b[i].name, b[i].doc);
    buf_addc(out, '\n');
    buf_adds(out, attachments);
    add_what(out);
    add_matchers(out);
    buf_adds(out, "## Header\n\n");
    for (int i = 0; i < HEADER_MAX; i++)
        add_header(out, header_get((enum header_id)i));
    buf_adds(out, "## Steps\n\n");
    for (int i = 0; i < VERB_MAX; i++)
        add_verb(out, verb_get((enum verb_id)i));
    /* one newline at the end of the page, not two */
    out->len--;
    buf_data(out)[out->len] = '\0';
}
