/* Kinds of values, calls that exist, JSON in attachments: parts of harness/check.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"
#include "fakes/credfetch/credfetch.h"
#include "fakes/small/small.h"
#include "harness/check.h"
#include "harness/jscan.h"
#include "harness/match.h"
#include "harness/pace.h"
#include "harness/subst.h"
#include "proto/acs_message.h"
#include "proto/ecs_operation.h"
#include "proto/tcs_message.h"

/* -- values -- */

static bool is_signal(const char *s)
{
    static const char *const names[] = {
        "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1", "SEGV",
        "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU",
        "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS",
    };
    const char *rest = str_after(s, "SIG");
    uint64_t n;

    return strtab_value(names, ARRAY_SIZE(names), rest ? rest : s) >= 0 ||
           (!str_u64(s, 64, &n) && n);
}

static bool is_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return n && !s[n] && !(*s >= '0' && *s <= '9') && *s != '-';
}

static bool is_version(const char *s)
{
    return *s && strspn(s, "0123456789.") == strlen(s) && *s != '.' && s[strlen(s) - 1] != '.' &&
           !strstr(s, "..");
}

static bool is_method(const char *s)
{
    return *s && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(s);
}

/* "a b c" as words. */
static bool is_choice(const char *choices, const char *s)
{
    size_t n = strlen(s);

    for (const char *c = choices; *c; c += strspn(c, " ")) {
        size_t len = strcspn(c, " ");

        if (len == n && !memcmp(c, s, n))
            return true;
        c += len;
    }
    return false;
}

static bool is_percent(const char *s)
{
    size_t n = strspn(s, "0123456789.");

    return n && *s != '.' && (!s[n] || str_eq(s + n, "%"));
}

static bool number_fits(const struct scn_value *v, enum arg_kind kind)
{
    int64_t i;
    double d;

    switch (kind) {
    case ARG_DURATION:
        return !value_duration(v, NULL, &i, NULL);
    case ARG_INT:
        return !value_int(v, NULL, &i, NULL);
    case ARG_POSITIVE:
        return !value_int(v, NULL, &i, NULL) && i > 0;
    case ARG_NUMBER:
        return !value_double(v, NULL, &d, NULL);
    case ARG_CHANCE:
        return !value_double(v, NULL, &d, NULL) && d >= 0 && d <= 1;
    case ARG_SIZE:
        return !value_size(v, NULL, &i, NULL);
    default:
        return true;
    }
}

static bool fits(const struct scn_value *v, enum arg_kind kind, const char *choices)
{
    bool text = v->kind == SCN_WORD || v->kind == SCN_STRING;
    struct pace pace;
    int64_t ns;

    switch (kind) {
    case ARG_WORD:
        return text;
    case ARG_NAME:
        return v->kind == SCN_WORD && is_name(v->text);
    case ARG_SIGNAL:
        return text && is_signal(v->text);
    case ARG_CHOICE:
        return text && is_choice(choices, v->text);
    case ARG_VERSION:
        return text && is_version(v->text);
    case ARG_METHOD:
        return text && is_method(v->text);
    case ARG_BOOL:
        return text && (str_eq(v->text, "true") || str_eq(v->text, "false"));
    case ARG_PERCENT:
        return text && is_percent(v->text);
    case ARG_PACE:
        return text && pace_parse(v->text, &pace) == 0;
    case ARG_OFFSET:
        return text && str_duration(v->text, &ns) == 0;
    case ARG_FILE:
        return v->kind == SCN_FILE;
    case ARG_BODY:
        return v->kind != SCN_WORD;
    default:
        return text ? number_fits(v, kind) : kind == ARG_VALUE;
    }
}

int check_value(const struct scn_value *v, enum arg_kind kind, const char *choices,
                const char *what, struct diag *d)
{
    const struct source *src = &v->file->source;

    if (v->kind == SCN_REGEX) {
        diag_error(d, src, v->pos, "a regular expression stands only behind ~ and !~");
        return -1;
    }
    if (v->subst && kind != ARG_NAME && v->kind != SCN_FILE && v->kind != SCN_JSON)
        return 0; /* known when it runs */
    if (fits(v, kind, choices))
        return 0;
    diag_error(d, src, v->pos, "%s: expected %s%s", what,
               kind == ARG_CHOICE ? "one of: " : arg_kind_expects(kind),
               kind == ARG_CHOICE ? choices : "");
    if (kind == ARG_NAME && strchr(v->text, '='))
        diag_note(d, "a blank stands on both sides of '='");
    return -1;
}

/* -- calls -- */

#define NAMES_MAX 96

typedef char call_name[64];

/* Messages of ACS and TCS are only known in the direction in which they go. room: for names that
 * are made. */
static size_t known_names(const struct scn_step *st, const char **list, call_name *room)
{
    size_t n = 0;

    switch (st->peer) {
    case PEER_ECS:
        for (int i = 0; i < ECS_OPERATION_MAX; i++)
            list[n++] = ecs_operation_name((enum ecs_operation)i);
        return n;
    case PEER_ACS:
        for (int i = 0; i < ACS_MESSAGE_MAX; i++)
            list[n++] = acs_message_name((enum acs_message)i);
        break;
    case PEER_TCS:
        for (int i = 0; i < TCS_MESSAGE_MAX; i++)
            list[n++] = tcs_message_name((enum tcs_message)i);
        break;
    case PEER_AWS:
        while (n + 3 < NAMES_MAX && small_call_name(n, room[n])) {
            list[n] = room[n];
            n++;
        }
        break;
    case PEER_CREDFETCH:
        for (const char *name; (name = credfetch_method_name(n)); n++)
            list[n] = name;
        break;
    case PEER_AGENT:
        list[n++] = "exit";
        list[n++] = "start";
        list[n++] = "log";
        return n;
    case PEER_MACHINE: {
        static const char *const events[] = {"job", "unit",     "exit",  "restart", "up",
                                             "log", "deadlock", "model", "start",   "end"};

        for (size_t i = 0; i < ARRAY_SIZE(events); i++)
            list[n++] = events[i];
        return n;
    }
    default:
        list[n++] = "event";
        break;
    }
    list[n++] = "connect";
    list[n++] = "disconnect";
    return n;
}

static int wrong_direction(const struct scn_step *st, struct diag *d)
{
    int m = acs_message_from(st->what);

    if (st->id != VERB_EXPECT || st->peer != PEER_ACS || m < 0 ||
        acs_message_sender((enum acs_message)m) != ACS_FROM_SERVICE)
        return 0;
    diag_error(d, &st->file->source, st->what_pos, "%s is sent to the agent, not by it", st->what);
    diag_note(d, "a step sends it: send acs %s ...", st->what);
    return -1;
}

/* "/v1.24/..." : a glob with a version never matches, paths are journaled without it. */
static int versioned_path(const struct scn_step *st, struct diag *d)
{
    const char *path = strchr(st->what, ' ') + 1;
    size_t n = strspn(path, "/v0123456789.");

    if (st->peer != PEER_DOCKER || !str_starts(path, "/v") || n < 4 || path[n - 1] != '/' ||
        path[2] < '0' || path[2] > '9')
        return 0;
    diag_error(d, &st->file->source, st->what_pos, "the path is written without the API version");
    diag_note(d, "write %s", path + n - 1);
    return -1;
}

int check_what(const struct scn_step *st, struct diag *d)
{
    const char *list[NAMES_MAX];
    call_name room[NAMES_MAX];
    size_t n;

    if (!st->what || st->what_subst)
        return 0;
    if (strchr(st->what, ' '))
        return versioned_path(st, d);
    n = known_names(st, list, room);
    for (size_t i = 0; i < n; i++)
        if (str_glob(st->what, list[i]))
            return wrong_direction(st, d);
    diag_error(d, &st->file->source, st->what_pos, "%s knows no \"%s\"", peer_name(st->peer),
               st->what);
    if (diag_suggest(d, st->what, list, n))
        return -1;
    if (peer_speaks_http(st->peer)) {
        diag_note(d, "a call is METHOD PATH; the events are connect, disconnect and event");
        return -1;
    }
    struct buf names = BUF_INIT(4096);

    for (size_t i = 0; i < n; i++)
        buf_addf(&names, "%s%s", i ? ", " : "", list[i]);
    diag_note(d, "there are: %s", buf_str(&names));
    buf_release(&names);
    return -1;
}

/* -- attachments -- */

struct pos check_place(const struct scn *s, const struct scn_attachment *a, size_t at, size_t len,
                       struct source *src)
{
    struct pos p = {.line = a->line};
    size_t bol = 0, end;

    *src = a->path ? (struct source){a->path, a->data, a->len} : s->source;
    if (at > a->len)
        at = a->len;
    for (size_t i = 0; i < at; i++)
        if (a->data[i] == '\n') {
            p.line++;
            bol = i + 1;
        }
    for (end = at; end < a->len && a->data[end] != '\n'; end++)
        ;
    p.col = (uint32_t)(at - bol + 1);
    p.len = (uint32_t)(len > end - at ? end - at : len);
    return p;
}

int check_content(const struct scn *s, const struct scn_attachment *a, struct diag *d)
{
    struct jscan_error e;
    struct source src;
    struct pos pos;

    if (!str_ends(a->name, ".json"))
        return 0;
    if (!jscan_text(a->data, a->len, NULL, JSCAN_ONE_LINE, &e))
        return 0;
    pos = check_place(s, a, e.at, e.len, &src);
    diag_error(d, &src, pos, "%s: %s", a->name, e.text);
    if (e.hint[0])
        diag_note(d, "%s", e.hint);
    if (e.first_len) {
        pos = check_place(s, a, e.first_at, e.first_len, &src);
        diag_see(d, &src, pos, e.first_what);
    }
    return -1;
}
