#include "harness/cni/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/cni/cni.h"

#define TEXT_MAX (1u << 20) /* of a configuration, and of an answer */

extern char **environ;

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool cni_plugin_named(const char *argv0)
{
    const char *const *names = cni_plugins();

    for (size_t i = 0; argv0 && names[i]; i++)
        if (str_eq(names[i], base_of(argv0)))
            return true;
    return false;
}

/* --- the question ------------------------------------------------------------------------ */

static int read_all(int fd, struct buf *b, struct err *e)
{
    char chunk[16384];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, errno, "read");
        if (buf_add(b, chunk, (size_t)n) < 0)
            return err_set(e, ERR_LIMIT, "more than %u bytes", TEXT_MAX);
    }
    return 0;
}

static bool is_shown(const char *variable)
{
    return str_starts(variable, "CNI_") || str_starts(variable, "ECS_CNI_") ||
           str_starts(variable, "VPC_CNI_");
}

/* What the agent said: its environment, and its configuration as it is when that is no JSON. */
static json_t *given(struct err *e)
{
    _cleanup_buf_ struct buf in = BUF_INIT(TEXT_MAX);
    json_t *o = json_object(), *env = json_object(), *config;

    json_put(o, "env", env);
    for (char **v = environ; *v; v++) {
        const char *equals = strchr(*v, '=');
        _cleanup_free_ char *name = equals ? xstrndup(*v, (size_t)(equals - *v)) : NULL;

        if (name && is_shown(name))
            json_put_str(env, name, equals + 1);
    }
    if (read_all(STDIN_FILENO, &in, e) < 0) {
        json_decref(o);
        return NULL;
    }
    config = json_read(buf_str(&in), buf_len(&in), JSON_READ_PEER, NULL);
    json_put(o, "config", config ? config : json_stringn(buf_str(&in), buf_len(&in)));
    return o;
}

static int request(struct buf *out, int argc, char **argv, struct err *e)
{
    const char *plugin = base_of(argv[0]), *command = getenv("CNI_COMMAND");
    _cleanup_json_ json_t *body = NULL;
    _cleanup_free_ char *text = NULL;

    if (argc > 1) {
        buf_addf(out, "GET /%s/%s HTTP/1.1\r\nHost: cni\r\nConnection: close\r\n\r\n", plugin,
                 argv[1] + strspn(argv[1], "-"));
        return 0;
    }
    body = given(e);
    if (!body)
        return -1;
    text = json_text(body);
    buf_addf(out,
             "POST /%s/%s HTTP/1.1\r\nHost: cni\r\nConnection: close\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             plugin, command ? command : "", strlen(text));
    return buf_adds(out, text) < 0 ? err_set(e, ERR_LIMIT, "the configuration is too long") : 0;
}

static int call(const char *plugin_path, int argc, char **argv, struct buf *answer, struct err *e)
{
    _cleanup_buf_ struct buf out = BUF_INIT(2 * TEXT_MAX);
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof(a.sun_path), "%.*s%s",
                     (int)(base_of(plugin_path) - plugin_path), plugin_path, CNI_SOCKET);

    if (fd < 0 || n < 0 || (size_t)n >= sizeof(a.sun_path))
        return err_set(e, ERR_SYS, "there is no way to the fake");
    if (request(&out, argc, argv, e) < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
        return err_sys(e, errno, "%s", a.sun_path);
    if (io_write_all(fd, buf_str(&out), buf_len(&out), e) < 0)
        return -1;
    return read_all(fd, answer, e);
}

int cni_plugin_main(int argc, char **argv)
{
    _cleanup_buf_ struct buf answer = BUF_INIT(TEXT_MAX);
    struct err e = ERR_INIT;
    const char *body;

    if (call(argv[0], argc, argv, &answer, &e) < 0) {
        fprintf(stderr, "%s: %s\n", base_of(argv[0]), e.text);
        return 1;
    }
    body = strstr(buf_str(&answer), "\r\n\r\n");
    if (body)
        fputs(body + 4, stdout);
    return body && str_starts(buf_str(&answer), "HTTP/1.1 2") ? 0 : 1;
}
