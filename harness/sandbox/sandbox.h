/*
 * sandbox.h - a scenario's own piece of the machine.
 *
 * A process that is born by sandbox_fork() is pid 1 of its own pid namespace,
 * with mount, network, ipc and uts namespaces of its own, and a user namespace
 * when the caller may not make the others without one. sandbox_enter() then furnishes it:
 *
 *   network  only a loopback, with 127.0.0.1, 169.254.169.254 (IMDS) and
 *            169.254.170.2 (task metadata). What is sent to 169.254.170.2:80
 *            goes to port 51679, as ecs-init's rule in the OUTPUT chain has it; what comes
 *            from containers with a network of their own (PREROUTING) to 127.0.0.1:51679.
 *            Acknowledgements on the loopback are immediate, so that SIOCOUTQ
 *            is 0 as soon as the other side has the bytes.
 *   files    the machine's, but for what SANDBOX_FOLDERS lists, /run and
 *            /dev/shm: these are private. /etc/hosts and /etc/resolv.conf lead nowhere,
 *            but for what sandbox_name() adds.
 *            /proc shows the sandbox's processes. /sys has no cgroups.
 *
 * The private folders lie below the scenario's folder, where a person finds
 * them after a failure. Nothing has to be taken apart: when pid 1 ends,
 * however it ends, the kernel ends everything in the sandbox with it.
 *
 * Whether all this is possible is found out once, by doing it: sandbox_probe().
 */
#ifndef HARNESS_SANDBOX_SANDBOX_H
#define HARNESS_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define SANDBOX_IMDS_ADDRESS     "169.254.169.254"
#define SANDBOX_IMDS_PORT        80
#define SANDBOX_METADATA_ADDRESS "169.254.170.2"
#define SANDBOX_METADATA_PORT    80
#define SANDBOX_DOCKER_SOCKET    "/run/docker.sock"
/* The ports of every ECS agent: introspection, and task metadata. */
#define SANDBOX_INTROSPECTION_PORT 51678
#define SANDBOX_TASKS_PORT         51679

/* Where agents look for network plugins and for the archive of the pause image. */
#define SANDBOX_CNI_PLUGINS "/amazon-ecs-cni-plugins"
#define SANDBOX_IMAGES      "/images"
/* Where ecs-init shows them what lies below /var/lib/ecs/deps. */
#define SANDBOX_MANAGED "/managed-agents"

/* F(inside, below the scenario's folder): in an order in which each may be mounted on the one
 * before. ecs-init shows an agent /var/lib/ecs/data as /data and /var/log/ecs as /log. */
#define SANDBOX_FOLDERS(F)                                                                         \
    F("/etc/ecs", "box/etc/ecs")                                                                   \
    F("/var/lib/ecs", "box/var/lib/ecs")                                                           \
    F("/var/lib/ecs/data", "data")                                                                 \
    F("/var/log/ecs", "log")                                                                       \
    F("/var/cache/ecs", "box/var/cache/ecs")                                                       \
    F("/var/credentials-fetcher", "box/var/credentials-fetcher")                                   \
    F("/data", "data")                                                                             \
    F("/log", "log")                                                                               \
    F(SANDBOX_MANAGED, "box/var/lib/ecs/deps")                                                     \
    F(SANDBOX_CNI_PLUGINS, "box/cni")                                                              \
    F(SANDBOX_IMAGES, "box/images")

struct sandbox {
    bool user_ns;  /* made with a user namespace */
    bool redirect; /* the kernel redirects 169.254.170.2:80; else somebody has to (forward.h) */
    uid_t uid;     /* who we are outside */
    gid_t gid;
};

/* Makes a sandbox and leaves it again. -1 with a text that says what stands in the way:
 * "clone: Operation not permitted (user.max_user_namespaces is 0)". */
int sandbox_probe(struct sandbox *s, struct err *e);

/* As fork(): 0 in the child, which has to call sandbox_enter() next. -1: errno. */
pid_t sandbox_fork(const struct sandbox *s);

/*
 * In the child: furnishes the sandbox. dir: the scenario's folder, absolute. keep:
 * NULL-terminated paths that must stay visible, even below a folder that becomes private;
 * may be NULL. Sets s->redirect.
 */
int sandbox_enter(struct sandbox *s, const char *dir, const char *const *keep, struct err *e);

/*
 * Inside: an elastic network interface with this MAC address is plugged in as device `name`
 * (eni.c). -1 with ERR_USAGE when one of them is none.
 */
int sandbox_eni(const char *name, const char *mac, struct err *e);
/* The kernel says so once more of a device that is there. */
int sandbox_eni_tell(const char *name, struct err *e);

/* Inside: from now on the name leads to this address. */
int sandbox_name(const char *address, const char *name, struct err *e);

/* --- parts, for sandbox_enter() --------------------------------------------------------- */

/* The file system (mounts.c). */
int sandbox_mount(const struct sandbox *s, const char *dir, const char *const *keep, struct err *e);
/* The loopback and its addresses (net.c). */
int sandbox_net(struct err *e);
/* The rule that redirects (redirect.c). -1 where the kernel has no nftables. */
int sandbox_redirect(struct err *e);

#endif
