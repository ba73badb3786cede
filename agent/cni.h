/*
 * cni.h - the network plugins: programs that wire the network namespace of a task.
 *
 * This is the one place where a plugin is run: each by its path in ECS_CNI_PLUGINS_PATH, with
 * CNI's environment, its configuration on standard input, its result on standard output. What is
 * to be wired is said by task_network.h; who asks is engine_network.c, and app_network.c for
 * versions and capabilities.
 *
 * ADD runs the networks in their order and ends with the first that fails. DEL runs them in
 * reverse order, and goes on after a failure. Both calls back exactly once, never from inside of
 * the call that started it; cni_cancel() kills what runs and calls nobody.
 *
 * Source: ecscni/plugin.go, plugin_linux.go; libcni's invoke.ExecPluginWithResult.
 */
#ifndef AGENT_CNI_H
#define AGENT_CNI_H

#include "agent/loop.h"
#include "base/err.h"
#include "base/json.h"

#define CNI_NETWORKS_MAX 8

/* One plugin with its configuration. */
struct cni_network {
    const char *plugin; /* static */
    const char *ifname; /* static: as the namespace is to know it */
    json_t *config;     /* owned */
};

struct cni_networks {
    struct cni_network list[CNI_NETWORKS_MAX];
    size_t n;
};

/* config is taken over. */
void cni_networks_add(struct cni_networks *w, const char *plugin, const char *ifname,
                      json_t *config);
void cni_networks_release(struct cni_networks *w);

struct cni_result {
    struct err e;         /* ERR_NONE, or what went wrong: with DEL, last */
    const json_t *answer; /* of the plugin ecs-bridge; NULL: none */
};
typedef void (*cni_fn)(const struct cni_result *r, void *user);

struct cni_call;
struct cni_request {
    const char *folder; /* of the plugins */
    const char *container_id, *netns;
    const char *log_level;
    bool add; /* else DEL */
    int64_t timeout;
};

/* Takes the networks over, of which there is at least one. */
struct cni_call *cni_start(struct loop *l, const struct cni_request *r, struct cni_networks *w,
                           cni_fn fn, void *user);
void cni_cancel(struct cni_call *c); /* NULL is fine */

/* --- parts, for tests --- */

/* What a plugin's end means. A plugin that fails says so as {"code", "msg", "details"}. */
int cni_read_answer(int code, const char *output, const char *error, json_t **ret, struct err *e);

/* The version of a plugin as --version tells it: "HASH-VERSION", with a "@" in front of a dirty
 * one. NULL: it is none. To be freed. (cniPluginVersion.str) */
char *cni_version_text(const char *output);
/* Whether --capabilities names it. */
bool cni_has_capability(const char *output, const char *name);

#endif
