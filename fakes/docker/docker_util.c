/* Texts, times and hashes that several parts of the engine write. */
#include <openssl/evp.h>
#include <regex.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/engine.h"
#include "fakes/docker/gojson.h"

/* --- pairs ------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Copies 2n strings into one block and sorts them. */
static struct pairs pairs_pack(const char **kv, size_t n)
{
    size_t bytes = 0;
    struct pairs p = {.n = n};
    char *text;

    if (!n)
        return p;
    for (size_t i = 0; i < 2 * n; i++)
        bytes += strlen(kv[i]) + 1;
    p.kv = xmalloc(2 * n * sizeof(*p.kv) + bytes);
    text = (char *)(p.kv + 2 * n);
    for (size_t i = 0; i < 2 * n; i++) {
        size_t len = strlen(kv[i]) + 1;

        p.kv[i] = memcpy(text, kv[i], len);
        text += len;
    }
    qsort(p.kv, n, 2 * sizeof(*p.kv), by_key);
    return p;
}

struct pairs pairs_from_json(const json_t *o)
{
    const char **kv, *key;
    size_t n = 0;
    struct pairs p;
    json_t *v;

    if (!json_is_object(o))
        return (struct pairs){0};
    kv = new0_array(const char *, 2 * json_object_size(o) + 1);
    json_object_foreach ((json_t *)(uintptr_t)o, key, v) {
        kv[2 * n] = key;
        kv[2 * n + 1] = json_is_string(v) ? json_string_value(v) : "";
        n++;
    }
    p = pairs_pack(kv, n);
    free(kv);
    return p;
}

struct pairs pairs_merge(const struct pairs *a, const char *const *more, size_t n_more)
{
    size_t n = 0, n_a = a ? a->n : 0;
    const char **kv = new0_array(const char *, 2 * (n_a + n_more) + 1);
    struct pairs p;

    for (size_t i = 0; i < n_a; i++) {
        bool hidden = false;

        for (size_t k = 0; k < n_more; k++)
            hidden |= str_eq(a->kv[2 * i], more[2 * k]);
        if (hidden)
            continue;
        kv[2 * n] = a->kv[2 * i];
        kv[2 * n + 1] = a->kv[2 * i + 1];
        n++;
    }
    for (size_t k = 0; k < n_more; k++, n++) {
        kv[2 * n] = more[2 * k];
        kv[2 * n + 1] = more[2 * k + 1];
    }
    p = pairs_pack(kv, n);
    free(kv);
    return p;
}

void pairs_release(struct pairs *p)
{
    free(p->kv);
    *p = (struct pairs){0};
}

const char *pairs_get(const struct pairs *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->kv[2 * i], key))
            return p->kv[2 * i + 1];
    return NULL;
}

void pairs_write(struct buf *b, const struct pairs *p, bool html)
{
    void (*add)(struct buf *, const char *) = html ? gojson_add_html : gojson_add;

    buf_addc(b, '{');
    for (size_t i = 0; i < p->n; i++) {
        if (i)
            buf_addc(b, ',');
        add(b, p->kv[2 * i]);
        buf_addc(b, ':');
        add(b, p->kv[2 * i + 1]);
    }
    buf_addc(b, '}');
}

/* From 23 on it says which part of the name is not in lower case. */
char *name_problem(const struct docker *d, const char *name, const char *why)
{
    const char *slash = strchr(name, '/'), *path = name;
    bool host = false;

    if (!docker_modern(d) || !str_ends(why, "must be lowercase"))
        return xstrdup(why);
    for (const char *s = name; slash && s < slash; s++)
        host |= isupper((unsigned char)*s) || *s == '.' || *s == ':';
    if (host)
        path = slash + 1;
    return xasprintf("invalid reference format: repository name (%s%.*s) must be lowercase",
                     slash ? "" : "library/", (int)strcspn(path, ":@"), path);
}

/* --- lists of names ---------------------------------------------------------------------- */

static int prefix_of(const char *name, const char **ret)
{
    size_t n = strcspn(name, "/");
    bool host = name[n] && (memchr(name, '.', n) || memchr(name, ':', n) ||
                            (n == strlen("localhost") && !strncmp(name, "localhost", n)));

    *ret = host ? "" : name[n] ? "docker.io/" : "docker.io/library/";
    return (int)strlen(*ret);
}

int names_compare(const char *a, const char *b)
{
    const char *x, *y;
    int nx = prefix_of(a, &x), ny = prefix_of(b, &y), r;

    if (nx == ny)
        return strcmp(a, b);
    /* the shorter prefix ends somewhere in the longer one */
    r = strncmp(x, y, (size_t)(nx < ny ? nx : ny));
    if (r)
        return r;
    return nx < ny ? strcmp(a, y + nx) : strcmp(x + ny, b);
}

void names_add(char ***v, size_t *n, size_t *cap, const char *s)
{
    size_t at = 0;

    while (at < *n && names_compare((*v)[at], s) < 0)
        at++;
    if (at < *n && str_eq((*v)[at], s))
        return;
    grow_array(*v, *n, *cap);
    memmove(*v + at + 1, *v + at, (*n - at) * sizeof(**v));
    (*v)[at] = xstrdup(s);
    (*n)++;
}

bool names_remove(char **v, size_t *n, const char *s)
{
    for (size_t i = 0; i < *n; i++) {
        if (!str_eq(v[i], s))
            continue;
        free(v[i]);
        memmove(v + i, v + i + 1, (*n - i - 1) * sizeof(*v));
        (*n)--;
        return true;
    }
    return false;
}

void complain(struct complaints *c, const char *fmt, ...)
{
    va_list ap;

    grow_array(c->v, c->n, c->cap);
    va_start(ap, fmt);
    c->v[c->n++] = xvasprintf(fmt, ap);
    va_end(ap);
}

int complaints_problem(struct complaints *c, struct problem *p, int status, const char *prefix)
{
    struct buf b = BUF_INIT(ANSWER_MAX);
    int ret = c->n ? -1 : 0;

    for (size_t i = 0; i < c->n; i++) {
        buf_addf(&b, "%s%s%s", i ? "\n" : "", c->n > 1 ? "* " : "", c->v[i]);
        free(c->v[i]);
    }
    free(c->v);
    if (ret < 0)
        problem(p, status, "%s%s", prefix, buf_str(&b));
    buf_release(&b);
    *c = (struct complaints){0};
    return ret;
}

void names_write(struct buf *b, char *const *v, size_t n, bool null_if_empty)
{
    if (!n && null_if_empty) {
        buf_adds(b, "null");
        return;
    }
    buf_addc(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_addc(b, ',');
        gojson_add(b, v[i]);
    }
    buf_addc(b, ']');
}

/* --- times and sizes --------------------------------------------------------------------- */

void add_time(struct buf *b, int64_t wall)
{
    char t[40];
    size_t n;

    if (!wall) {
        buf_adds(b, "0001-01-01T00:00:00Z");
        return;
    }
    str_format_time(wall, 9, t);
    n = strlen(t) - 1; /* without the Z */
    while (t[n - 1] == '0')
        n--;
    if (t[n - 1] == '.')
        n--;
    buf_add(b, t, n);
    buf_addc(b, 'Z');
}

char *human_duration(int64_t ns, char out[40])
{
    long long s = ns / NS_PER_S, m = s / 60, h = (m + 30) / 60;

    if (s < 1)
        snprintf(out, 40, "Less than a second");
    else if (s == 1)
        snprintf(out, 40, "1 second");
    else if (s < 60)
        snprintf(out, 40, "%lld seconds", s);
    else if (m == 1)
        snprintf(out, 40, "About a minute");
    else if (m < 60)
        snprintf(out, 40, "%lld minutes", m);
    else if (h == 1)
        snprintf(out, 40, "About an hour");
    else if (h < 48)
        snprintf(out, 40, "%lld hours", h);
    else if (h < 24 * 7 * 2)
        snprintf(out, 40, "%lld days", h / 24);
    else if (h < 24 * 30 * 2)
        snprintf(out, 40, "%lld weeks", h / 24 / 7);
    else if (h < 24 * 365 * 2)
        snprintf(out, 40, "%lld months", h / 24 / 30);
    else
        snprintf(out, 40, "%lld years", h / 24 / 365);
    return out;
}

char *human_size(int64_t bytes, char out[24])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes;
    size_t i = 0;

    while (v >= 1000 && i + 1 < ARRAY_SIZE(units)) {
        v /= 1000;
        i++;
    }
    snprintf(out, 24, "%.4g%s", v, units[i]);
    return out;
}

int parse_when(struct docker *d, const char *s, int64_t *ret)
{
    const char *dot = strchr(s, '.');
    int64_t ns, secs;

    if (str_parse_time(s, ret) == 0)
        return 0;
    if (*s && strspn(s, "-0123456789.") == strlen(s)) {
        char *whole = dot ? xstrndup(s, (size_t)(dot - s)) : xstrdup(s);
        int r = str_i64(whole, &secs);

        free(whole);
        if (r < 0 || secs > INT64_MAX / NS_PER_S || secs < -INT64_MAX / NS_PER_S)
            return -1;
        *ret = secs * NS_PER_S;
        for (int64_t unit = NS_PER_S / 10; dot && *++dot; unit /= 10) {
            if (*dot < '0' || *dot > '9')
                return -1;
            *ret += (*dot - '0') * unit;
        }
        return 0;
    }
    if (str_duration(s, &ns) < 0)
        return -1;
    *ret = clock_wall(docker_clock(d)) - ns;
    return 0;
}

/* --- others ------------------------------------------------------------------------------ */

void hash_hex(char out[65], const char *fmt, ...)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = xvasprintf(fmt, ap);
    va_end(ap);
    EVP_Digest(s, strlen(s), md, NULL, EVP_sha256(), NULL);
    str_hex(md, 32, out);
    free(s);
}

bool regex_found(const char *pattern, const char *s)
{
    regex_t re;
    bool found;

    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return str_eq(pattern, s);
    found = regexec(&re, s, 0, NULL, 0) == 0;
    regfree(&re);
    return found;
}

char *random_name(struct docker *d)
{
    static const char *const left[] = {
        "amber",  "brave", "calm",  "clever", "eager", "fair",  "gentle", "happy",
        "honest", "keen",  "kind",  "lively", "loyal", "merry", "nimble", "patient",
        "plain",  "proud", "quick", "quiet",  "ready", "sharp", "steady", "warm",
    };
    static const char *const right[] = {
        "ada",     "bell",    "bohr",    "curie",   "darwin",  "dijkstra", "euler",   "fermat",
        "gauss",   "goodall", "hamming", "hopper",  "kepler",  "knuth",    "lamport", "liskov",
        "meitner", "noether", "pascal",  "ritchie", "shannon", "turing",   "volta",   "wiles",
    };
    struct fault_table *random = &d->fake.world->faults;

    for (;;) {
        const char *a = left[fault_table_random(random, ARRAY_SIZE(left))];
        const char *b = right[fault_table_random(random, ARRAY_SIZE(right))];
        char *name = xasprintf("%s_%s", a, b);

        for (unsigned i = 1; map_get(&d->by_name, name); i++) {
            free(name);
            name = xasprintf("%s_%s%u", a, b, i);
        }
        return name;
    }
}
