#include "agent/introspection.h"
#include "base/mem.h"

struct introspection {
    struct introspection_source source;
    struct http_server *server;
};

static void on_visit(struct http_visit *v, void *user)
{
    struct introspection *i = user;
    const char *arn, *id, *type;
    bool by_arn = http_visit_query(v, "taskarn", &arn);
    bool by_id = http_visit_query(v, "dockerid", &id);
    char *body;
    int status = introspection_answer(&i->source, http_visit_path(v), by_arn ? arn : NULL,
                                      by_id ? id : NULL, &body, &type);

    http_visit_answer(v, status, type, body, strlen(body));
}

struct introspection *introspection_new(struct loop *l, const struct config_listen *listen,
                                        const struct introspection_source *source, struct log *log)
{
    struct introspection *i = new0(struct introspection);
    struct http_server_options o = {
        .name = "Introspection",
        .listen = listen,
        .max_body = 4096, /* nothing here reads one */
        .max_connections = HTTP_SERVER_CONNECTIONS,
        .fn = on_visit,
        .user = i,
    };

    i->source = *source;
    i->server = http_server_new(l, &o, log);
    return i;
}

void introspection_free(struct introspection *i)
{
    if (!i)
        return;
    http_server_free(i->server);
    free(i);
}
