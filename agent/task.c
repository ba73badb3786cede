#include "agent/task.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"

struct task *task_new(size_t n_containers)
{
    struct task *t = new0(struct task);

    list_init(&t->link);
    t->n_containers = n_containers;
    if (n_containers)
        t->containers = new0_array(struct container, n_containers);
    for (size_t i = 0; i < n_containers; i++)
        container_init(&t->containers[i], t, i);
    t->arn = t->cluster_arn = t->family = t->version = t->network_mode = "";
    return t;
}

void task_free(struct task *t)
{
    if (!t)
        return;
    list_del(&t->link);
    for (size_t i = 0; i < t->n_containers; i++)
        container_release(&t->containers[i]);
    free(t->containers);
    free(t->local_address);
    free(t->credentials_id);
    free(t->execution_credentials_id);
    free(t->reason);
    json_decref(t->tickets);
    json_decref(t->leases);
    json_decref(t->spec);
    free(t);
}

struct container *task_container(const struct task *t, const char *name)
{
    for (size_t i = 0; i < t->n_containers; i++)
        if (str_eq(t->containers[i].name, name))
            return &t->containers[i];
    return NULL;
}

struct container *task_internal(const struct task *t, enum container_type type)
{
    for (size_t i = 0; i < t->n_containers; i++)
        if (t->containers[i].type == type)
            return &t->containers[i];
    return NULL;
}

bool task_is_awsvpc(const struct task *t)
{
    return str_eq(t->network_mode, "awsvpc");
}

const char *task_id(const struct task *t)
{
    return arn_id(t->arn);
}

/* ---- changing it ---- */

static void log_change(const struct task *t, struct log *log, const char *which,
                       enum task_status old, enum task_status now)
{
    log_event(log, LOG_INFO, which, "task", t->arn, "from", task_status_name(old), "to",
              task_status_name(now), "reason", t->reason, NULL);
}

#define BLANKS " \t\r\n"

bool task_set_known(struct task *t, enum task_status s, struct log *log)
{
    enum task_status old = t->known;

    if (s <= old)
        return false;
    t->known = s;
    log_change(t, log, "Task known status changed", old, s);
    return true;
}

bool task_set_desired(struct task *t, enum task_status s, struct log *log)
{
    enum task_status old = t->desired;

    if (s <= old)
        return false;
    t->desired = s;
    log_change(t, log, "Task desired status changed", old, s);
    return true;
}

void task_set_reason(struct task *t, const char *reason)
{
    const char *p = reason + strspn(reason, BLANKS);
    char *out;

    if (t->reason)
        return;
    t->reason = out = xmalloc(strlen(reason) + 1);
    while (*p) {
        size_t n = strcspn(p, BLANKS);

        memcpy(out, p, n);
        out += n;
        p += n + strspn(p + n, BLANKS);
        if (*p)
            *out++ = ' ';
    }
    *out = '\0';
    if (*t->reason >= 'a' && *t->reason <= 'z')
        *t->reason = (char)(*t->reason - 'a' + 'A');
}

bool task_propagate_desired(struct task *t, struct log *log)
{
    bool changed = false;

    for (size_t i = 0; i < t->n_containers; i++) {
        const struct container *c = &t->containers[i];

        if (c->essential && (c->known == CONTAINER_STOPPED || c->desired == CONTAINER_STOPPED))
            changed |= task_set_desired(t, TASK_STOPPED, log);
    }
    for (size_t i = 0; i < t->n_containers; i++) {
        struct container *c = &t->containers[i];

        if (t->desired == TASK_STOPPED)
            changed |= container_set_desired(c, CONTAINER_STOPPED, log);
        else if (t->desired == TASK_RUNNING)
            changed |= container_set_desired(c, c->steady, log);
    }
    return changed;
}

bool task_propagate_known(struct task *t, int64_t now, struct log *log)
{
    enum task_status lowest = TASK_STOPPED;
    bool essential_stopped = false;

    for (size_t i = 0; i < t->n_containers; i++) {
        const struct container *c = &t->containers[i];
        enum task_status s = container_status_to_task(c->known, c->steady);

        if (s < lowest)
            lowest = s;
        essential_stopped |= c->essential && c->known == CONTAINER_STOPPED;
    }
    if (essential_stopped && t->execution_stopped_at == 0)
        t->execution_stopped_at = now;
    if (essential_stopped && lowest == TASK_RUNNING)
        return false;
    if (lowest == TASK_STOPPED && t->stopped_at == 0)
        t->stopped_at = now;
    return task_set_known(t, lowest, log);
}

bool task_has_unhanded(const struct task *t)
{
    for (size_t i = 0; i < t->n_containers; i++)
        if (container_reportable(&t->containers[i]) > t->containers[i].handed ||
            (t->containers[i].exec && t->containers[i].exec->due &&
             !t->containers[i].exec->handed_seq))
            return true;
    return false;
}

/* ---- saving and loading ---- */

json_t *task_state_json(const struct task *t)
{
    json_t *o = json_object();

    json_put_str(o, "knownStatus", task_status_name(t->known));
    json_put_str(o, "desiredStatus", task_status_name(t->desired));
    json_put_str(o, "sentStatus", task_status_name(t->sent));
    json_put_str(o, "reason", t->reason);
    json_put_bool(o, "limits", t->limits);
    json_put_str(o, "localAddress", t->local_address);
    if (t->address_released)
        json_put_bool(o, "addressReleased", true);
    json_put_str(o, "credentialsId", t->credentials_id);
    json_put_str(o, "executionCredentialsId", t->execution_credentials_id);
    json_put_int(o, "pullStartedAt", t->pull_started_at);
    json_put_int(o, "pullStoppedAt", t->pull_stopped_at);
    json_put_int(o, "executionStoppedAt", t->execution_stopped_at);
    json_put_int(o, "stoppedAt", t->stopped_at);
    json_put(o, "tickets", json_incref(t->tickets));
    json_put(o, "leases", json_incref(t->leases));
    return o;
}

/* An object of texts, or a list of them. */
static json_t *texts_of(const json_t *state, const char *member)
{
    json_t *v = json_object_get(state, member), *one;
    const char *key;
    size_t i;

    json_object_foreach (v, key, one)
        if (!json_is_string(one))
            return NULL;
    json_array_foreach (v, i, one)
        if (!json_is_string(one))
            return NULL;
    return json_is_object(v) || json_is_array(v) ? json_deep_copy(v) : NULL;
}

static enum task_status status_of(const json_t *state, const char *member)
{
    const char *word = json_str(state, member);
    int s = word ? task_status_from(word) : TASK_NONE;

    return s < 0 ? TASK_NONE : (enum task_status)s;
}

void task_state_load(struct task *t, const json_t *state)
{
    t->known = status_of(state, "knownStatus");
    t->desired = status_of(state, "desiredStatus");
    t->sent = t->handed = status_of(state, "sentStatus");
    container_set_text(&t->reason, json_str(state, "reason"));
    t->limits = json_bool(state, "limits", false);
    container_set_text(&t->local_address, json_str(state, "localAddress"));
    t->address_released = json_bool(state, "addressReleased", false);
    container_set_text(&t->credentials_id, json_str(state, "credentialsId"));
    container_set_text(&t->execution_credentials_id, json_str(state, "executionCredentialsId"));
    t->pull_started_at = json_int(state, "pullStartedAt", 0);
    t->pull_stopped_at = json_int(state, "pullStoppedAt", 0);
    t->execution_stopped_at = json_int(state, "executionStoppedAt", 0);
    t->stopped_at = json_int(state, "stoppedAt", 0);
    json_decref(t->tickets);
    json_decref(t->leases);
    t->tickets = texts_of(state, "tickets");
    t->leases = texts_of(state, "leases");
}
