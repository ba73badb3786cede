#include "fakes/docker/test/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/in_root.h"
#include "fakes/core/test/peer.c"

struct world *world;
struct fake *engine;
struct err control_err;
static struct answer answer;
static struct buf texts;

static void forget(void)
{
    buf_release(&answer.body);
    json_decref(answer.json);
    answer = (struct answer){.body = BUF_INIT(64 << 20)};
}

int client_begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    world = new0(struct world);
    buf_init(&texts, 1 << 20);
    if (world_init(world, 1, &e) < 0 || !(engine = world_add(world, &docker_ops, &e)) ||
        fake_listen_tcp(engine, "127.0.0.1", 0, false, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return -1;
    }
    world->journal.keep = true;
    answer = (struct answer){.body = BUF_INIT(64 << 20)};
    return control("image", "name", "busybox:1", "cached", "yes", NULL);
}

int client_end(void **state)
{
    (void)state;
    forget();
    world_release(world);
    free(world);
    buf_release(&texts);
    return 0;
}

static void unchunk(const char *s, size_t n)
{
    const char *end = s + n;

    while (s < end) {
        char *line_end;
        size_t len = strtoul(s, &line_end, 16);

        if (!len || line_end + 2 + len > end)
            return;
        buf_add(&answer.body, line_end + 2, len);
        answer.chunks++;
        s = line_end + 2 + len + 2;
    }
}

const struct answer *answer_of(struct peer *p)
{
    const char *all = buf_str(&p->got), *end;

    forget();
    end = strstr(all, "\r\n\r\n");
    if (!end)
        return &answer;
    snprintf(answer.head, sizeof(answer.head), "%.*s\r\n", (int)(end - all), all);
    answer.status = (int)strtoul(all + strlen("HTTP/1.1 "), NULL, 10);
    if (strcasestr(answer.head, "chunked"))
        unchunk(end + 4, buf_len(&p->got) - (size_t)(end + 4 - all));
    else
        buf_add(&answer.body, end + 4, buf_len(&p->got) - (size_t)(end + 4 - all));
    answer.json = json_read(buf_str(&answer.body), buf_len(&answer.body), JSON_READ_PEER, NULL);
    return &answer;
}

static void send_request(struct peer *p, const char *method, const char *path, const char *headers,
                         const char *body)
{
    char *text = xasprintf("%s %s HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n%s"
                           "Content-Length: %zu\r\n\r\n%s",
                           method, path, headers, body ? strlen(body) : 0, body ? body : "");

    peer_connect(p, engine);
    peer_send(p, text);
    free(text);
}

const struct answer *call_with(const char *method, const char *path, const char *headers,
                               const char *body)
{
    struct peer p;

    send_request(&p, method, path, headers, body);
    peer_wait_end(&p);
    answer_of(&p);
    peer_close(&p);
    return &answer;
}

const struct answer *call(const char *method, const char *path, const char *body)
{
    return call_with(method, path, body ? "Content-Type: application/json\r\n" : "", body);
}

void ask(struct peer *p, const char *method, const char *path, const char *body)
{
    send_request(p, method, path, body ? "Content-Type: application/json\r\n" : "", body);
    peer_settle(world);
    take(p);
}

bool can_resolve(void)
{
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = in_root_open(root, "/", O_PATH, 0);
    bool lacks = fd < 0 && errno == ENOSYS;

    if (lacks)
        printf("skipped: openat2 is not known to this kernel, or to this valgrind\n");
    if (fd >= 0)
        close(fd);
    close(root);
    return !lacks;
}

void pass(int64_t ns)
{
    int64_t until = loop_now(&world->loop) + ns;

    for (;;) {
        int64_t next = clock_next(&world->loop.clock), now = loop_now(&world->loop);
        bool last = next < 0 || next > until;
        int64_t step = (last ? until : next) - now;

        if (step > 0)
            world->loop.started -= (uint64_t)step;
        loop_turn(&world->loop, loop_now(&world->loop));
        if (last)
            break;
    }
    peer_settle(world);
}

int control(const char *command, ...)
{
    json_t *args = json_object(), *ret = NULL;
    const char *key;
    va_list ap;
    int r;

    va_start(ap, command);
    while ((key = va_arg(ap, const char *)))
        json_put_str(args, key, va_arg(ap, const char *));
    va_end(ap);
    err_clear(&control_err);
    loop_sync(&world->loop);
    r = engine->ops->control(engine, command, args, &ret, &control_err);
    json_decref(args);
    json_decref(ret);
    return r;
}

void run(const char *name, const char *image, const char *more)
{
    char *path = xasprintf("/containers/create?name=%s", name);
    char *body = xasprintf("{\"Image\":\"%s\"%s}", image, more);

    call("POST", path, body);
    if (answer.status != 201)
        fprintf(stderr, "create %s: %s\n", name, buf_str(&answer.body));
    free(path);
    free(body);
    path = xasprintf("/containers/%s/start", name);
    call("POST", path, NULL);
    free(path);
}

static const json_t *inspected(const char *name, const char *path)
{
    char *target = xasprintf("/containers/%s/json", name);

    call("GET", target, NULL);
    free(target);
    return json_at(answer.json, path);
}

const char *inspect(const char *name, const char *path)
{
    const char *s = json_string_value(inspected(name, path));

    return s ? s : "";
}

int64_t inspect_int(const char *name, const char *path)
{
    return json_integer_value(inspected(name, path));
}

const char *events_of(const char *name)
{
    const char *line;

    loop_sync(&world->loop);
    pass(NS_PER_MS);
    char *target = xasprintf("/events?since=1&until=%lld.%09lld",
                             (long long)(loop_wall(&world->loop) / NS_PER_S),
                             (long long)(loop_wall(&world->loop) % NS_PER_S));

    call("GET", target, NULL);
    free(target);
    buf_clear(&texts);
    for (line = buf_str(&answer.body); *line; line += strcspn(line, "\n") + 1) {
        json_t *e = json_read(line, strcspn(line, "\n"), JSON_READ_PEER, NULL);
        const char *action = json_str(e, "status"), *code, *signal;

        code = json_string_value(json_at(e, "Actor.Attributes.exitCode"));
        signal = json_string_value(json_at(e, "Actor.Attributes.signal"));
        if (str_eq(json_str(e, "Type"), "container") && !str_starts(action, "exec_") &&
            str_eq(json_string_value(json_at(e, "Actor.Attributes.name")), name)) {
            buf_addf(&texts, "%s%s", buf_len(&texts) ? " " : "", action);
            if (signal)
                buf_addf(&texts, "(%s)", signal);
            else if (code)
                buf_addf(&texts, "[%s]", code);
        }
        json_decref(e);
    }
    return buf_str(&texts);
}
