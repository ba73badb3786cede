/* The metadata service: tokens, modes, and the way from a path to an answer. */
#include "fakes/imds/imds.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/keyring.h"
#include "fakes/imds/tree.h"

#define TOKEN_PATH   "/latest/api/token"
#define TOKEN_HEADER "X-aws-ec2-metadata-token"
#define TTL_HEADER   "X-aws-ec2-metadata-token-ttl-seconds"
#define TTL_MAX      21600
#define TEXT_MAX     (4 << 20)
#define HOPS_MAX     64

#define ROLE_NAME     "ecsInstanceRole"
#define ROLE_LIFETIME (6 * 3600 * NS_PER_S)

static const char versions[] = "1.0\n2007-01-19\n2007-03-01\n2007-08-29\n2007-10-10\n2007-12-15\n"
                               "2008-02-01\n2008-09-01\n2009-04-04\n2011-01-01\n2011-05-01\n"
                               "2012-01-12\n2014-02-25\n2014-11-05\n2015-10-20\n2016-04-19\n"
                               "2016-06-30\n2016-09-02\n2018-03-28\n2018-08-17\n2018-09-24\n"
                               "2019-10-01\n2020-10-27\n2021-01-03\n2021-03-23\n2021-07-15\n"
                               "2022-09-24\nlatest";

static void free_values(struct map *m)
{
    const char *key;
    void *v;

    for (size_t i = 0; map_next(m, &i, &key, &v);)
        free(v);
    map_release(m);
    map_init(m);
}

static void begin_state(struct imds *m)
{
    m->v2_only = false;
    m->hop_limit = m->hop_distance = 1;
    imds_role_set(m, ROLE_NAME, ROLE_LIFETIME, NULL);
}

static int imds_init(struct fake *f, struct err *e)
{
    struct imds *m = (struct imds *)f;

    map_init(&m->set);
    map_init(&m->unset);
    map_init(&m->tokens);
    begin_state(m);
    return keyring_of(f->world, e) ? 0 : -1;
}

static void imds_release(struct fake *f)
{
    struct imds *m = (struct imds *)f;

    free_values(&m->set);
    free_values(&m->unset);
    free_values(&m->tokens);
    imds_role_release(m);
}

static void imds_reset(struct fake *f)
{
    struct err e = ERR_INIT;
    struct keyring *ring = keyring_of(f->world, &e);

    imds_release(f);
    if (ring)
        keyring_drop(ring, f->ops->name);
    begin_state((struct imds *)f);
    if (f->down && !f->refusing && fake_up(f, &e) < 0)
        journal_note(fake_journal(f), f->ops->name, "%s", e.text);
}

/* --- answers ----------------------------------------------------------------------------- */

static const char *status_title(int status)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 429:
        return "Too Many Requests";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

static void common_headers(struct exchange *x)
{
    exchange_set_header(x, "Server", "EC2ws");
    x->close_after = true;
}

static void answer_error(struct exchange *x, int status, const char *title)
{
    char *page;

    title = title ? title : status_title(status);
    page = xasprintf("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n"
                     "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"\n"
                     "         \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
                     "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"
                     " <head>\n  <title>%d - %s</title>\n </head>\n"
                     " <body>\n  <h1>%d - %s</h1>\n </body>\n</html>\n",
                     status, title, status, title);
    common_headers(x);
    exchange_answer_text(x, status, "text/html", page);
    free(page);
}

static void answer_text(struct exchange *x, const char *text, size_t n, int64_t ttl)
{
    char number[24], date[30];

    if (ttl >= 0) {
        snprintf(number, sizeof(number), "%lld", (long long)ttl);
        exchange_set_header(x, TTL_HEADER, number);
    }
    exchange_set_header(x, "Accept-Ranges", "none");
    exchange_set_header(x, "Last-Modified",
                        str_format_http_date(loop_wall(exchange_loop(x)), date));
    common_headers(x);
    exchange_answer(x, 200, "text/plain", text, n);
}

/* --- tokens ------------------------------------------------------------------------------ */

/* Drops what has expired, and the oldest token when there are too many. */
static void make_room(struct imds *m, int64_t now)
{
    bool full = true;
    const char *key;
    void *v;

    if (map_count(&m->tokens) < IMDS_TOKENS_MAX)
        return;
    for (size_t i = 0; map_next(&m->tokens, &i, &key, &v);)
        if (*(int64_t *)v <= now) {
            free(map_remove(&m->tokens, key));
            full = false;
        }
    for (size_t i = 0; full && map_next(&m->tokens, &i, &key, &v); full = false)
        free(map_remove(&m->tokens, key));
}

static void put_token(struct imds *m, struct exchange *x)
{
    const char *ttl_text = exchange_header(x, TTL_HEADER);
    int64_t now = loop_wall(fake_loop(&m->fake));
    struct buf token = BUF_INIT(64);
    unsigned char bytes[40];
    uint64_t ttl;
    int64_t *end;

    if (exchange_header(x, "X-Forwarded-For")) {
        answer_error(x, 403, NULL);
        return;
    }
    if (str_u64(ttl_text, TTL_MAX, &ttl) < 0 || ttl < 1) {
        answer_error(x, 400, NULL);
        return;
    }
    if (m->hop_distance > m->hop_limit) {
        journal_note(fake_journal(&m->fake), m->fake.ops->name,
                     "the answer with the token dies on the way: %d hops, the limit is %d",
                     m->hop_distance, m->hop_limit);
        return;
    }
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)fault_table_random(&m->fake.world->faults, 256);
    memcpy(bytes, "\x01\x00\x04", 3);
    str_base64(&token, bytes, sizeof(bytes));
    make_room(m, now);
    end = new0(int64_t);
    *end = now + (int64_t)ttl * NS_PER_S;
    free(map_set(&m->tokens, buf_str(&token), end));
    answer_text(x, buf_str(&token), buf_len(&token), (int64_t)ttl);
    buf_release(&token);
}

/* Seconds that the request's token is still good for; -1: it came without one; -2: a bad one. */
static int64_t token_left(struct imds *m, const struct exchange *x)
{
    const char *token = exchange_header(x, TOKEN_HEADER);
    int64_t now = loop_wall(fake_loop(&m->fake));
    const int64_t *end;

    if (!token)
        return -1;
    end = map_get(&m->tokens, token);
    return end && *end > now ? (*end - now) / NS_PER_S : -2;
}

/* --- requests ---------------------------------------------------------------------------- */

/* The part of the path below /latest or a dated version; NULL: it lies outside of both. */
static const char *below_version(const char *path)
{
    size_t n = *path == '/' ? strcspn(path + 1, "/") : 0;
    bool known = false;

    if (!n)
        return NULL;
    for (const char *v = versions; *v && !known; v += strcspn(v, "\n"), v += *v == '\n')
        known = strcspn(v, "\n") == n && !memcmp(v, path + 1, n);
    if (!known)
        return NULL;
    path += 1 + n;
    return *path ? path + 1 : path;
}

static void imds_classify(struct fake *f, struct exchange *x)
{
    (void)f;
    x->what = xasprintf("%s %s", x->method, x->path);
    if (str_eq(x->path, TOKEN_PATH))
        x->group = "token";
    else if (str_starts(x->path, "/latest/") || str_eq(x->path, "/latest"))
        x->group = "metadata";
}

static void get_text(struct imds *m, struct exchange *x, int64_t ttl)
{
    struct buf b = BUF_INIT(TEXT_MAX);
    const char *below = below_version(x->path);

    if (str_eq(x->path, "/"))
        answer_text(x, versions, strlen(versions), ttl);
    else if (below && imds_lookup(m, below, &b) != IMDS_NOTHING)
        answer_text(x, buf_str(&b), buf_len(&b), ttl);
    else
        answer_error(x, 404, NULL);
    buf_release(&b);
}

static void imds_handle(struct fake *f, struct exchange *x)
{
    struct imds *m = (struct imds *)f;
    bool reads = str_eq(x->method, "GET") || str_eq(x->method, "HEAD");
    int64_t left;

    if (str_eq(x->path, TOKEN_PATH) && str_eq(x->method, "PUT")) {
        put_token(m, x);
        return;
    }
    if (str_eq(x->path, TOKEN_PATH) || !reads) {
        exchange_set_header(x, "Allow", reads ? "OPTIONS, PUT" : "OPTIONS, GET, HEAD");
        answer_error(x, 405, NULL);
        return;
    }
    left = token_left(m, x);
    if (left == -2 || (left == -1 && m->v2_only))
        answer_error(x, 401, NULL);
    else
        get_text(m, x, left);
}

static void imds_refuse(struct fake *f, struct exchange *x, int status, const char *type,
                        const char *message)
{
    (void)f;
    (void)type;
    answer_error(x, status ? status : 500, message);
}

/* --- control ----------------------------------------------------------------------------- */

/* What a command is about: its own member, or "name" from a command line. */
static int need_first(const json_t *args, const char *member, const char **ret, struct err *e)
{
    return json_need_str(args, json_object_get(args, member) ? member : "name", ret, e);
}

static int set_path(struct imds *m, const json_t *args, struct err *e)
{
    const char *path;
    const json_t *value = json_object_get(args, "value");
    char *p;

    if (need_first(args, "path", &path, e) < 0)
        return -1;
    if (!value)
        return err_set(e, ERR_USAGE, "value is missing: the text at this path");
    if (map_count(&m->set) >= IMDS_SET_MAX)
        return err_set(e, ERR_LIMIT, "more than %d paths are set", IMDS_SET_MAX);
    p = imds_path(path);
    free(map_remove(&m->unset, p));
    free(map_set(&m->set, p,
                 json_is_string(value) ? xstrdup(json_string_value(value)) : json_text(value)));
    free(p);
    return 0;
}

static int unset_path(struct imds *m, const json_t *args, struct err *e)
{
    const char *path, *key;
    void *v;
    char *p;

    if (need_first(args, "path", &path, e) < 0)
        return -1;
    if (map_count(&m->unset) >= IMDS_SET_MAX)
        return err_set(e, ERR_LIMIT, "more than %d paths are unset", IMDS_SET_MAX);
    p = imds_path(path);
    for (size_t i = 0; map_next(&m->set, &i, &key, &v);) {
        const char *rest = str_after(key, p);

        if (rest && (*rest == '/' || !*rest))
            free(map_remove(&m->set, key));
    }
    free(map_set(&m->unset, p, xstrdup(p)));
    free(p);
    return 0;
}

static int set_mode(struct imds *m, const json_t *args, struct err *e)
{
    const char *mode;

    if (need_first(args, "mode", &mode, e) < 0)
        return -1;
    if (!str_eq(mode, "v1v2") && !str_eq(mode, "v2"))
        return err_set(e, ERR_USAGE, "mode is v1v2 or v2, not %s", mode);
    if (m->v2_only != str_eq(mode, "v2"))
        journal_state(fake_journal(&m->fake), m->fake.ops->name, "version",
                      m->v2_only ? "v2" : "v1v2", mode);
    m->v2_only = str_eq(mode, "v2");
    return 0;
}

/* A number of hops, as a number or as text; 0: none that is one. */
static uint64_t hops(const json_t *v, int usual)
{
    uint64_t n = (uint64_t)usual;

    if (json_is_string(v) && str_u64(json_string_value(v), HOPS_MAX, &n) < 0)
        return 0;
    if (json_is_integer(v))
        n = (uint64_t)json_integer_value(v);
    return n > HOPS_MAX ? 0 : n;
}

static int set_hop(struct imds *m, const json_t *args, struct err *e)
{
    const json_t *first = json_object_get(args, "limit");
    uint64_t limit = hops(first ? first : json_object_get(args, "name"), m->hop_limit);
    uint64_t distance = hops(json_object_get(args, "distance"), m->hop_distance);

    if (!limit || !distance)
        return err_set(e, ERR_USAGE, "limit and distance are 1 to %d hops", HOPS_MAX);
    m->hop_limit = (int)limit;
    m->hop_distance = (int)distance;
    return 0;
}

static int set_role(struct imds *m, const json_t *args, struct err *e)
{
    const char *name, *lifetime = json_str(args, "lifetime");
    int64_t ns = ROLE_LIFETIME;

    if (json_need_str(args, "name", &name, e) < 0)
        return -1;
    if (strchr(name, '/'))
        return err_set(e, ERR_USAGE, "a role's name has no slash: %s", name);
    if (lifetime && (str_duration(lifetime, &ns) < 0 || ns <= 0))
        return err_set(e, ERR_USAGE, "lifetime is a duration like 6h, not %s", lifetime);
    imds_role_set(m, name, ns, json_str(args, "code"));
    return 0;
}

static int imds_control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                        struct err *e)
{
    static const char *const commands[] = {"set",     "unset", "off",  "on",
                                           "version", "hop",   "role", "rotate"};
    struct imds *m = (struct imds *)f;
    const char *near;

    (void)ret;
    if (str_eq(command, "set"))
        return set_path(m, args, e);
    if (str_eq(command, "unset"))
        return unset_path(m, args, e);
    if (str_eq(command, "version"))
        return set_mode(m, args, e);
    if (str_eq(command, "hop"))
        return set_hop(m, args, e);
    if (str_eq(command, "role"))
        return set_role(m, args, e);
    if (str_eq(command, "rotate"))
        return imds_role_rotate(m), 0;
    if (str_eq(command, "off"))
        return fake_down(f), 0;
    if (str_eq(command, "on"))
        return fake_up(f, e);
    near = str_nearest(command, commands, ARRAY_SIZE(commands));
    return err_set(e, ERR_USAGE, "imds knows no command %s%s%s", command,
                   near ? "; did you mean " : "", near ? near : "");
}

static const char *const groups[] = {"metadata", "token", NULL};

const struct fake_ops imds_ops = {
    .name = "imds",
    .doc = "EC2 instance metadata, versions 1 and 2",
    .size = sizeof(struct imds),
    .init = imds_init,
    .reset = imds_reset,
    .release = imds_release,
    .classify = imds_classify,
    .handle = imds_handle,
    .refuse = imds_refuse,
    .control = imds_control,
    .groups = groups,
};
