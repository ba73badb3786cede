#include "harness/leaked.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/http_client.h"
#include "harness/run.h"

/* Shorter ones may be words of any text. */
#define SECRET_MIN 8
#define FILE_MAX   (256u << 20)
#define DEPTH_MAX  8
#define ASK_NS     (2 * NS_PER_S)

struct answer {
    struct http_client *client;
    bool done;
};

/* The first secret that is in there, or NULL; *ret_line: lines before it, and one. */
static const char *secret_in(const struct run *r, const char *p, size_t n, size_t *ret_line)
{
    const struct log *known = &r->world.journal.masks;

    for (size_t i = 0; i < known->n_secrets; i++) {
        const char *s = known->secrets[i], *hit;

        if (strlen(s) < SECRET_MIN || !(hit = memmem(p, n, s, strlen(s))))
            continue;
        *ret_line = 1;
        for (const char *c = p; c < hit; c++)
            *ret_line += *c == '\n';
        return s;
    }
    return NULL;
}

static int fail(struct run *r, const char *where, size_t line, const char *secret)
{
    return run_fail(r, NULL,
                    "a secret is where none belongs: %s:%zu holds one of %zu letters that begins "
                    "with \"%c\"",
                    where, line, strlen(secret), *secret);
}

/* ---- files ---- */

static int look_in_file(struct run *r, const char *path, const char *shown)
{
    _cleanup_buf_ struct buf b = BUF_INIT(FILE_MAX);
    const char *secret;
    size_t line;

    if (io_read_file(path, &b, NULL) < 0)
        return 0; /* a socket, or gone */
    secret = secret_in(r, buf_str(&b), buf_len(&b), &line);
    return secret ? fail(r, shown, line, secret) : 0;
}

static int look_in_folder(struct run *r, const char *path, const char *shown, int depth)
{
    _cleanup_closedir_ DIR *d = opendir(path);
    const struct dirent *e;

    while (d && depth && (e = readdir(d))) {
        _cleanup_free_ char *sub = xasprintf("%s/%s", path, e->d_name);
        _cleanup_free_ char *name = xasprintf("%s/%s", shown, e->d_name);
        int k = 0;

        if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
            continue;
        if (e->d_type == DT_DIR)
            k = look_in_folder(r, sub, name, depth - 1);
        else if (e->d_type == DT_REG)
            k = look_in_file(r, sub, name);
        if (k < 0)
            return -1;
    }
    return 0;
}

/* ---- records ---- */

static int look_in_record(struct run *r, const struct record *rec)
{
    _cleanup_json_ json_t *o = record_json(rec);
    _cleanup_free_ char *text = json_text(o);
    const char *secret;
    size_t line;

    secret = secret_in(r, text, strlen(text), &line);
    return secret ? fail(r, "journal.jsonl", (size_t)rec->n, secret) : 0;
}

static int look_in_journal(struct run *r)
{
    const struct journal *j = &r->world.journal;

    for (size_t i = 0; i < j->n; i++)
        if (j->records[i]->kind != RECORD_STEP && j->records[i]->kind != RECORD_NOTE &&
            look_in_record(r, j->records[i]) < 0)
            return -1;
    return 0;
}

/* ---- introspection ---- */

static void on_answer(struct http_client *c, void *data)
{
    struct answer *a = data;

    (void)c;
    a->done = true;
}

static void wake(struct clock_timer *t)
{
    (void)t;
}

/* Nobody answers: then nothing is told. */
static void ask(struct run *r, const char *path)
{
    _cleanup_free_ char *url = xasprintf("http://127.0.0.1:%d%s", r->introspection_port, path);
    const struct http_client_request request = {.method = "GET", .url = url};
    int64_t until = loop_now(&r->world.loop) + ASK_NS;
    const struct http_client_result *res;
    struct clock_timer t = {0};
    struct answer a = {0};
    struct err e = ERR_INIT;
    const char *secret;
    size_t line;

    a.client = http_client_start(&r->world.loop, &request, on_answer, &a, &e);
    if (!a.client)
        return;
    loop_after(&r->world.loop, &t, ASK_NS, wake);
    while (!a.done && r->agent && loop_now(&r->world.loop) < until)
        loop_turn(&r->world.loop, until);
    loop_cancel(&r->world.loop, &t);
    res = http_client_result(a.client);
    if (a.done && res->err.code == ERR_NONE) {
        secret = secret_in(r, buf_str(&res->body), buf_len(&res->body), &line);
        if (secret)
            fail(r, url, line, secret);
    }
    http_client_free(a.client);
}

void leaked_ask(struct run *r)
{
    if (r->failed || !r->agent || !r->world.journal.masks.n_secrets)
        return;
    ask(r, "/v1/metadata");
    ask(r, "/v1/tasks");
}

int leaked_find(struct run *r)
{
    static const char *const places[] = {"agent.log", "data", "log"};

    for (size_t i = 0; !r->failed && i < ARRAY_SIZE(places); i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s", r->dir, places[i]);

        if ((i ? look_in_folder(r, path, places[i], DEPTH_MAX) : look_in_file(r, path, places[i])) <
            0)
            return -1;
    }
    return r->failed ? -1 : look_in_journal(r);
}
