#include "harness/serve.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/docker.h"
#include "harness/exitcode.h"
#include "harness/peers.h"

/* A catalogue is read whole. */
#define IMAGES_FILE_MAX (4u << 20)

static const char usage[] =
    "usage: ecsim serve [options] [FAKE ...]\n"
    "\n"
    "Serves fakes until it is interrupted, and prints the environment that leads an\n"
    "agent or a client to them:\n"
    "    eval \"$(ecsim serve ... &)\"  will not end; use a file:\n"
    "    ecsim serve >env & ; set -a; . ./env; set +a; aws s3 ls --endpoint-url $ECSIM_S3_URL\n"
    "\n"
    "FAKE is one of: docker ecs acs tcs s3 imds aws credfetch cni. None: all.\n"
    "\n"
    "  --port FAKE=N        listen on this port instead of any that is free; docker: beside its\n"
    "                       socket\n"
    "  --address A          listen on this address instead of 127.0.0.1\n"
    "  --socket-dir DIR     where the Docker socket lies (default: a new folder)\n"
    "  --tls                answer https:// (SSL_CERT_FILE: the certificate, in --socket-dir)\n"
    "  --control FAKE:CMD:NAME[,key=value...]\n"
    "                       give a fake a command first, as a scenario's step would:\n"
    "                       docker:image:busybox:latest,run-for=5s  s3:bucket:config\n"
    "  --images FILE        what the registries hold, one a line: image NAME [OPTION=VALUE ...],\n"
    "                       registry HOST [OPTION=VALUE ...]; the options are those of the\n"
    "                       steps `image` and `docker registry`\n"
    "  --docker-version V   the version that the engine reports\n"
    "  --max-api V          the newest version of its API, such as 1.41\n"
    "  --min-api V          the oldest\n"
    "  --networks           containers that are processes have networks of their own, bridges and\n"
    "                       names, in the network namespace that this runs in (as root; of use\n"
    "                       with `unshare -n`, so that the machine's own stays as it is)\n"
    "  --cluster NAME       the cluster that exists (default: demo)\n"
    "  --region R           where all of it is (default: us-west-2)\n"
    "  --s3-dir DIR         keep buckets in this folder: they are there again the next time\n"
    "  --journal FILE       write everything that happens, one JSON object a line\n"
    "  --no-verify          take any signature\n"
    "  --seed N             seed of ids and random faults\n"
    "  --die-with-parent    end when the process that started this one ends\n"
    "  --help               this text\n";

struct serve {
    struct world w;
    struct peer_place place;
    char *own_dir; /* made by us, removed by us */
    const char *journal, *cluster, *region, *images, *s3_dir;
    const char *version, *max_api, *min_api; /* of the Docker engine */
    const char **ports;
    size_t n_ports, cap_ports;
    char **controls;
    size_t n_controls, cap_controls;
    uint64_t seed;
    uv_signal_t signals[3]; /* here and not on a stack: they are closed with the loop */
    bool no_verify, die_with_parent, networks, over;
};

static void on_signal(uv_signal_t *h, int signum)
{
    struct serve *s = h->data;

    (void)signum;
    s->over = true;
}

static int usage_error(struct err *e)
{
    fprintf(stderr, "ecsim serve: %s\nTry `ecsim serve --help`.\n", e->text);
    return EXITCODE_USAGE;
}

int serve_port(const char *const *ports, size_t n, const char *fake, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        const char *v = str_after(ports[i], fake);
        uint64_t port;

        if (!v || *v != '=')
            continue;
        if (str_u64(v + 1, 65535, &port) < 0)
            return err_set(e, ERR_USAGE, "--port %s: not a port", ports[i]);
        return (int)port;
    }
    return 0;
}

int serve_command(struct world *w, const char *text, struct err *e)
{
    _cleanup_json_ json_t *args = json_object(), *ret = NULL;
    char *copy = xstrdup(text), *colon = strchr(copy, ':'), *command, *name, *save = NULL;
    struct fake *f;
    int r = -1;

    command = colon ? colon + 1 : NULL;
    name = command ? strchr(command, ':') : NULL;
    if (!name) {
        err_set(e, ERR_USAGE, "--control %s: expected FAKE:COMMAND:NAME", text);
        goto out;
    }
    *colon = *name++ = '\0';
    f = world_find(w, copy);
    if (!f || !f->ops->control) {
        err_set(e, ERR_USAGE, "--control %s: fake %s is not served", text, copy);
        goto out;
    }
    json_put_str(args, "name", strtok_r(name, ",", &save));
    for (char *kv; (kv = strtok_r(NULL, ",", &save));) {
        char *eq = strchr(kv, '=');

        if (eq)
            *eq++ = '\0';
        json_put_str(args, kv, eq ? eq : "");
    }
    r = f->ops->control(f, command, args, &ret, e);
out:
    free(copy);
    return r;
}

int serve_s3_dir(struct world *w, const char *dir, struct err *e)
{
    struct fake *f = world_find(w, "s3");
    _cleanup_json_ json_t *args = json_object(), *ret = NULL;

    if (!f)
        return err_set(e, ERR_USAGE, "--s3-dir: fake s3 is not served");
    json_put_str(args, "name", dir);
    return f->ops->control(f, "folder", args, &ret, e) < 0 ? err_wrap(e, "--s3-dir %s", dir) : 0;
}

static struct fake *docker_served(const struct serve *s, const char *option, struct err *e)
{
    struct fake *f = world_find(&s->w, "docker");

    if (!f)
        err_set(e, ERR_USAGE, "%s: fake docker is not served", option);
    return f;
}

/* "image NAME option=value ..." or "registry HOST option=value ...". */
static int declare(struct fake *f, const char *line, struct err *e)
{
    char **words = str_argv(line);
    _cleanup_json_ json_t *args = json_object(), *ret = NULL;
    int r = -1;

    if (!words || !words[0] || !words[1] ||
        (!str_eq(words[0], "image") && !str_eq(words[0], "registry"))) {
        err_set(e, ERR_USAGE, "expected image NAME or registry HOST, and options");
        str_argv_free(words);
        return -1;
    }
    json_put_str(args, "name", words[1]);
    for (size_t i = 2; words[i]; i++) {
        char *eq = strchr(words[i], '=');

        if (eq)
            *eq++ = '\0';
        json_put_str(args, words[i], eq ? eq : "yes");
    }
    r = f->ops->control(f, words[0], args, &ret, e);
    str_argv_free(words);
    return r;
}

static int read_images(struct serve *s, struct err *e)
{
    struct buf b = BUF_INIT(IMAGES_FILE_MAX);
    struct fake *f = docker_served(s, "--images", e);
    char *line, *save = NULL;
    unsigned n = 0;
    int r = f ? io_read_file(s->images, &b, e) : -1;

    for (line = r < 0 ? NULL : buf_data(&b); line && r == 0; line = save) {
        n++;
        save = strchr(line, '\n');
        if (save)
            *save++ = '\0';
        line += strspn(line, " \t\r");
        if (*line && *line != '#' && declare(f, line, e) < 0)
            r = err_wrap(e, "%s:%u", s->images, n);
    }
    buf_release(&b);
    return r;
}

/* The engine's version, and what its registries hold. */
static int furnish_docker(struct serve *s, struct err *e)
{
    _cleanup_json_ json_t *args = json_object(), *ret = NULL;
    struct fake *f;

    json_put_str(args, "version", s->version);
    json_put_str(args, "api", s->max_api);
    json_put_str(args, "min", s->min_api);
    if (json_object_size(args)) {
        f = docker_served(s, "--docker-version, --max-api, --min-api", e);
        if (!f || f->ops->control(f, "version", args, &ret, e) < 0)
            return -1;
    }
    if (s->networks) {
        f = docker_served(s, "--networks", e);
        if (!f)
            return -1;
        docker_own_networks(f);
    }
    return s->images ? read_images(s, e) : 0;
}

static int open_world(struct serve *s, char **fakes, struct err *e)
{
    const char *const *all = peers_names();

    if (world_init(&s->w, s->seed, e) < 0)
        return -1;
    s->w.verify_signatures = !s->no_verify;
    s->w.journal.keep = false;
    if (s->region && world_set_region(&s->w, s->region, e) < 0)
        return -1;
    if (s->cluster) {
        free(s->w.id.cluster);
        s->w.id.cluster = xstrdup(s->cluster);
    }
    if (s->journal && journal_open(&s->w.journal, s->journal, e) < 0)
        return -1;
    if (s->no_verify) {
        fprintf(stderr, "ecsim serve: " SERVE_UNVERIFIED "\n");
        journal_note(&s->w.journal, "ecsim", SERVE_UNVERIFIED);
    }
    for (size_t i = 0; *fakes ? fakes[i] != NULL : all[i] != NULL; i++) {
        const char *name = *fakes ? fakes[i] : all[i];

        s->place.port = serve_port(s->ports, s->n_ports, name, e);
        if (s->place.port < 0 || peers_add(&s->w, name, &s->place, e) < 0)
            return -1;
    }
    if (furnish_docker(s, e) < 0 || (s->s3_dir && serve_s3_dir(&s->w, s->s3_dir, e) < 0))
        return -1;
    for (size_t i = 0; i < s->n_controls; i++)
        if (serve_command(&s->w, s->controls[i], e) < 0)
            return -1;
    return 0;
}

static int serve(struct serve *s, struct err *e)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct map env = {0};
    const char *key;
    void *value;

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        uv_signal_init(&s->w.loop.uv, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, signals[i]);
    }
    if (s->die_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    peers_environment(&s->w, &env);
    if (peers_certificate(&s->w, s->place.socket_dir, &env, e) < 0) {
        peers_environment_release(&env);
        return -1;
    }
    for (size_t i = 0; map_next(&env, &i, &key, &value);)
        printf("%s=%s\n", key, (char *)value);
    peers_environment_release(&env);
    printf("\n");
    fflush(stdout);
    while (!s->over)
        loop_turn(&s->w.loop, -1);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    return 0;
}

static bool flag_option(struct serve *s, int c)
{
    bool *at = c == 't'   ? &s->place.tls
               : c == 'n' ? &s->no_verify
               : c == 'N' ? &s->networks
               : c == 'P' ? &s->die_with_parent
                          : NULL;

    if (at)
        *at = true;
    return at != NULL;
}

static bool text_option(struct serve *s, int c, const char *value)
{
    const char **at = c == 'C'   ? &s->cluster
                      : c == 'r' ? &s->region
                      : c == 'i' ? &s->images
                      : c == 'V' ? &s->version
                      : c == 'M' ? &s->max_api
                      : c == 'm' ? &s->min_api
                      : c == 'S' ? &s->s3_dir
                                 : NULL;

    if (at)
        *at = value;
    return at != NULL;
}

static int parse(struct serve *s, int argc, char **argv, struct err *e)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"address", required_argument, NULL, 'a'},
        {"socket-dir", required_argument, NULL, 'd'},
        {"tls", no_argument, NULL, 't'},
        {"control", required_argument, NULL, 'c'},
        {"cluster", required_argument, NULL, 'C'},
        {"region", required_argument, NULL, 'r'},
        {"images", required_argument, NULL, 'i'},
        {"docker-version", required_argument, NULL, 'V'},
        {"max-api", required_argument, NULL, 'M'},
        {"min-api", required_argument, NULL, 'm'},
        {"s3-dir", required_argument, NULL, 'S'},
        {"journal", required_argument, NULL, 'j'},
        {"networks", no_argument, NULL, 'N'},
        {"no-verify", no_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"die-with-parent", no_argument, NULL, 'P'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
        switch (c) {
        case 'p':
            grow_array(s->ports, s->n_ports, s->cap_ports);
            s->ports[s->n_ports++] = optarg;
            break;
        case 'a':
            s->place.address = optarg;
            break;
        case 'd':
            s->place.socket_dir = optarg;
            break;
        case 'c':
            grow_array(s->controls, s->n_controls, s->cap_controls);
            s->controls[s->n_controls++] = optarg;
            break;
        case 'j':
            s->journal = optarg;
            break;
        case 's':
            if (str_u64(optarg, UINT64_MAX, &s->seed) < 0)
                return err_set(e, ERR_USAGE, "--seed %s: not a number", optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            return 1;
        default:
            if (!flag_option(s, c) && !text_option(s, c, optarg))
                return err_set(e, ERR_USAGE, "unknown option");
        }
    for (int i = optind; i < argc; i++)
        if (!peers_ops(argv[i]))
            return err_set(e, ERR_USAGE, "there is no fake called \"%s\"", argv[i]);
    return 0;
}

static int make_dir(struct serve *s, struct err *e)
{
    const char *tmp = getenv("TMPDIR");

    if (s->place.socket_dir)
        return io_mkdirs(s->place.socket_dir, 0700, e);
    s->own_dir = xasprintf("%s/ecsim-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(s->own_dir))
        return err_set(e, ERR_SYS, "no folder could be made for the Docker socket");
    s->place.socket_dir = s->own_dir;
    return 0;
}

int cmd_serve(int argc, char **argv)
{
    struct serve *s = new0(struct serve);
    struct err e = ERR_INIT;
    int r = parse(s, argc, argv, &e), code = EXITCODE_PASSED;

    signal(SIGPIPE, SIG_IGN);
    if (r < 0) {
        code = usage_error(&e);
    } else if (r == 0) {
        if (make_dir(s, &e) < 0 || open_world(s, argv + optind, &e) < 0 || serve(s, &e) < 0) {
            fprintf(stderr, "ecsim serve: %s\n", e.text);
            code = e.code == ERR_USAGE ? EXITCODE_USAGE : EXITCODE_HARNESS;
        }
        world_release(&s->w);
        if (s->own_dir)
            io_remove_tree(s->own_dir, NULL);
    }
    free(s->own_dir);
    free(s->ports);
    free(s->controls);
    free(s);
    return code;
}
