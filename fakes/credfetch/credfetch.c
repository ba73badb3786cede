#include "fakes/credfetch/credfetch.h"

#include <credentialsfetcher.pb-c.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/conn.h"
#include "fakes/credfetch/grpc.h"
#include "fakes/credfetch/methods.h"

#define SERVICE "/credentialsfetcher.CredentialsFetcherService/"
#define TYPE    "application/grpc"

/* Never in a journal. */
static const char *const hidden[] = {"password", "secret_access_key", "session_token", NULL};

/* ---- who is in the domain ---- */

static void user_free(struct credfetch_user *u)
{
    if (!u)
        return;
    if (u->password)
        explicit_bzero(u->password, strlen(u->password));
    free(u->password);
    free(u->domain);
    free(u);
}

static void forget_domain(struct credfetch *c)
{
    void *v;

    for (size_t i = 0; map_next(&c->users, &i, NULL, &v);)
        user_free(v);
    map_release(&c->users);
    map_release(&c->accounts);
    c->joined = true;
}

static int add_user(struct credfetch *c, const char *name, const json_t *args)
{
    struct credfetch_user *u = new0(struct credfetch_user);

    u->password = xstrdup(json_str(args, "password"));
    u->domain = xstrdup(json_str(args, "domain"));
    if (u->password)
        journal_secret(fake_journal(&c->fake), u->password);
    user_free(map_set(&c->users, name, u));
    return 0;
}

static int set_joined(struct credfetch *c, const char *name, struct err *e)
{
    if (!str_eq(name, "yes") && !str_eq(name, "no"))
        return err_set(e, ERR_USAGE, "credfetch: joined is yes or no, not %s", name);
    journal_state(fake_journal(&c->fake), c->fake.ops->name, "joined", c->joined ? "yes" : "no",
                  name);
    c->joined = str_eq(name, "yes");
    return 0;
}

static int set_leases(struct credfetch *c, const char *name, struct err *e)
{
    if (!str_eq(name, "usual") && !str_eq(name, "empty"))
        return err_set(e, ERR_USAGE, "credfetch: leases are usual or empty, not %s", name);
    c->empty_leases = str_eq(name, "empty");
    return 0;
}

/* ---- it ends, and is back ---- */

static const char *socket_path(const struct credfetch *c)
{
    struct list *pos;
    const char *path = NULL;

    list_for_each (pos, &c->fake.listeners)
        path = container_of(pos, struct listener, link)->path;
    return path;
}

static void drop_stale(struct credfetch *c)
{
    if (c->stale < 0)
        return;
    close(c->stale);
    unlink(socket_path(c));
    c->stale = -1;
}

/* Bound and not listening: there for stat(), and nobody answers. */
static int leave_socket(struct credfetch *c, struct err *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    const char *path = socket_path(c);

    if (!path)
        return err_set(e, ERR_USAGE, "credfetch: it has no unix socket");
    c->stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    if (c->stale < 0 || bind(c->stale, (struct sockaddr *)&sa, sizeof(sa)) < 0)
        return err_sys(e, errno, "%s", path);
    return 0;
}

static int go_down(struct credfetch *c, const json_t *args, struct err *e)
{
    const char *socket = json_str(args, "socket");

    if (socket && !str_eq(socket, "stays") && !str_eq(socket, "goes"))
        return err_set(e, ERR_USAGE, "credfetch: socket is stays or goes, not %s", socket);
    fake_down(&c->fake);
    return str_eq(socket, "stays") ? leave_socket(c, e) : 0;
}

static int go_up(struct credfetch *c, struct err *e)
{
    drop_stale(c);
    return fake_up(&c->fake, e);
}

static int control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                   struct err *e)
{
    static const char *const commands[] = {"account", "user", "joined", "leases", "down", "up"};
    struct credfetch *c = (struct credfetch *)f;
    const char *name, *near;

    (void)ret;
    if (str_eq(command, "down"))
        return go_down(c, args, e);
    if (str_eq(command, "up"))
        return go_up(c, e);
    near = str_nearest(command, commands, ARRAY_SIZE(commands));
    if (!str_eq(near, command))
        return err_set(e, ERR_USAGE, "credfetch: no command '%s'%s%s", command,
                       near ? "; did you mean " : "", near ? near : "");
    if (json_need_str(args, "name", &name, e) < 0)
        return -1;
    if (str_eq(command, "account"))
        return map_set(&c->accounts, name, c), 0;
    if (str_eq(command, "leases"))
        return set_leases(c, name, e);
    return str_eq(command, "user") ? add_user(c, name, args) : set_joined(c, name, e);
}

/* ---- calls ---- */

static const struct credfetch_method *find_method(const struct exchange *x)
{
    const char *name = str_after(x->raw_path, SERVICE);

    for (const struct credfetch_method *m = credfetch_methods; name && m->name; m++)
        if (str_eq(m->name, name))
            return m;
    return NULL;
}

static void free_message(void *m)
{
    protobuf_c_message_free_unpacked(m, NULL);
}

static const ProtobufCMessageDescriptor *request_type(const char *method)
{
    return protobuf_c_service_descriptor_get_method_by_name(
               &credentialsfetcher__credentials_fetcher_service__descriptor, method)
        ->input;
}

/* A message that can be read is journaled as JSON; one that cannot, as it came. */
static void classify(struct fake *f, struct exchange *x)
{
    const struct credfetch_method *m = find_method(x);
    enum grpc_status status;
    struct err e = ERR_INIT;
    json_t *shown;

    (void)f;
    x->what = m ? xstrdup(m->name) : NULL;
    x->group = m ? m->group : NULL;
    if (!m)
        return;
    x->data = grpc_read(request_type(m->name), buf_str(&x->body), buf_len(&x->body), &status, &e);
    if (!x->data)
        return;
    x->free_data = free_message;
    shown = grpc_json(x->data, hidden);
    buf_clear(&x->body);
    json_write(&x->body, shown);
    json_decref(shown);
}

static void handle(struct fake *f, struct exchange *x)
{
    const struct credfetch_method *m = find_method(x);
    const char *type = exchange_header(x, "content-type");
    enum grpc_status status = GRPC_INTERNAL;
    struct err e = ERR_INIT;

    if (!str_eq(x->method, "POST") || !type || !str_starts(type, TYPE)) {
        exchange_answer(x, 415, NULL, NULL, 0);
    } else if (!m) {
        grpc_refuse(x, GRPC_UNIMPLEMENTED, "");
    } else if (!x->data) {
        grpc_read(request_type(m->name), buf_str(&x->body), buf_len(&x->body), &status, &e);
        grpc_refuse(x, status, e.text);
    } else {
        m->handle((struct credfetch *)f, x, x->data);
    }
}

/* status: of HTTP, as from somebody who stands between. type: a status of gRPC by its name. */
static void refuse(struct fake *f, struct exchange *x, int status, const char *type,
                   const char *message)
{
    int code = type ? grpc_status_from(type) : -1;

    (void)f;
    if (type)
        grpc_refuse(x, code < 0 ? GRPC_UNKNOWN : (enum grpc_status)code, message ? message : type);
    else
        exchange_answer_text(x, status ? status : 503, "text/plain", message ? message : "");
}

/* ---- life ---- */

static int init(struct fake *f, struct err *e)
{
    struct credfetch *c = (struct credfetch *)f;

    (void)e;
    leases_init(&c->leases, CREDFETCH_KRB_DIR, false);
    c->joined = true;
    c->empty_leases = false;
    c->stale = -1;
    return 0;
}

static void reset(struct fake *f)
{
    struct credfetch *c = (struct credfetch *)f;

    leases_clear(&c->leases);
    forget_domain(c);
}

static void release(struct fake *f)
{
    struct credfetch *c = (struct credfetch *)f;

    if (c->stale >= 0)
        close(c->stale);
    leases_release(&c->leases);
    forget_domain(c);
}

static void pending(struct fake *f, struct buf *out)
{
    const struct credfetch *c = (const struct credfetch *)f;
    struct list *pos;

    list_for_each (pos, &c->leases.all)
        buf_addf(out, "credfetch: lease %s is held\n", container_of(pos, struct lease, link)->id);
}

const char *credfetch_method_name(size_t i)
{
    size_t n = 0;

    while (n < i && credfetch_methods[n].name)
        n++;
    return credfetch_methods[n].name;
}

void credfetch_set_dir(struct fake *f, const char *dir)
{
    struct credfetch *c = (struct credfetch *)f;

    leases_release(&c->leases);
    leases_init(&c->leases, dir, true);
}

static const char *const groups[] = {"lease", "renew", "delete", "health", "arn", NULL};

const struct fake_ops credfetch_ops = {
    .name = "credfetch",
    .doc = "credentials-fetcher: Kerberos tickets of gMSA on Linux, gRPC on a unix socket",
    .size = sizeof(struct credfetch),
    .http2 = true,
    .init = init,
    .reset = reset,
    .release = release,
    .classify = classify,
    .handle = handle,
    .refuse = refuse,
    .control = control,
    .pending = pending,
    .groups = groups,
};
