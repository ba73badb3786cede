#include "harness/up.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/exitcode.h"
#include "harness/serve.h"
#include "harness/up_engine.h"
#include "harness/up_parse.h"
#include "harness/up_world.h"

#define EXPORTS_MAX (64 << 10)
/* How long `down` waits before it takes a bigger hammer. */
#define DOWN_LIMIT_MS 20000

static const char up_usage[] =
    "usage: ecsim up [options]\n"
    "\n"
    "Starts an ECS control plane with everything around it (S3, the instance metadata\n"
    "service, a Docker engine) on this machine and prints the exports that lead the AWS\n"
    "CLI, and any agent, to it:\n"
    "    eval \"$(ecsim up --detach --env --agent build/ecsim-agent)\"\n"
    "    aws ecs list-container-instances\n"
    "    ecsim down\n"
    "Without --detach it serves until Ctrl-C, which leaves nothing behind.\n"
    "\n"
    "  --detach         go on in the background; returns when everything listens, and\n"
    "                   the agent is connected\n"
    "  --env            print the exports and nothing else\n"
    "  --agent CMD      start this agent too, and again when it ends\n"
    "  --docker URL     the engine for the agent, as unix:///var/run/docker.sock, instead of\n"
    "                   the fake one; the containers of its tasks are removed at the end\n"
    "  --image NAME[,option=value...]\n"
    "                   an image the fake engine can pull, and how its containers behave\n"
    "                   (run-for=5s, exit=1 ...); busybox, alpine, nginx, httpd, redis and\n"
    "                   hello-world are there\n"
    "  --s3-dir DIR     keep buckets in this folder (DIR/bucket/key): they are there again the\n"
    "                   next time, and so is what you put there; without it S3 forgets\n"
    "  --cluster NAME   the cluster that exists (default: default)\n"
    "  --region R       where all of it is (default: us-west-2)\n"
    "  --name NAME      of this world, when there are several (default: default)\n"
    "  --port FAKE=N    listen on this port instead of any that is free; docker: beside its\n"
    "                   socket\n"
    "  --address A      listen on this address instead of 127.0.0.1\n"
    "  --tls            answer https:// with a certificate made now (AWS_CA_BUNDLE is set)\n"
    "  --no-verify      take any signature\n"
    "  --control FAKE:CMD:NAME[,key=value...]   give a fake a command first\n"
    "  --seed N         seed of ids\n"
    "  --help           this text\n";

struct up {
    struct up_options o;
    bool detach, env;
    const char **images;
    size_t n_images, cap_images, cap_controls, cap_ports;
    char **made; /* controls that were made of images */
};

static int fail(const char *command, const struct err *e)
{
    fprintf(stderr, "ecsim %s: %s\n", command, e->text);
    if (e->code == ERR_USAGE)
        fprintf(stderr, "Try `ecsim %s --help`.\n", command);
    return e->code == ERR_USAGE      ? EXITCODE_USAGE
           : e->code == ERR_CONFLICT ? EXITCODE_FAILED
                                     : EXITCODE_HARNESS;
}

/* --- up -------------------------------------------------------------------------------- */

static int take_option(struct up *u, int c, struct err *e)
{
    switch (c) {
    case 'd':
        u->detach = true;
        break;
    case 'e':
        u->env = true;
        break;
    case 'a':
        u->o.agent = optarg;
        break;
    case 'D':
        u->o.docker = optarg;
        break;
    case 'i':
        grow_array(u->images, u->n_images, u->cap_images);
        u->images[u->n_images++] = optarg;
        break;
    case 'c':
        u->o.cluster = optarg;
        break;
    case 'r':
        u->o.region = optarg;
        break;
    case 'n':
        u->o.name = optarg;
        break;
    case 'p':
        grow_array(u->o.ports, u->o.n_ports, u->cap_ports);
        u->o.ports[u->o.n_ports++] = optarg;
        break;
    case 'S':
        u->o.s3_dir = optarg;
        break;
    case 'A':
        u->o.address = optarg;
        break;
    case 't':
        u->o.tls = true;
        break;
    case 'v':
        u->o.no_verify = true;
        break;
    case 'C':
        grow_array(u->o.controls, u->o.n_controls, u->cap_controls);
        u->o.controls[u->o.n_controls++] = optarg;
        break;
    case 's':
        if (str_u64(optarg, UINT64_MAX, &u->o.seed) < 0)
            return err_set(e, ERR_USAGE, "--seed %s: not a number", optarg);
        break;
    case 'h':
        fputs(up_usage, stdout);
        return 1;
    default:
        return err_set(e, ERR_USAGE, "unknown option");
    }
    return 0;
}

static int parse_up(struct up *u, int argc, char **argv, struct err *e)
{
    static const struct option options[] = {
        {"detach", no_argument, NULL, 'd'},
        {"env", no_argument, NULL, 'e'},
        {"agent", required_argument, NULL, 'a'},
        {"docker", required_argument, NULL, 'D'},
        {"image", required_argument, NULL, 'i'},
        {"cluster", required_argument, NULL, 'c'},
        {"name", required_argument, NULL, 'n'},
        {"port", required_argument, NULL, 'p'},
        {"s3-dir", required_argument, NULL, 'S'},
        {"address", required_argument, NULL, 'A'},
        {"tls", no_argument, NULL, 't'},
        {"no-verify", no_argument, NULL, 'v'},
        {"control", required_argument, NULL, 'C'},
        {"seed", required_argument, NULL, 's'},
        {"region", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c, r;

    io_random(&u->o.seed, sizeof(u->o.seed));
    u->o.name = UP_NAME;
    optind = 1;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        r = take_option(u, c, e);
        if (r)
            return r;
    }
    if (optind < argc)
        return err_set(e, ERR_USAGE, "what is \"%s\"?", argv[optind]);
    if (u->o.docker && u->n_images)
        return err_set(e, ERR_USAGE, "--image is for the fake engine, and there is --docker");
    if (u->o.docker && !u->o.agent)
        return err_set(e, ERR_USAGE, "--docker is for an agent: give --agent CMD too");
    if (u->o.docker && !up_engine_is_url(u->o.docker))
        return err_set(e, ERR_USAGE, "--docker %s: unix:///PATH or tcp://HOST:PORT", u->o.docker);
    u->made = new0_array(char *, u->n_images + 1);
    for (size_t i = 0; i < u->n_images; i++) {
        u->made[i] = xasprintf("docker:image:%s", u->images[i]);
        grow_array(u->o.controls, u->o.n_controls, u->cap_controls);
        u->o.controls[u->o.n_controls++] = u->made[i];
    }
    return 0;
}

static void explain(const struct up *u, const struct up_dir *d)
{
    if (u->o.no_verify)
        fprintf(stderr, "ecsim up: " SERVE_UNVERIFIED "\n");
    if (u->env)
        return;
    fprintf(stderr,
            "\n# The AWS CLI is led to it by the lines above: eval them, or\n"
            "#   . %s/env\n"
            "# ecsim logs -f shows what happens; %s ends it.\n",
            d->path, u->detach ? "ecsim down" : "Ctrl-C");
}

/* Serves. out: where the exports go when everything listens, or a line that says why not. */
static int serve(const struct up *u, struct up_dir *d, int out, struct err *e)
{
    struct up_world *w = new0(struct up_world);
    struct buf exports = BUF_INIT(EXPORTS_MAX);
    int r = up_world_open(w, &u->o, d, e);

    if (r == 0)
        r = up_world_await_agent(w, e);
    if (r == 0) {
        up_world_exports(w, &exports);
        r = io_write_all(out, buf_str(&exports), buf_len(&exports), e);
        buf_release(&exports);
        if (u->detach)
            close(out);
        else
            explain(u, d);
        up_world_serve(w);
    }
    up_world_close(w);
    free(w);
    return r;
}

/* The child's part: on its own, with nothing open but its log. */
static void serve_detached(const struct up *u, struct up_dir *d, int out)
{
    _cleanup_free_ char *log = up_dir_file(d, "up.log");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct err e = ERR_INIT;
    char pid[24];

    setsid();
    if (null < 0 || fd < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        err_sys(&e, errno, "%s", log);
    snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (!e.code && (ftruncate(d->lock, 0) < 0 || pwrite(d->lock, pid, strlen(pid), 0) < 0))
        err_sys(&e, errno, "%s.lock", d->path);
    if (!e.code)
        serve(u, d, out, &e);
    if (e.code)
        dprintf(out, "!%s\n", e.text);
    up_dir_remove(d);
}

/* Prints what the child says until it closes its end. */
static int hear(const struct up *u, const struct up_dir *d, int in)
{
    struct buf b = BUF_INIT(EXPORTS_MAX);
    char part[4096];
    ssize_t n;
    int r = EXITCODE_PASSED;

    while ((n = read(in, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            buf_add(&b, part, (size_t)n);
    if (*buf_str(&b) == '!' || !buf_len(&b)) {
        fprintf(stderr, "ecsim up: %s", buf_len(&b) ? buf_str(&b) + 1 : "it ended at once\n");
        r = EXITCODE_HARNESS;
    } else {
        fputs(buf_str(&b), stdout);
        explain(u, d);
    }
    buf_release(&b);
    return r;
}

static int up_detached(const struct up *u, struct up_dir *d)
{
    struct err e = ERR_INIT;
    int ends[2], r;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        err_sys(&e, errno, "the background process could not be made");
        up_dir_remove(d);
        return fail("up", &e);
    }
    if (pid == 0) {
        close(ends[0]);
        serve_detached(u, d, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    r = hear(u, d, ends[0]);
    close(ends[0]);
    return r;
}

int cmd_up(int argc, char **argv)
{
    struct up *u = new0(struct up);
    struct err e = ERR_INIT;
    struct up_dir d = {.lock = -1};
    int r = parse_up(u, argc, argv, &e), code = EXITCODE_PASSED;

    signal(SIGPIPE, SIG_IGN);
    if (r < 0 || (r == 0 && up_dir_init(&d, u->o.name, &e) < 0)) {
        code = fail("up", &e);
    } else if (r == 0 && up_dir_hold(&d, &e) < 0) {
        code = fail("up", &e);
    } else if (r == 0 && u->detach) {
        code = up_detached(u, &d);
    } else if (r == 0) {
        if (serve(u, &d, STDOUT_FILENO, &e) < 0)
            code = fail("up", &e);
        up_dir_remove(&d);
    }
    up_dir_release(&d);
    for (size_t i = 0; u->made && u->made[i]; i++)
        free(u->made[i]);
    free(u->made);
    free(u->images);
    free(u->o.controls);
    free(u->o.ports);
    free(u);
    return code;
}

/* --- down ------------------------------------------------------------------------------ */

/* Ends the process and waits for it: SIGTERM, and SIGKILL when that does not help. */
static int end_process(pid_t pid, struct err *e)
{
    int fd = pidfd_open(pid, 0), r;
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (fd < 0)
        return err_sys(e, errno, "process %d", (int)pid);
    if (pidfd_send_signal(fd, SIGTERM, NULL, 0) < 0) {
        r = err_sys(e, errno, "process %d", (int)pid);
        close(fd);
        return r;
    }
    r = poll(&p, 1, DOWN_LIMIT_MS);
    if (r == 0) {
        pidfd_send_signal(fd, SIGKILL, NULL, 0);
        r = poll(&p, 1, DOWN_LIMIT_MS);
    }
    close(fd);
    return r > 0 ? 0 : err_set(e, ERR_TIMEOUT, "process %d does not end", (int)pid);
}

static const char down_usage[] = "usage: ecsim down [--name NAME]\n\n"
                                 "Ends what `ecsim up` started, and the agent beside it.\n";

int cmd_down(int argc, char **argv)
{
    static const struct option options[] = {
        {"name", required_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct up_dir d = {.lock = -1};
    struct err e = ERR_INIT;
    const char *name;
    unsigned flags;
    int r = up_parse_name(argc, argv, down_usage, options, "h", &name, &flags, &e);
    pid_t pid;

    if (r == 0) {
        r = up_dir_init(&d, name, &e);
        pid = r == 0 ? up_dir_holder(&d) : -1;
        if (r == 0 && pid < 0)
            r = err_set(&e, ERR_CONFLICT, "nothing runs under the name %s", name);
        else if (r == 0)
            r = end_process(pid, &e);
    }
    up_dir_release(&d);
    return r < 0 ? fail("down", &e) : EXITCODE_PASSED;
}

/* --- status ---------------------------------------------------------------------------- */

static const char status_usage[] = "usage: ecsim status\n\n"
                                   "Lists what `ecsim up` started and where it listens. Exit "
                                   "code 1 when there is nothing.\n";

static void show_status(const char *name)
{
    static const char *const shown[] = {"ECS_CLUSTER", "ECSIM_ECS_URL", "ECSIM_S3_URL",
                                        "ECSIM_IMDS_URL", "DOCKER_HOST"};
    struct up_dir d = {.lock = -1};
    _cleanup_free_ char *path = NULL;
    struct buf env = BUF_INIT(EXPORTS_MAX);

    if (up_dir_init(&d, name, NULL) < 0)
        return;
    path = up_dir_file(&d, "env");
    printf("%s: process %d, %s\n", name, (int)up_dir_holder(&d), d.path);
    if (io_read_file(path, &env, NULL) == 0)
        for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
            _cleanup_free_ char *mark = xasprintf("export %s='", shown[i]);
            const char *at = strstr(buf_str(&env), mark);

            if (at)
                printf("  %-16s %.*s\n", shown[i], (int)strcspn(at + strlen(mark), "'\n"),
                       at + strlen(mark));
        }
    buf_release(&env);
    up_dir_release(&d);
}

int cmd_status(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    struct up_dir d = {.lock = -1};
    struct err e = ERR_INIT;
    const char *name;
    unsigned flags;
    char **list;
    int r = up_parse_name(argc, argv, status_usage, options, "h", &name, &flags, &e);
    size_t n = 0;

    if (r < 0)
        return fail("status", &e);
    if (r > 0)
        return EXITCODE_PASSED;
    if (up_dir_init(&d, name, &e) < 0)
        return fail("status", &e);
    list = up_dir_list(&d);
    for (; list[n]; n++)
        show_status(list[n]);
    if (!n)
        printf("nothing runs\n");
    str_argv_free(list);
    up_dir_release(&d);
    return n ? EXITCODE_PASSED : EXITCODE_FAILED;
}
