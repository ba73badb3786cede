#include "fakes/docker/behaviour.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"
#include "fakes/docker/command.h"
#include "fakes/docker/ref.h"

enum option_kind {
    OPT_DURATION,
    OPT_NUMBER,
    OPT_CODE,
    OPT_FLAG,
    OPT_TEXT,
    OPT_SIGNAL,
    OPT_SIZE,
    OPT_PERCENT,
    OPT_OOM,
    OPT_HEALTH,
    OPT_LAYERS,
    OPT_DIGEST,
    OPT_COMMANDS,
};

static const struct option {
    const char *name;
    enum option_kind kind;
    bool image; /* says what the image is, not how a container behaves */
    size_t at;
} options[] = {
    {"run-for", OPT_DURATION, false, offsetof(struct behaviour, run_for)},
    {"exit", OPT_CODE, false, offsetof(struct behaviour, exit_code)},
    {"signal", OPT_SIGNAL, false, offsetof(struct behaviour, signal)},
    {"oom", OPT_OOM, false, offsetof(struct behaviour, oom)},
    {"ignore-term", OPT_FLAG, false, offsetof(struct behaviour, ignore_term)},
    {"stop-delay", OPT_DURATION, false, offsetof(struct behaviour, stop_delay)},
    {"stop-exit", OPT_CODE, false, offsetof(struct behaviour, stop_exit)},
    {"stdout", OPT_TEXT, false, offsetof(struct behaviour, out)},
    {"stderr", OPT_TEXT, false, offsetof(struct behaviour, err_out)},
    {"every", OPT_DURATION, false, offsetof(struct behaviour, every)},
    {"repeat", OPT_NUMBER, false, offsetof(struct behaviour, repeat)},
    {"commands", OPT_COMMANDS, false, offsetof(struct behaviour, commands)},
    {"health", OPT_HEALTH, false, offsetof(struct behaviour, steps)},
    {"create-error", OPT_TEXT, false, offsetof(struct behaviour, create_error)},
    {"start-error", OPT_TEXT, false, offsetof(struct behaviour, start_error)},
    {"cpu", OPT_PERCENT, false, offsetof(struct behaviour, cpu)},
    {"memory", OPT_SIZE, false, offsetof(struct behaviour, memory)},
    {"pull", OPT_DURATION, true, offsetof(struct behaviour, pull)},
    {"pull-error", OPT_TEXT, true, offsetof(struct behaviour, pull_error)},
    {"cached", OPT_FLAG, true, offsetof(struct behaviour, cached)},
    {"size", OPT_SIZE, true, offsetof(struct behaviour, size)},
    {"layers", OPT_LAYERS, true, offsetof(struct behaviour, layers)},
    {"digest", OPT_DIGEST, true, offsetof(struct behaviour, digest)},
    {"archive", OPT_TEXT, true, offsetof(struct behaviour, archive)},
    {"arch", OPT_TEXT, true, offsetof(struct behaviour, arch)},
    {"rootfs", OPT_TEXT, true, offsetof(struct behaviour, rootfs)},
    {"files", OPT_TEXT, true, offsetof(struct behaviour, files)},
    {"process", OPT_FLAG, true, offsetof(struct behaviour, process)},
    {"cmd", OPT_TEXT, true, offsetof(struct behaviour, cmd)},
    {"entrypoint", OPT_TEXT, true, offsetof(struct behaviour, entrypoint)},
    {"env", OPT_TEXT, true, offsetof(struct behaviour, env)},
    {"user", OPT_TEXT, true, offsetof(struct behaviour, user)},
    {"workdir", OPT_TEXT, true, offsetof(struct behaviour, workdir)},
    {"expose", OPT_TEXT, true, offsetof(struct behaviour, expose)},
    {"volume", OPT_TEXT, true, offsetof(struct behaviour, volume)},
    {"stop-signal", OPT_SIGNAL, true, offsetof(struct behaviour, stop_signal)},
    {"healthcheck", OPT_TEXT, true, offsetof(struct behaviour, healthcheck)},
    {"label", OPT_TEXT, true, offsetof(struct behaviour, label)},
};

static const char *const health_names[HEALTH_MAX] = {
    [HEALTH_NONE] = "none",
    [HEALTH_STARTING] = "starting",
    [HEALTH_HEALTHY] = "healthy",
    [HEALTH_UNHEALTHY] = "unhealthy",
};

const char *health_status_name(enum health_status s)
{
    const char *name = strtab_name(health_names, HEALTH_MAX, (int)s);

    return name ? name : "none";
}

int health_status_from(const char *word)
{
    int v = strtab_value(health_names, HEALTH_MAX, word);

    return v > HEALTH_NONE ? v : -1;
}

static const char *const signal_names[] = {
    [1] = "HUP",   [2] = "INT",     [3] = "QUIT",  [4] = "ILL",     [5] = "TRAP",  [6] = "ABRT",
    [7] = "BUS",   [8] = "FPE",     [9] = "KILL",  [10] = "USR1",   [11] = "SEGV", [12] = "USR2",
    [13] = "PIPE", [14] = "ALRM",   [15] = "TERM", [16] = "STKFLT", [17] = "CHLD", [18] = "CONT",
    [19] = "STOP", [20] = "TSTP",   [21] = "TTIN", [22] = "TTOU",   [23] = "URG",  [24] = "XCPU",
    [25] = "XFSZ", [26] = "VTALRM", [27] = "PROF", [28] = "WINCH",  [29] = "IO",   [30] = "PWR",
    [31] = "SYS",
};

int signal_from(const char *word)
{
    uint64_t n;

    if (str_u64(word, 64, &n) == 0)
        return n ? (int)n : -1;
    if (!strncasecmp(word, "SIG", 3))
        word += 3;
    for (size_t i = 1; i < ARRAY_SIZE(signal_names); i++)
        if (!strcasecmp(word, signal_names[i]))
            return (int)i;
    return -1;
}

char *signal_text(int signal, char out[16])
{
    if (signal > 0 && signal < (int)ARRAY_SIZE(signal_names))
        snprintf(out, 16, "SIG%s", signal_names[signal]);
    else
        snprintf(out, 16, "%d", signal);
    return out;
}

struct behaviour *behaviour_new(void)
{
    struct behaviour *b = new0(struct behaviour);

    b->refs = 1;
    b->run_for = -1;
    b->stop_exit = -1;
    b->cpu = 10;
    b->memory = 4 << 20;
    b->size = IMAGE_SIZE_DEFAULT;
    b->arch = xstrdup(DOCKER_ARCH);
    b->cmd = xstrdup("sh");
    b->env = xstrdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    return b;
}

static bool owns_text(enum option_kind kind)
{
    return kind == OPT_TEXT || kind == OPT_LAYERS || kind == OPT_DIGEST || kind == OPT_COMMANDS;
}

struct behaviour *behaviour_copy(const struct behaviour *from)
{
    struct behaviour *b = xmemdup(from, sizeof(*from));

    b->refs = 1;
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (owns_text(options[i].kind)) {
            char **s = (char **)((char *)b + options[i].at);

            *s = xstrdup(*s);
        }
    return b;
}

struct behaviour *behaviour_ref(struct behaviour *b)
{
    b->refs++;
    return b;
}

void behaviour_unref(struct behaviour *b)
{
    if (!b || --b->refs)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (owns_text(options[i].kind))
            free(*(char **)((char *)b + options[i].at));
    free(b);
}

static int parse_flag(const char *s, bool *ret)
{
    static const char *const yes[] = {"", "yes", "true", "1", "on"};
    static const char *const no[] = {"no", "false", "0", "off"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        if (!strcasecmp(s, yes[i])) {
            *ret = true;
            return 0;
        }
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        if (!strcasecmp(s, no[i])) {
            *ret = false;
            return 0;
        }
    return -1;
}

/* "64MiB", "1.5GB", "4096": powers of 1024 with or without the i, as Docker's command line. */
int behaviour_size(const char *s, int64_t *ret)
{
    static const char units[] = "kmgt";
    char *end;
    double v = strtod(s, &end);
    int64_t unit = 1;

    if (end == s || v < 0 || !isdigit((unsigned char)*s))
        return -1;
    if (*end && *end != 'b' && *end != 'B') {
        const char *u = strchr(units, tolower((unsigned char)*end));

        if (!u)
            return -1;
        for (const char *p = units; p <= u; p++)
            unit *= 1024;
        end++;
        if (*end == 'i')
            end++;
    }
    if (*end == 'b' || *end == 'B')
        end++;
    if (*end || v * (double)unit > 1e15)
        return -1;
    *ret = (int64_t)(v * (double)unit);
    return 0;
}

/* Percent of one processor, in thousandths of a processor. */
static int parse_percent(const char *s, int64_t *ret)
{
    char *end;
    double v = strtod(s, &end);

    if (end == s || v < 0 || v > 100000 || !isdigit((unsigned char)*s))
        return -1;
    if (*end == '%')
        end++;
    *ret = (int64_t)(v * 10);
    return *end ? -1 : 0;
}

static int parse_positive_duration(const char *s, int64_t *ret)
{
    return str_duration(s, ret) < 0 || *ret < 0 ? -1 : 0;
}

static int parse_health(struct behaviour *b, const char *s)
{
    struct health_step steps[BEHAVIOUR_STEPS_MAX];
    size_t n = 0;

    while (*s) {
        size_t len = strcspn(s, ","), word = strcspn(s, ":,");
        char *status = xstrndup(s, word);
        char *lasts = word < len ? xstrndup(s + word + 1, len - word - 1) : NULL;
        int v = health_status_from(status), r = 0;

        if (n == BEHAVIOUR_STEPS_MAX || v < 0)
            r = -1;
        else
            steps[n] = (struct health_step){(enum health_status)v, -1};
        if (!r && lasts)
            r = parse_positive_duration(lasts, &steps[n].lasts);
        n++;
        free(status);
        free(lasts);
        if (r < 0)
            return -1;
        s += len + (s[len] == ',');
    }
    if (!n)
        return -1;
    memcpy(b->steps, steps, n * sizeof(*steps));
    b->n_steps = n;
    return 0;
}

static bool layers_valid(const char *s)
{
    uint64_t n;

    if (str_u64(s, 127, &n) == 0)
        return n > 0;
    if (!*s || *s == ',' || str_ends(s, ",") || strstr(s, ",,"))
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("-_.,", *s))
            return false;
    return true;
}

static int parse_oom(struct behaviour *b, const char *s)
{
    int64_t after;

    if (parse_flag(s, &b->oom) == 0) {
        if (b->oom && b->run_for < 0)
            b->run_for = 0;
        return 0;
    }
    if (parse_positive_duration(s, &after) < 0)
        return -1;
    b->oom = true;
    b->run_for = after;
    return 0;
}

static void set_text(char **at, const char *s)
{
    free(*at);
    *at = xstrdup(s);
}

static int parse(struct behaviour *b, const struct option *o, const char *s)
{
    void *at = (char *)b + o->at;
    int64_t *number = at;
    uint64_t u = 0;
    int r = 0;

    switch (o->kind) {
    case OPT_DURATION:
        return parse_positive_duration(s, number);
    case OPT_NUMBER:
        r = str_u64(s, 1000000000, &u);
        break;
    case OPT_CODE:
        r = str_u64(s, 255, &u);
        break;
    case OPT_SIGNAL:
        r = signal_from(s);
        u = (uint64_t)r;
        break;
    case OPT_FLAG:
        return parse_flag(s, at);
    case OPT_SIZE:
        return behaviour_size(s, number);
    case OPT_PERCENT:
        return parse_percent(s, number);
    case OPT_OOM:
        return parse_oom(b, s);
    case OPT_HEALTH:
        return parse_health(b, s);
    case OPT_LAYERS:
    case OPT_DIGEST:
    case OPT_COMMANDS:
        if (o->kind == OPT_COMMANDS ? !commands_valid(s)
            : o->kind == OPT_LAYERS ? !layers_valid(s)
                                    : !ref_digest_valid(s))
            return -1;
        set_text(at, s);
        return 0;
    case OPT_TEXT:
        set_text(at, s);
        return 0;
    }
    if (r >= 0)
        *number = (int64_t)u;
    return r;
}

static const char *wanted(enum option_kind kind)
{
    static const char *const texts[] = {
        [OPT_DURATION] = "a duration such as 5s or 1m30s",
        [OPT_NUMBER] = "a number",
        [OPT_CODE] = "an exit code from 0 to 255",
        [OPT_FLAG] = "yes or no",
        [OPT_TEXT] = "a text",
        [OPT_SIGNAL] = "a signal such as TERM or 9",
        [OPT_SIZE] = "a size such as 64MiB",
        [OPT_PERCENT] = "percent of one processor, such as 25%",
        [OPT_OOM] = "yes, no or a duration",
        [OPT_HEALTH] = "steps such as starting:2s,healthy:10s,unhealthy",
        [OPT_LAYERS] = "a number from 1 to 127 or names such as base,app",
        [OPT_COMMANDS] = "rules such as \"date => Monday;; false => exit=1\"",
        [OPT_DIGEST] = "sha256: and 64 hexadecimal digits",
    };

    return texts[kind];
}

int behaviour_set(struct behaviour *b, const char *name, const char *value, bool container_only,
                  struct err *e)
{
    const char *names[ARRAY_SIZE(options)], *near;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        const struct option *o = &options[i];

        if (o->image && container_only) {
            if (str_eq(o->name, name))
                return err_set(e, ERR_USAGE, "%s says what an image is; a container has none",
                               name);
            continue;
        }
        names[n++] = o->name;
        if (!str_eq(o->name, name))
            continue;
        if (parse(b, o, value) < 0)
            return err_set(e, ERR_USAGE, "%s: %s is not %s", name, *value ? value : "\"\"",
                           wanted(o->kind));
        return 0;
    }
    near = str_nearest(name, names, n);
    return err_set(e, ERR_USAGE, "no such option: %s%s%s%s", name, near ? " (did you mean " : "",
                   near ? near : "", near ? "?)" : "");
}
