/*
 * tmds.h: faults in the network of a task that allows it, in mode host (this
 * agent has no other network that is a task's own). One request at a time for
 * all of them, five seconds each, and each path once in five seconds.
 */
#include <stdlib.h>

#include "agent/fault_request.h"
#include "agent/tmds_internal.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

struct faulting {
    struct tmds_wait wait;
    struct fault_request request;
    json_t *body; /* request borrows from it */
    char *interface;
    struct command_run *run;
};

static void answer(struct http_visit *v, int status, const char *member, const char *text)
{
    json_t *o = json_object();

    json_put_str(o, member, text);
    tmds_json(v, status, o);
}

static void refuse(struct http_visit *v, int status, const char *text)
{
    answer(v, status, "Error", text);
}

/* ---- the programs ---- */

static void faulting_free(struct tmds_wait *w)
{
    struct faulting *f = container_of(w, struct faulting, wait);

    tmds_wait_end(w);
    command_run_cancel(f->run);
    json_decref(f->body);
    free(f->interface);
    free(f);
}

static void finish(struct faulting *f, int status, const char *member, const char *text)
{
    struct http_visit *v = f->wait.v;

    log_event(f->wait.t->log, LOG_INFO, "A fault of the network", "kind",
              fault_kind_name(f->request.kind), "action", fault_action_name(f->request.action),
              "outcome", text, NULL);
    faulting_free(&f->wait);
    answer(v, status, member, text);
}

static void fail(struct faulting *f, const struct command_result *r)
{
    log_event(f->wait.t->log, LOG_ERROR, "A fault of the network: a program failed", "command",
              r->command, "output", r->output, NULL);
    finish(f, 500, "Error", "internal error");
}

static void on_done(const struct command_result *r, void *user)
{
    struct faulting *f = user;

    f->run = NULL;
    if (!r->started || r->code)
        fail(f, r);
    else
        finish(f, 200, "Status", f->request.action == FAULT_START ? "running" : "stopped");
}

static void go(struct faulting *f)
{
    struct commands c = {0};

    fault_add_commands(&f->request, f->interface, &c);
    f->run = command_run_start(f->wait.t->loop, &c, on_done, f);
}

/* other: of the two faults of tc only one can be. */
static void decide(struct faulting *f, bool running, const char *conflict)
{
    if (f->request.action == FAULT_STATUS)
        finish(f, 200, "Status", running ? "running" : "not-running");
    else if (f->request.action == FAULT_STOP && !running)
        finish(f, 200, "Status", "stopped");
    else if (f->request.action == FAULT_START && conflict)
        finish(f, 409, "Error", conflict);
    else if (f->request.action == FAULT_START && running)
        finish(f, 200, "Status", "running");
    else
        go(f);
}

static void on_checked(const struct command_result *r, void *user)
{
    struct faulting *f = user;
    bool latency, loss;

    f->run = NULL;
    if (!r->started) {
        fail(f, r);
    } else if (f->request.kind == FAULT_BLACKHOLE) {
        decide(f, r->code == 0, NULL);
    } else if (r->code || fault_read_tc(r->output, &latency, &loss) < 0) {
        fail(f, r);
    } else {
        decide(f, f->request.kind == FAULT_LATENCY ? latency : loss,
               latency ? "There is already one network latency fault running"
               : loss  ? "There is already one network packet loss fault running"
                       : NULL);
    }
}

static void on_limit(struct clock_timer *t)
{
    struct faulting *f =
        container_of(container_of(t, struct tmds_wait, timer), struct faulting, wait);
    char text[96];

    snprintf(text, sizeof(text), "%s %s: request timed out",
             f->request.action == FAULT_STATUS ? "check status"
                                               : fault_action_name(f->request.action),
             fault_kind_name(f->request.kind));
    finish(f, 500, "Error", text);
}

/* ---- the request ---- */

/* The interface of the default route with a gateway, or NULL. To be freed. */
static char *default_interface(void)
{
    _cleanup_buf_ struct buf b = BUF_INIT(1u << 20);
    struct err e = ERR_INIT;
    char *save = NULL;

    if (io_read_file("/proc/net/route", &b, &e) < 0)
        return NULL;
    for (char *line = strtok_r(buf_data(&b), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char name[33];
        unsigned int to, gateway;

        if (sscanf(line, "%32s %x %x", name, &to, &gateway) == 3 && to == 0 && gateway != 0)
            return xstrdup(name);
    }
    return NULL;
}

/* NULL after the answer. To be freed. */
static char *interface_of(struct http_visit *v, const struct container *c, const char *id)
{
    bool host = c && str_eq(c->task->network_mode, "host");
    char *interface = host ? default_interface() : NULL;
    char text[256];

    if (!c) {
        snprintf(text, sizeof(text),
                 "unable to get task arn from request: unable to get task Arn from v3 endpoint ID: "
                 "%.100s",
                 id);
        refuse(v, 404, text);
    } else if (host && !interface) {
        refuse(v, 500, "failed to resolve default host network interface");
    } else if (!json_bool(c->task->spec, "enableFaultInjection", false)) {
        snprintf(text, sizeof(text), "enableFaultInjection is not enabled for task: %.180s",
                 c->task->arn);
        refuse(v, 400, text);
    } else if (!host) {
        snprintf(text, sizeof(text),
                 "failed to get task metadata due to internal server error for container: %.100s",
                 id);
        refuse(v, 500, text);
    } else {
        return interface;
    }
    free(interface);
    return NULL;
}

/* True when the body is fine or does not count. */
static bool read_body(struct http_visit *v, struct fault_request *r, json_t **ret)
{
    size_t n;
    const char *text = http_visit_body(v, &n);
    struct err e = ERR_INIT;
    json_error_t bad;

    *ret = NULL;
    if (!fault_request_has_body(r))
        return true;
    if (strspn(text, " \t\r\n") == n) {
        refuse(v, 400, "required request body is missing");
        return false;
    }
    *ret = json_loadb(text, n, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &bad);
    if (*ret && fault_request_read(r, *ret, &e) == 0)
        return true;
    refuse(v, 400, *ret ? e.text : bad.text);
    json_decref(*ret);
    return false;
}

static void serve(struct tmds *t, struct http_visit *v, struct fault_request *r, const char *id)
{
    struct commands c = {0};
    struct faulting *f;
    json_t *body;
    char *interface;

    if (!read_body(v, r, &body))
        return;
    interface = interface_of(v, engine_find_endpoint(t->o.engine, id), id);
    if (!interface) {
        json_decref(body);
        return;
    }
    f = new0(struct faulting);
    f->request = *r;
    f->body = body;
    f->interface = interface;
    tmds_wait_begin(&f->wait, t, v, TMDS_FAULT, on_limit, faulting_free);
    fault_add_check(&f->request, interface, &c);
    f->run = command_run_start(t->loop, &c, on_checked, f);
}

bool tmds_fault(struct tmds *t, struct http_visit *v, const struct tmds_path *p)
{
    static const char text[] = "You have reached maximum request limit";
    int kind = p->n == 6 ? fault_kind_from(p->part[4]) : -1;
    int action = p->n == 6 ? fault_action_from(p->part[5]) : -1;
    struct fault_request r = {0};

    if (kind < 0 || action < 0 || !str_eq(p->part[2], "fault") || !str_eq(p->part[3], "v1"))
        return false;
    if (!str_eq(http_visit_method(v), "POST")) {
        http_visit_answer(v, 405, NULL, NULL, 0);
        return true;
    }
    r.kind = (enum fault_kind)kind;
    r.action = (enum fault_action)action;
    http_visit_add_header(v, "X-Rate-Limit-Limit", "0.20");
    if (tmds_take(&t->fault_limit, t, v))
        serve(t, v, &r, p->part[1]);
    else
        http_visit_answer(v, 429, HTTP_TYPE_TEXT, xstrdup(text), sizeof(text) - 1);
    return true;
}
