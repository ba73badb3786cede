#include "harness/up_engine.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/plane.h"
#include "harness/http_client.h"
#include "proto/docker_path.h"

/* filters={"label":["com.amazonaws.ecs.task-arn"]} */
#define LIST_PATH                                                                                  \
    "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22" DOCKER_LABEL_TASK_ARN "%22%5D%7D"

bool up_engine_is_url(const char *url)
{
    const char *path = str_after(url, "unix://"), *host = str_after(url, "tcp://");

    return (path && *path == '/') || (host && *host);
}

static void on_done(struct http_client *c, void *data)
{
    (void)c;
    *(bool *)data = true;
}

/* One question; the answer's body as JSON in ret (NULL: it is none). */
static int ask(struct world *w, const char *engine, const char *method, const char *path,
               json_t **ret, struct err *e)
{
    const char *socket = str_after(engine, "unix://"), *host = str_after(engine, "tcp://");
    _cleanup_free_ char *url = xasprintf("http://%s%s", socket ? "docker" : host, path);
    struct http_client_request r = {.method = method, .url = url, .unix_path = socket};
    int64_t until = loop_now(&w->loop) + UP_ENGINE_ANSWER_NS;
    const struct http_client_result *result;
    bool done = false;
    struct http_client *c = http_client_start(&w->loop, &r, on_done, &done, e);
    int ok = -1;

    if (!c)
        return -1;
    while (!done && loop_now(&w->loop) < until)
        loop_turn(&w->loop, until);
    result = http_client_result(c);
    if (!done)
        err_set(e, ERR_TIMEOUT, "%s %s: no answer", method, path);
    else if (result->err.code)
        err_set(e, ERR_PEER, "%s %s: %s", method, path, result->err.text);
    else if (result->status >= 300)
        err_set(e, ERR_PEER, "%s %s: status %d", method, path, result->status);
    else
        ok = 0;
    if (ok == 0 && ret)
        *ret = json_read(buf_str(&result->body), buf_len(&result->body), JSON_READ_PEER, NULL);
    http_client_free(c);
    return ok;
}

static bool is_ours(const struct world *w, const json_t *container)
{
    const struct plane_fake *ecs = (struct plane_fake *)world_find(w, "ecs");
    const char *arn = json_str(json_object_get(container, "Labels"), DOCKER_LABEL_TASK_ARN);

    return arn && map_get(&ecs->plane->tasks, arn);
}

void up_engine_clean(struct world *w, const char *url)
{
    json_t *list _cleanup_json_ = NULL, *container;
    struct err e = ERR_INIT;
    size_t i;

    if (ask(w, url, "GET", LIST_PATH, &list, &e) < 0) {
        journal_note(&w->journal, "docker", "containers stay behind: %s", e.text);
        return;
    }
    json_array_foreach (list, i, container) {
        const char *id = json_str(container, "Id");
        _cleanup_free_ char *path = xasprintf("/containers/%s?force=1&v=1", id ? id : "");

        err_clear(&e);
        if (id && is_ours(w, container) && ask(w, url, "DELETE", path, NULL, &e) < 0)
            journal_note(&w->journal, "docker", "a container stays behind: %s", e.text);
    }
}
