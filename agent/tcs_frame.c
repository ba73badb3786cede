#include "agent/tcs_frame.h"
#include "agent/wire.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "proto/limits.h"

int tcs_frame(struct buf *out, const struct handshake *h, const struct http_sign *sign,
              int64_t wall, const char *json, struct err *e)
{
    char *headers[4];
    size_t n = strlen(json);

    if (handshake_sign(h, sign, wall, json, n, headers, e) < 0)
        return -1;
    /* Authorization, Host, X-Amz-*: sorted */
    buf_addf(out, "%s\r\nHost: %s\r\n", headers[0], h->host);
    for (size_t i = 1; i < 4 && headers[i]; i++)
        buf_addf(out, "%s\r\n", headers[i]);
    handshake_headers_free(headers);
    buf_adds(out, "\r\n");
    buf_add(out, json, n);
    return out->full ? err_set(e, ERR_LIMIT, "a telemetry frame of more than %zu bytes", out->max)
                     : 0;
}

static json_t *metadata(const struct tcs_ids *ids, const char *message_id, bool fin)
{
    json_t *o = json_object();

    json_put_str(o, "cluster", ids->cluster);
    json_put_str(o, "containerInstance", ids->instance_arn);
    json_put_bool(o, "fin", fin);
    json_put_str(o, "messageId", message_id);
    return o;
}

static int emit(enum tcs_message type, json_t *message, tcs_emit_fn fn, void *user, struct err *e)
{
    _cleanup_free_ char *text = wire_frame(tcs_message_name(type), message);

    return fn(user, text, e);
}

/* Elements from..from+TCS_TASKS_MAX-1. */
static json_t *group_of(const json_t *tasks, size_t from)
{
    json_t *group = json_array();

    for (size_t i = from; i < from + TCS_TASKS_MAX && i < json_array_size(tasks); i++)
        json_array_append(group, json_array_get(tasks, i));
    return group;
}

int tcs_metrics(const struct tcs_ids *ids, const json_t *tasks, tcs_emit_fn fn, void *user,
                struct err *e)
{
    size_t n = json_array_size(tasks);
    size_t from = 0;
    char id[37];

    wire_uuid(id);
    do {
        json_t *message = json_object();
        json_t *meta = metadata(ids, id, from + TCS_TASKS_MAX >= n);

        json_put_bool(meta, "idle", n == 0);
        json_put(message, "metadata", meta);
        if (n)
            json_put(message, "taskMetrics", group_of(tasks, from));
        json_put(message, "timestamp", wire_time(ids->wall));
        if (emit(TCS_PUBLISH_METRICS, message, fn, user, e) < 0)
            return -1;
        from += TCS_TASKS_MAX;
    } while (from < n);
    return 0;
}

int tcs_health(const struct tcs_ids *ids, const json_t *tasks, tcs_emit_fn fn, void *user,
               struct err *e)
{
    size_t n = json_array_size(tasks);
    char id[37];

    wire_uuid(id);
    for (size_t from = 0; from < n; from += TCS_TASKS_MAX) {
        json_t *message = json_object();

        json_put(message, "metadata", metadata(ids, id, from + TCS_TASKS_MAX >= n));
        json_put(message, "tasks", group_of(tasks, from));
        json_put(message, "timestamp", wire_time(ids->wall));
        if (emit(TCS_PUBLISH_HEALTH, message, fn, user, e) < 0)
            return -1;
    }
    return 0;
}

void tcs_instance_seen(struct tcs_instance_health *h, bool ok, int64_t wall)
{
    enum tcs_instance_status status = ok ? TCS_STATUS_OK : TCS_STATUS_IMPAIRED;

    if (h->status != status)
        h->changed = wall;
    h->status = status;
    h->updated = wall;
    h->unsent = true;
}

int tcs_instance_status(const struct tcs_ids *ids, const struct tcs_instance_health *h,
                        tcs_emit_fn fn, void *user, struct err *e)
{
    json_t *message = json_object(), *meta = json_object();
    json_t *statuses = json_array(), *status = json_object();
    char id[37];

    json_put_str(meta, "cluster", ids->cluster);
    json_put_str(meta, "containerInstance", ids->instance_arn);
    json_put_str(meta, "requestId", wire_uuid(id));
    json_put_str(status, "type", TCS_STATUS_CONTAINER_RUNTIME);
    json_put_str(status, "status", tcs_instance_status_name(h->status));
    json_put(status, "lastUpdated", wire_time(h->updated));
    json_put(status, "lastStatusChange", wire_time(h->changed));
    json_array_append_new(statuses, status);
    json_put(message, "metadata", meta);
    json_put(message, "statuses", statuses);
    json_put(message, "timestamp", wire_time(ids->wall));
    return emit(TCS_PUBLISH_INSTANCE_STATUS, message, fn, user, e);
}
