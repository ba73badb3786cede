/* Instructions of a Dockerfile that change a configuration; see image_config.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/engine.h"
#include "fakes/docker/image_config.h"
#include "fakes/docker/shell_word.h"

#define BLANKS " \t\v\f\r\n"

/* One line, continued ones joined. */
struct line {
    const char *name; /* in capitals, from the table */
    char *rest;       /* behind the flags */
    char *whole;      /* as it was written */
    char *flags;      /* "--a=b --c", or "" */
    json_t *words;    /* when rest is a JSON array */
};

struct changes {
    json_t *config;
    char *why;
    bool modern; /* as engines from 23 on */
    bool start_interval;
};

static int fail(const struct changes *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(const struct changes *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(c->why, GOJSON_TEXT_MAX, fmt, ap);
    va_end(ap);
    return -1;
}

/* --- words ------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, BLANKS);
}

static char *trimmed(const char *s, size_t n)
{
    while (n && strchr(BLANKS, *s))
        s++, n--;
    while (n && strchr(BLANKS, s[n - 1]))
        n--;
    return xstrndup(s, n);
}

/* How long the word at s is: blanks in quotes, or behind a backslash, are of it. */
static size_t word_length(const char *s)
{
    char quote = 0;
    size_t n = 0;

    for (; s[n] && (quote || !strchr(BLANKS, s[n])); n++) {
        if (s[n] == '\\' && quote != '\'' && s[n + 1])
            n++;
        else if (quote ? s[n] == quote : s[n] == '"' || s[n] == '\'')
            quote = quote ? 0 : s[n];
    }
    return n;
}

/* With its variables replaced; NULL: c->why says it. To be freed. */
static char *expanded(const struct changes *c, const char *word, size_t n)
{
    _cleanup_free_ char *given = xstrndup(word, n);
    char why[GOJSON_TEXT_MAX];
    char *out = shell_word(given, json_object_get(c->config, "Env"), c->modern, why);
    struct buf quoted = BUF_INIT(8 * SHELL_WORD_MAX);

    if (!out) {
        gojson_add(&quoted, given);
        fail(c, "failed to process %.100s: %.140s", buf_str(&quoted), why);
        buf_release(&quoted);
    }
    return out;
}

static json_t *member(const struct changes *c, const char *name, json_t *empty)
{
    json_t *v = json_object_get(c->config, name);

    if (v) {
        json_decref(empty);
        return v;
    }
    json_object_set_new(c->config, name, empty);
    return empty;
}

/* --- instructions ------------------------------------------------------------------------ */

static int needs_one(const struct changes *c, const struct line *l)
{
    return *l->rest ? 0 : fail(c, "%s requires exactly one argument", l->name);
}

static int needs_some(const struct changes *c, const struct line *l)
{
    return *l->rest ? 0 : fail(c, "%s requires at least one argument", l->name);
}

/* The words of CMD and the like: a list, or a line for the shell. */
static json_t *command(const struct changes *c, const struct line *l)
{
    json_t *shell = json_object_get(c->config, "Shell"), *v;

    if (l->words)
        return json_incref(l->words);
    v = json_array_size(shell) ? json_copy(shell) : json_pack("[ss]", "/bin/sh", "-c");
    if (*l->rest)
        json_array_append_new(v, json_string(l->rest));
    return v;
}

static int do_cmd(struct changes *c, const struct line *l, bool *cmd_set)
{
    json_t *v = command(c, l);

    *cmd_set = *cmd_set || !l->words || json_array_size(v);
    return json_object_set_new(c->config, "Cmd", v);
}

static int do_entrypoint(struct changes *c, const struct line *l, bool *cmd_set)
{
    json_t *v = command(c, l);

    if (!*cmd_set)
        json_object_del(c->config, "Cmd");
    if (json_array_size(v))
        return json_object_set_new(c->config, "Entrypoint", v);
    json_decref(v);
    json_object_del(c->config, "Entrypoint");
    return 0;
}

static void set_env(const struct changes *c, const char *name, const char *value)
{
    json_t *env = member(c, "Env", json_array()), *v, *line = json_sprintf("%s=%s", name, value);
    size_t n = strlen(name), i;

    json_array_foreach (env, i, v) {
        const char *kv = json_string_value(v);

        if (kv && strcspn(kv, "=") == n && !strncmp(kv, name, n)) {
            json_array_set_new(env, i, line);
            return;
        }
    }
    json_array_append_new(env, line);
}

static int set_pair(const struct changes *c, const struct line *l, json_t *names, const char *key,
                    size_t key_len, const char *value, size_t value_len)
{
    _cleanup_free_ char *k = expanded(c, key, key_len);
    _cleanup_free_ char *v = k ? expanded(c, value, value_len) : NULL;

    if (!v)
        return -1;
    if (!*k)
        return fail(c, "%s names can not be blank", l->name);
    json_array_append_new(names, json_pack("[ss]", k, v));
    return 0;
}

/* NAME=value ..., or NAME value; as [[name, value], ...]. */
static json_t *read_pairs(const struct changes *c, const struct line *l)
{
    const char *s = skip_blanks(l->rest);
    size_t n = word_length(s), name = strcspn(s, BLANKS);
    json_t *out = json_array();
    int r = needs_some(c, l);

    if (r == 0 && !memchr(s, '=', n)) {
        const char *value = skip_blanks(s + name);

        r = *value ? set_pair(c, l, out, s, name, value, strlen(value))
                   : fail(c, "%s must have two arguments", l->name);
        s = "";
    }
    for (; r == 0 && *s; s = skip_blanks(s + n)) {
        const char *equals;

        n = word_length(s);
        equals = memchr(s, '=', n);
        r = equals ? set_pair(c, l, out, s, (size_t)(equals - s), equals + 1,
                              n - (size_t)(equals - s) - 1)
                   : fail(c,
                          "Syntax error - can't find = in \"%.*s\". Must be of the form: "
                          "name=value",
                          n < 100 ? (int)n : 100, s);
    }
    if (r == 0)
        return out;
    json_decref(out);
    return NULL;
}

static int do_pairs(struct changes *c, const struct line *l, bool *cmd_set)
{
    json_t *pairs = read_pairs(c, l), *v;
    bool env = str_eq(l->name, "ENV");
    size_t i;

    (void)cmd_set;
    if (!pairs)
        return -1;
    json_array_foreach (pairs, i, v) {
        const char *key = json_string_value(json_array_get(v, 0));
        json_t *value = json_array_get(v, 1);

        if (env)
            set_env(c, key, json_string_value(value));
        else
            json_object_set(member(c, "Labels", json_object()), key, value);
    }
    json_decref(pairs);
    return 0;
}

/* "80", "80/udp", "90-92/tcp", and what stands before the last colon is the host's. */
static int expose(const struct changes *c, const char *spec)
{
    json_t *ports = member(c, "ExposedPorts", json_object());
    const char *slash = strchr(spec, '/'), *proto = slash ? slash + 1 : "tcp";
    _cleanup_free_ char *range = xstrndup(spec, slash ? (size_t)(slash - spec) : strlen(spec));
    char *port = strrchr(range, ':') ? strrchr(range, ':') + 1 : range, *dash = strchr(port, '-');
    _cleanup_free_ char *first = xstrndup(port, dash ? (size_t)(dash - port) : strlen(port));
    uint64_t from, to;

    if (!*port)
        return fail(c, "No port specified: %.100s<empty>", spec);
    if (str_u64(first, 65535, &from) < 0 || str_u64(dash ? dash + 1 : first, 65535, &to) < 0 ||
        to < from)
        return fail(c, "Invalid containerPort: %.200s", port);
    if (strcasecmp(proto, "tcp") != 0 && strcasecmp(proto, "udp") != 0 &&
        strcasecmp(proto, "sctp") != 0)
        return fail(c, "Invalid proto: %.200s", proto);
    for (; from <= to; from++) {
        _cleanup_free_ char *key = xasprintf("%u/%s", (unsigned)from, proto);

        for (char *s = key; *s; s++)
            *s = (char)tolower((unsigned char)*s);
        json_object_set_new(ports, key, json_object());
    }
    return 0;
}

static int do_expose(struct changes *c, const struct line *l, bool *cmd_set)
{
    int r = needs_some(c, l);

    (void)cmd_set;
    for (const char *s = l->rest; r == 0 && *s; s = skip_blanks(s)) {
        size_t n = strcspn(s, BLANKS);
        _cleanup_free_ char *all = expanded(c, s, n);

        r = all ? 0 : -1;
        for (const char *t = all ? skip_blanks(all) : ""; r == 0 && *t; t = skip_blanks(t)) {
            _cleanup_free_ char *one = xstrndup(t, strcspn(t, BLANKS));

            r = expose(c, one);
            t += strlen(one);
        }
        s += n;
    }
    return r;
}

static int add_volume(const struct changes *c, const char *path, size_t n)
{
    _cleanup_free_ char *given = expanded(c, path, n), *v = NULL;

    if (!given)
        return -1;
    v = trimmed(given, strlen(given));
    if (!*v)
        return fail(c, "VOLUME specified can not be an empty string");
    return json_object_set_new(member(c, "Volumes", json_object()), v, json_object());
}

static int do_volume(struct changes *c, const struct line *l, bool *cmd_set)
{
    int r = l->words && !json_array_size(l->words)
                ? fail(c, "VOLUME requires at least one argument")
                : needs_some(c, l);
    json_t *v;
    size_t i;

    (void)cmd_set;
    json_array_foreach (l->words, i, v)
        if (r == 0)
            r = add_volume(c, json_string_value(v), strlen(json_string_value(v)));
    for (const char *s = l->words ? "" : l->rest; r == 0 && *s; s = skip_blanks(s)) {
        size_t n = strcspn(s, BLANKS);

        r = add_volume(c, s, n);
        s += n;
    }
    return r;
}

static int do_user(struct changes *c, const struct line *l, bool *cmd_set)
{
    _cleanup_free_ char *user = NULL;

    (void)cmd_set;
    if (needs_one(c, l) < 0 || !(user = expanded(c, l->rest, strlen(l->rest))))
        return -1;
    return json_object_set_new(c->config, "User", json_string(user));
}

static int do_stopsignal(struct changes *c, const struct line *l, bool *cmd_set)
{
    _cleanup_free_ char *signal = NULL;

    (void)cmd_set;
    if (needs_one(c, l) < 0 || !(signal = expanded(c, l->rest, strlen(l->rest))))
        return -1;
    if (signal_from(signal) <= 0)
        return fail(c, "invalid signal: %.200s", signal);
    return json_object_set_new(c->config, "StopSignal", json_string(signal));
}

/* filepath.Clean of an absolute path. */
static void clean(char *path)
{
    const char *s = path;
    char *to = path;

    while (*s) {
        size_t n = strcspn(++s, "/");

        if (n == 2 && !strncmp(s, "..", 2)) {
            while (to > path && *--to != '/')
                ;
        } else if (n && !(n == 1 && *s == '.')) {
            *to++ = '/';
            memmove(to, s, n);
            to += n;
        }
        s += n;
    }
    if (to == path)
        *to++ = '/';
    *to = '\0';
}

static int do_workdir(struct changes *c, const struct line *l, bool *cmd_set)
{
    _cleanup_free_ char *given = NULL, *whole = NULL;
    const char *now = json_str(c->config, "WorkingDir");

    (void)cmd_set;
    if (needs_one(c, l) < 0 || !(given = expanded(c, l->rest, strlen(l->rest))))
        return -1;
    if (!*given)
        return fail(c, "cannot normalize nothing");
    if (*given == '/' && !c->modern)
        return json_object_set_new(c->config, "WorkingDir", json_string(given));
    whole = xasprintf("/%s/%s", *given != '/' && now ? now : "", given);
    clean(whole);
    return json_object_set_new(c->config, "WorkingDir", json_string(whole));
}

static int do_onbuild(struct changes *c, const struct line *l, bool *cmd_set)
{
    _cleanup_free_ char *word = xstrndup(l->rest, strcspn(l->rest, BLANKS));
    const char *trigger = skip_blanks(skip_blanks(l->whole) + strlen("ONBUILD"));

    (void)cmd_set;
    if (needs_some(c, l) < 0)
        return -1;
    for (char *s = word; *s; s++)
        *s = (char)toupper((unsigned char)*s);
    if (str_eq(word, "ONBUILD"))
        return fail(c, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (str_eq(word, "MAINTAINER") || str_eq(word, "FROM"))
        return fail(c, "%s isn't allowed as an ONBUILD trigger", word);
    return json_array_append_new(member(c, "OnBuild", json_array()), json_string(trigger));
}

/* --- health checks ----------------------------------------------------------------------- */

static int read_interval(const struct changes *c, const char *flag, const char *value, json_t *out,
                         const char *name)
{
    int64_t ns;

    if (str_duration(value, &ns) < 0)
        return fail(c, "time: invalid duration \"%.150s\"", value);
    if (ns && ns < NS_PER_MS)
        return fail(c, "Interval \"%s\" cannot be less than 1ms", flag);
    json_put_int(out, name, ns);
    return 0;
}

static int read_retries(const struct changes *c, const char *value, json_t *out)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(value, &end, 10);
    if (!*value || *end || isspace((unsigned char)*value))
        return fail(c, "strconv.ParseInt: parsing \"%.150s\": invalid syntax", value);
    if (errno || n > INT32_MAX || n < INT32_MIN)
        return fail(c, "strconv.ParseInt: parsing \"%.150s\": value out of range", value);
    if (n < 1 && !c->modern)
        return fail(c, "--retries must be at least 1 (not %ld)", n);
    if (n < 0)
        return fail(c, "--retries cannot be negative (%ld)", n);
    json_put_int(out, "Retries", n);
    return 0;
}

static int unknown_flag(const struct changes *c, const char *name, size_t n)
{
    return fail(c, "%cnknown flag: %.*s", c->modern ? 'u' : 'U', n < 200 ? (int)n : 200, name);
}

static int health_flag(const struct changes *c, const char *name, const char *value, json_t *out)
{
    static const struct {
        const char *flag, *member;
    } times[] = {
        {"interval", "Interval"},
        {"timeout", "Timeout"},
        {"start-period", "StartPeriod"},
        {"start-interval", "StartInterval"},
    };
    size_t known = ARRAY_SIZE(times) - (c->start_interval ? 0 : 1);
    bool retries = str_eq(name, "retries");
    size_t i = 0;

    while (i < known && !str_eq(times[i].flag, name))
        i++;
    if (!retries && i == known)
        return unknown_flag(c, name, strlen(name));
    if (json_object_get(out, retries ? "Retries" : times[i].member))
        return fail(c, "Duplicate flag specified: %.200s", name);
    if (!value)
        return fail(c, "Missing a value on flag: %.200s", name);
    if (!*value)
        return 0;
    return retries ? read_retries(c, value, out)
                   : read_interval(c, name, value, out, times[i].member);
}

static int health_flags(const struct changes *c, const char *flags, json_t *out)
{
    int r = 0;

    for (const char *s = flags; r == 0 && *s; s = skip_blanks(s)) {
        size_t n = strcspn(s, BLANKS);
        _cleanup_free_ char *one = xstrndup(s + 2, n - 2);
        char *equals = strchr(one, '=');

        if (equals)
            *equals++ = '\0';
        r = health_flag(c, one, equals, out);
        s += n;
    }
    return r;
}

/* What is behind CMD: words, or a line for the shell. */
static int health_command(const struct changes *c, const char *rest, json_t *out)
{
    char why[GOJSON_TEXT_MAX];
    json_t *words = *rest == '[' ? gojson_read(rest, strlen(rest), GOJSON_DECODER, why) : NULL;
    json_t *test = json_array();

    if (!*rest || (json_is_array(words) && !json_array_size(words))) {
        json_decref(test);
        json_decref(words);
        return fail(c, "Missing command after HEALTHCHECK CMD");
    }
    json_array_append_new(test, json_string(json_is_array(words) ? "CMD" : "CMD-SHELL"));
    if (json_is_array(words))
        json_array_extend(test, words);
    else
        json_array_append_new(test, json_string(rest));
    json_decref(words);
    return json_object_set_new(out, "Test", test);
}

static int do_healthcheck(struct changes *c, const struct line *l, bool *cmd_set)
{
    size_t n = strcspn(l->rest, BLANKS);
    _cleanup_free_ char *kind = xstrndup(l->rest, n);
    const char *rest = skip_blanks(l->rest + n);
    json_t *health = json_object();
    int r;

    (void)cmd_set;
    for (char *s = kind; *s; s++)
        *s = (char)toupper((unsigned char)*s);
    if (needs_some(c, l) < 0)
        r = -1;
    else if (str_eq(kind, "NONE"))
        r = *rest ? fail(c, "HEALTHCHECK NONE takes no arguments")
                  : json_object_set_new(health, "Test", json_pack("[s]", "NONE"));
    else if ((r = health_flags(c, l->flags, health)) == 0)
        r = str_eq(kind, "CMD") ? health_command(c, rest, health)
                                : fail(c, "Unknown type \"%.200s\" in HEALTHCHECK (try CMD)", kind);
    if (r == 0)
        return json_object_set_new(c->config, "Healthcheck", health);
    json_decref(health);
    return r;
}

/* --- lines ------------------------------------------------------------------------------- */

static const struct instruction {
    const char *name;
    int (*run)(struct changes *c, const struct line *l, bool *cmd_set);
    bool words; /* may be a JSON array */
    bool flags;
    bool modern; /* only there */
} instructions[] = {
    {"CMD", do_cmd, true, false, false},
    {"ENTRYPOINT", do_entrypoint, true, false, false},
    {"ENV", do_pairs, false, false, false},
    {"EXPOSE", do_expose, false, false, false},
    {"HEALTHCHECK", do_healthcheck, false, true, false},
    {"LABEL", do_pairs, false, false, false},
    {"ONBUILD", do_onbuild, false, false, false},
    {"STOPSIGNAL", do_stopsignal, false, false, true},
    {"USER", do_user, false, false, false},
    {"VOLUME", do_volume, true, false, false},
    {"WORKDIR", do_workdir, false, false, false},
};

static const struct instruction *instruction_find(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(instructions); i++)
        if (strlen(instructions[i].name) == n && !strncasecmp(instructions[i].name, name, n))
            return &instructions[i];
    return NULL;
}

/* How much of a line counts: what a backslash at its end continues has none of it. */
static size_t line_length(const char *s, size_t n, bool *ret_more)
{
    size_t end = n;

    while (end && strchr(BLANKS, s[end - 1]))
        end--;
    *ret_more = end && s[end - 1] == '\\';
    return *ret_more ? end - 1 : n;
}

/* The next line with something in it, without comments, its continuations joined; NULL: no more. */
static char *next_line(const char **text)
{
    struct buf b = BUF_INIT(64u << 20);
    bool more = true;

    while (**text && more) {
        size_t n = strcspn(*text, "\n"), blanks = strspn(*text, " \t\v\f\r");
        const char *s = *text;

        *text += n + (s[n] == '\n');
        if (blanks == n || s[blanks] == '#')
            continue;
        if (!buf_len(&b)) { /* what is joined keeps the blanks in front of it */
            s += blanks;
            n -= blanks;
        }
        n = line_length(s, n, &more);
        buf_add(&b, s, n);
    }
    if (buf_len(&b))
        return buf_steal(&b, NULL);
    buf_release(&b);
    return NULL;
}

/* "--a=b --c rest": flags and rest. */
static void split_flags(const char *s, struct line *l)
{
    const char *begin = s = skip_blanks(s), *end = s;

    while (!strncmp(s, "--", 2) && s[2] && !strchr(BLANKS, s[2])) {
        end = s + strcspn(s, BLANKS);
        s = skip_blanks(end);
    }
    l->flags = xstrndup(begin, (size_t)(end - begin));
    l->rest = trimmed(s, strlen(s));
}

static int read_words(const struct changes *c, struct line *l)
{
    char why[GOJSON_TEXT_MAX];
    json_t *v, *kid;
    size_t i;

    v = *l->rest == '[' ? gojson_read(l->rest, strlen(l->rest), GOJSON_DECODER, why) : NULL;
    if (!json_is_array(v)) {
        json_decref(v);
        return 0;
    }
    l->words = v;
    json_array_foreach (v, i, kid)
        if (!json_is_string(kid))
            return fail(c,
                        "when using JSON array syntax, arrays must be comprised of strings only");
    return 0;
}

static int run_line(struct changes *c, char *whole, bool *cmd_set)
{
    size_t n = strcspn(whole, BLANKS);
    const struct instruction *i = instruction_find(whole, n);
    struct line l = {.whole = whole};
    int r = 0;

    if (!i || (i->modern && !c->modern)) {
        for (size_t k = 0; k < n && !c->modern; k++)
            whole[k] = (char)tolower((unsigned char)whole[k]);
        return fail(c, "%.*s is not a valid change command", n < 200 ? (int)n : 200, whole);
    }
    l.name = i->name;
    split_flags(whole + n, &l);
    if (i->words)
        r = read_words(c, &l);
    if (r == 0 && *l.flags && !i->flags)
        r = unknown_flag(c, l.flags + 2, strcspn(l.flags + 2, "= \t"));
    if (r == 0)
        r = i->run(c, &l, cmd_set);
    json_decref(l.words);
    free(l.flags);
    free(l.rest);
    return r;
}

/* Whatever bytes came, as UTF-8: the configuration is JSON. */
static char *as_utf8(const char *text)
{
    struct buf b = BUF_INIT(64u << 20);
    json_t *v;
    char *out;

    buf_addc(&b, '[');
    buf_add_json_string(&b, text, strlen(text));
    buf_addc(&b, ']');
    v = json_loadb(buf_str(&b), buf_len(&b), 0, NULL);
    out = xstrdup(v ? json_string_value(json_array_get(v, 0)) : "");
    json_decref(v);
    buf_release(&b);
    return out;
}

int config_changes(json_t *config, const char *text, int api, char why[GOJSON_TEXT_MAX])
{
    struct changes c = {config, why, api >= API(42), api >= API(44)};
    _cleanup_free_ char *clean_text = as_utf8(text);
    const char *s = clean_text;
    bool cmd_set = false;
    unsigned n = 0;
    int r = 0;

    for (char *line; r == 0 && (line = next_line(&s)); n++) {
        r = n < CHANGES_MAX ? run_line(&c, line, &cmd_set)
                            : fail(&c, "more than %u instructions", CHANGES_MAX);
        free(line);
    }
    return r == 0 && !n ? fail(&c, "file with no instructions") : r;
}
