#include "agent/init/host.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define ROUTE_LOCALNET "/proc/sys/net/ipv4/conf/%s/route_localnet"

struct rule {
    const char *table, *chain, *words; /* %s: the bridge */
    const char *unless;                /* a variable that turns it off */
    bool insert, bridge;
};

static const struct rule rules[] = {
    {"nat", "PREROUTING",
     "-p tcp -d 169.254.170.2 --dport 80 -j DNAT --to-destination 127.0.0.1:51679", NULL, false,
     false},
    {"filter", "INPUT",
     "--dst 127.0.0.0/8 ! --src 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j "
     "DROP",
     "ECS_SKIP_LOCALHOST_TRAFFIC_FILTER", true, false},
    {"filter", "INPUT", "-p tcp --dport 51678 ! -i lo -j DROP",
     "ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS", true, false},
    /* inserted after, so it comes before */
    {"filter", "INPUT", "-p tcp --dport 51678 -i %s -j ACCEPT",
     "ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS", true, true},
    {"nat", "OUTPUT", "-p tcp -d 169.254.170.2 --dport 80 -j REDIRECT --to-ports 51679", NULL,
     false, false},
};

int host_folders(struct init *in, struct err *e)
{
    static const char *const folders[] = {INIT_DATA, INIT_LOG, INIT_CACHE};

    (void)in;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (io_mkdirs(folders[i], 0755, e) < 0)
            return -1;
    return 0;
}

/* 0, or the exit status of iptables; -1: it could not be started. What it prints is discarded: it
 * is asked, for one, whether a rule is there. */
static int iptables(const struct rule *r, const char *how, const char *bridge)
{
    _cleanup_free_ char *line = NULL,
                        *where = xasprintf("iptables -w 5 -t %s %s %s", r->table, how, r->chain);
    _cleanup_free_ char *words =
        r->bridge ? xasprintf("-p tcp --dport 51678 -i %s -j ACCEPT", bridge) : xstrdup(r->words);
    char **argv;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int k, status;

    line = xasprintf("%s %s", where, words);
    argv = str_argv(line);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    k = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    str_argv_free(argv);
    if (k)
        return -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int write_localnet(const char *value)
{
    _cleanup_free_ char *path = xasprintf(ROUTE_LOCALNET, "all");
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd < 0 ? -1 : io_write_all(fd, value, strlen(value), NULL);
}

static bool wanted(const struct init *in, const struct rule *r, const char *bridge)
{
    return !(r->unless && init_env_true(in, r->unless)) && !(r->bridge && !*bridge);
}

void host_rules_add(struct init *in, const char *bridge)
{
    if (geteuid() != 0) {
        log_event(&in->log, LOG_WARN,
                  "Not root: 169.254.170.2 leads nowhere, tasks get no credentials", NULL);
        return;
    }
    if (write_localnet("1\n") < 0)
        log_event(&in->log, LOG_WARN,
                  "route_localnet cannot be set: containers with an address of their own do not "
                  "reach 169.254.170.2",
                  "error", strerror(errno), NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        const struct rule *r = &rules[i];
        int k;

        /* one that is there already is not added twice: pre-start may run again without post-stop
         */
        if (!wanted(in, r, bridge) || (k = iptables(r, "-C", bridge)) == 0)
            continue;
        if (k > 0)
            k = iptables(r, r->insert ? "-I" : "-A", bridge);
        if (k)
            log_event(&in->log, LOG_WARN,
                      k < 0 ? "iptables cannot be started: a rule is not made"
                            : "iptables refuses a rule",
                      "table", r->table, "chain", r->chain, "rule", r->words, NULL);
    }
}

void host_rules_remove(struct init *in, const char *bridge)
{
    _cleanup_free_ char *path = xasprintf(ROUTE_LOCALNET, "default");
    _cleanup_buf_ struct buf value = BUF_INIT(64);

    if (geteuid() != 0)
        return;
    if (io_read_file(path, &value, NULL) == 0 && write_localnet(buf_str(&value)) < 0)
        log_event(&in->log, LOG_WARN, "route_localnet cannot be restored", "error", strerror(errno),
                  NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (wanted(in, &rules[i], bridge) && iptables(&rules[i], "-C", bridge) == 0)
            iptables(&rules[i], "-D", bridge);
}
