#include "harness/peers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/cni/cni.h"
#include "fakes/credfetch/credfetch.h"
#include "fakes/docker/docker.h"
#include "fakes/ecs/acs.h"
#include "fakes/ecs/ecs.h"
#include "fakes/ecs/tcs.h"
#include "fakes/imds/imds.h"
#include "fakes/s3/s3.h"
#include "fakes/small/small.h"
#include "harness/cni/plugin.h"
#include "harness/sandbox/sandbox.h"

static const struct fake_ops *const all[] = {&docker_ops, &ecs_ops,       &acs_ops,
                                             &tcs_ops,    &s3_ops,        &imds_ops,
                                             &small_ops,  &credfetch_ops, &cni_ops};

static const char *const names[] = {"docker", "ecs", "acs",       "tcs", "s3",
                                    "imds",   "aws", "credfetch", "cni", NULL};

const char *const *peers_names(void)
{
    return names;
}

const struct fake_ops *peers_ops(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (str_eq(all[i]->name, name))
            return all[i];
    return NULL;
}

static bool wants_tls(const struct peer_place *place, const char *name)
{
    for (size_t i = 0; place->tls_names && place->tls_names[i]; i++)
        if (str_eq(place->tls_names[i], name))
            return true;
    return place->tls;
}

/* On its socket alone; in a sandbox that is where the real one is. Its folder for tickets as well:
 * they are mounted into containers. */
static int add_credfetch(struct fake *f, const struct peer_place *place, struct err *e)
{
    _cleanup_free_ char *dir =
        place->sandbox ? xstrdup(CREDFETCH_KRB_DIR) : xasprintf("%s/krbdir", place->socket_dir);
    _cleanup_free_ char *path = place->sandbox ? xstrdup(CREDFETCH_SOCKET)
                                               : xasprintf("%s/credfetch.sock", place->socket_dir);
    _cleanup_free_ char *above = xstrndup(path, (size_t)(strrchr(path, '/') - path));

    if (io_mkdirs(above, 0755, e) < 0)
        return -1;
    credfetch_set_dir(f, dir);
    return fake_listen_unix(f, path, e);
}

/* The plugins as programs, and the fake where they ask it. */
static int add_plugins(struct fake *f, const struct peer_place *place, struct err *e)
{
    _cleanup_free_ char *own = place->sandbox ? NULL : xasprintf("%s/cni", place->socket_dir);
    const char *dir = own ? own : SANDBOX_CNI_PLUGINS;
    _cleanup_free_ char *path = xasprintf("%s/" CNI_SOCKET, dir);
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

    if (n < 0)
        return err_sys(e, errno, "/proc/self/exe");
    program[n] = '\0';
    if (cni_folder_make(dir, program, place->sandbox ? SANDBOX_IMAGES : NULL, e) < 0)
        return -1;
    return fake_listen_unix(f, path, e);
}

static int add_one(struct world *w, const char *name, const struct peer_place *place, struct err *e)
{
    const struct fake_ops *ops = peers_ops(name);
    struct fake *f;
    char *path;
    int r;

    if (!ops)
        return err_set(e, ERR_USAGE, "there is no fake called \"%s\"", name);
    if (world_find(w, name))
        return 0;
    f = world_add(w, ops, e);
    if (!f)
        return -1;
    if (str_eq(name, "cni"))
        return add_plugins(f, place, e);
    if (str_eq(name, "docker") && place->socket_dir) {
        path = xasprintf("%s/docker.sock", place->socket_dir);
        r = fake_listen_unix(f, path, e);
        free(path);
        if (r == 0 && place->sandbox)
            r = fake_listen_unix(f, SANDBOX_DOCKER_SOCKET, e);
        if (r < 0 || !place->port)
            return r;
    }
    if (str_eq(name, "credfetch") && place->socket_dir)
        return add_credfetch(f, place, e);
    if (str_eq(name, "imds") && place->sandbox)
        return fake_listen_tcp(f, SANDBOX_IMDS_ADDRESS, SANDBOX_IMDS_PORT, false, e);
    return fake_listen_tcp(f, place->address ? place->address : "127.0.0.1", place->port,
                           wants_tls(place, name), e);
}

int peers_add(struct world *w, const char *name, const struct peer_place *place, struct err *e)
{
    static const char *const trio[] = {"ecs", "acs", "tcs"};
    bool plane = false;

    for (size_t i = 0; i < ARRAY_SIZE(trio); i++)
        plane = plane || str_eq(trio[i], name);
    if (!plane)
        return add_one(w, name, place, e);
    for (size_t i = 0; i < ARRAY_SIZE(trio); i++) {
        struct peer_place mine = *place;

        if (!str_eq(trio[i], name))
            mine.port = 0; /* a fixed port was meant for the one that was named */
        if (add_one(w, trio[i], &mine, e) < 0)
            return -1;
    }
    return 0;
}

/* RFC 5737: addresses that are surely nobody's would hang; a port that nobody may bind refuses. */
#define NOBODY "http://127.0.0.1:1"

static void put(struct map *env, const char *name, const char *value)
{
    if (value)
        free(map_set(env, name, xstrdup(value)));
}

static const char *url_of(const struct world *w, const char *name, const char *nobody)
{
    const struct fake *f = world_find(w, name);

    return f && f->url ? f->url : nobody;
}

void peers_environment(const struct world *w, struct map *env)
{
    static const char *const small[] = {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSM",
                                        "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_ECR",
                                        "AWS_ENDPOINT_URL_EC2"};

    put(env, "AWS_DEFAULT_REGION", w->id.region);
    put(env, "AWS_REGION", w->id.region);
    put(env, "AWS_ACCESS_KEY_ID", w->id.access_key);
    put(env, "AWS_SECRET_ACCESS_KEY", w->id.secret_key);
    put(env, "AWS_SESSION_TOKEN", w->id.session_token);
    put(env, "ECS_CLUSTER", w->id.cluster);
    put(env, "ECS_BACKEND_HOST", url_of(w, "ecs", NOBODY));
    /* containers of a fake need no control groups on this machine */
    put(env, "ECS_CGROUP_PATH", "/nonexistent/cgroup");
    put(env, "DOCKER_HOST", url_of(w, "docker", "unix:///nonexistent/docker.sock"));
    put(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT", url_of(w, "imds", NOBODY));
    put(env, "AWS_ENDPOINT_URL_S3", url_of(w, "s3", NOBODY));
    put(env, "AWS_ENDPOINT_URL_ECS", url_of(w, "ecs", NOBODY));
    for (size_t i = 0; i < ARRAY_SIZE(small); i++)
        put(env, small[i], url_of(w, "aws", NOBODY));
    /* ecs-init names the socket whether or not there is one */
    put(env, "CREDENTIALS_FETCHER_HOST_DIR",
        str_after(url_of(w, "credfetch", "unix:///nonexistent/credentials_fetcher.sock"),
                  "unix://"));
    put(env, "ECSIM_AWS_URL", url_of(w, "aws", NULL));
    put(env, "ECSIM_S3_URL", url_of(w, "s3", NULL));
    put(env, "ECSIM_IMDS_URL", url_of(w, "imds", NULL));
    put(env, "ECSIM_ECS_URL", url_of(w, "ecs", NULL));
    put(env, "ECSIM_ACS_URL", url_of(w, "acs", NULL));
    put(env, "ECSIM_TCS_URL", url_of(w, "tcs", NULL));
    if (world_find(w, "cni")) {
        const char *url = url_of(w, "cni", "/"), *path = str_after(url, "unix://");
        _cleanup_free_ char *dir =
            path ? xstrndup(path, (size_t)(strrchr(path, '/') - path)) : NULL;

        put(env, "ECS_CNI_PLUGINS_PATH", dir);
    }
    put(env, "ECSIM_DOCKER_URL", url_of(w, "docker", NULL));
}

int peers_certificate(const struct world *w, const char *dir, struct map *env, struct err *e)
{
    const char *pem = world_certificate(w);
    _cleanup_free_ char *path = NULL;

    if (!pem)
        return 0;
    path = xasprintf("%s/" PEERS_CERTIFICATE, dir);
    put(env, "SSL_CERT_FILE", path);
    put(env, "AWS_CA_BUNDLE", path);
    return io_write_file(path, pem, strlen(pem), 0644, e);
}

/* Ports of the real world can be had once for each address: each fake has one. */
static int listen_real(struct fake *f, const char *address, struct err *e)
{
    if (fake_listens(f, address))
        return 0;
    return fake_listen_tcp(f, address, 443, true, e) < 0
               ? -1
               : fake_listen_tcp(f, address, 80, false, e);
}

int peers_name(struct world *w, const char *fake, const char *name, struct err *e)
{
    _cleanup_free_ char *address = NULL;
    size_t i = 0;

    while (names[i] && !str_eq(names[i], fake))
        i++;
    address = xasprintf("127.0.0.%zu", 10 + i);
    if (listen_real(world_find(w, fake), address, e) < 0 || world_name(w, name, e) < 0)
        return -1;
    return sandbox_name(address, name, e);
}

void peers_environment_real(struct map *env)
{
    free(map_remove(env, "DOCKER_HOST"));
    free(map_remove(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT"));
    free(map_remove(env, "ECS_CNI_PLUGINS_PATH"));
}

void peers_environment_release(struct map *env)
{
    void *v;

    for (size_t i = 0; map_next(env, &i, NULL, &v);)
        free(v);
    map_release(env);
}
