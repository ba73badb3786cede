#include "agent/init/commands.h"

#include <string.h>
#include <unistd.h>

#include "agent/init/agent_container.h"
#include "agent/init/agent_process.h"
#include "agent/init/cache.h"
#include "agent/init/engine.h"
#include "agent/init/host.h"
#include "agent/init/supervisor.h"
#include "agent/init/trial.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "base/str.h"

#define BRIDGE_FILE  INIT_RUN "/bridge"
#define LIST_TIMEOUT (10 * NS_PER_S)

/* The name of Docker's default bridge in the answer of /networks; "": there is none. */
static const char *bridge_of(const json_t *networks)
{
    for (size_t i = 0; i < json_array_size(networks); i++) {
        const json_t *o = json_object_get(json_array_get(networks, i), "Options");

        if (str_eq(json_str(o, "com.docker.network.bridge.default_bridge"), "true") &&
            json_str(o, "com.docker.network.bridge.name"))
            return json_str(o, "com.docker.network.bridge.name");
    }
    return "";
}

/* --- pre-start -------------------------------------------------------------------------------- */

static void image_there(struct init *in, const char *error, void *user)
{
    (void)user;
    if (error)
        init_fail(in, "There is no image of the agent, and none can be loaded", error);
    else
        init_end(in, INIT_EXIT_OK);
}

/* The bridge is written down for post-stop: Docker may be gone by then, and a rule would stay. */
static void add_rules(struct init *in, const char *bridge)
{
    struct err e = ERR_INIT;

    host_rules_add(in, bridge);
    if (io_mkdirs(INIT_RUN, 0755, &e) < 0 ||
        io_write_file(BRIDGE_FILE, bridge, strlen(bridge), 0644, &e) < 0)
        log_event(&in->log, LOG_WARN, "post-stop will have to ask Docker for its bridge", "error",
                  e.text, NULL);
}

/* True when pre-start has written down which bridge its rules name. */
static bool remove_known_rules(struct init *in)
{
    _cleanup_buf_ struct buf bridge = BUF_INIT(256);

    if (io_read_file(BRIDGE_FILE, &bridge, NULL) < 0)
        return false;
    host_rules_remove(in, buf_str(&bridge));
    unlink(BRIDGE_FILE);
    return true;
}

static void networks_known(struct init *in, const struct engine_answer *a, void *user)
{
    json_t *v = a->status == 200 ? json_read(a->body, a->len, JSON_READ_PEER, NULL) : NULL;
    bool add = in->options->command == INIT_PRE_START;

    (void)user;
    if (add)
        add_rules(in, v ? bridge_of(v) : "");
    else
        host_rules_remove(in, v ? bridge_of(v) : "");
    json_decref(v);
    if (add && in->options->container)
        cache_fill(in, image_there, NULL);
    else
        init_end(in, INIT_EXIT_OK);
}

static void ask_networks(struct init *in)
{
    struct err e = ERR_INIT;

    if (in->options->command == INIT_PRE_START && host_folders(in, &e) < 0) {
        init_fail(in, "A folder of the agent cannot be made", e.text);
        return;
    }
    engine_call(in, "GET", "/networks?filters=%7B%22driver%22%3A%7B%22bridge%22%3Atrue%7D%7D", NULL,
                NULL, 0, LIST_TIMEOUT, networks_known, NULL);
}

/* --- start ---------------------------------------------------------------------------------------
 */

static void run_supervised(struct init *in)
{
    struct supervisor s;
    struct agent_process p;
    struct err e = ERR_INIT;

    if (in->options->container) {
        struct trial t;

        trial_init(&t, in);
        supervisor_run(&s, in, &agent_container_runner, &t);
        trial_release(&t);
        return;
    }
    if (agent_process_init(&p, in, &e) < 0)
        init_fail(in, "No agent", e.text);
    else
        supervisor_run(&s, in, &agent_process_runner, &p);
    agent_process_release(&p);
}

static void stop_waiting(struct init *in, void *user)
{
    *(bool *)user = true;
    loop_stop(&in->loop);
}

/* -1: Docker is not there; the loop has ended with that. */
static int wait_for_docker(struct init *in)
{
    bool ready = false;

    engine_wait(in, stop_waiting, &ready);
    loop_run(&in->loop);
    return ready ? 0 : -1;
}

/* --- the others ------------------------------------------------------------------------------- */

static void reloaded(struct init *in, const char *error, void *user)
{
    (void)user;
    if (error)
        init_fail(in, "The cached image cannot be loaded", error);
    else
        init_end(in, INIT_EXIT_OK);
}

static void stop(struct init *in)
{
    struct err e = ERR_INIT;

    if (!in->options->container) {
        if (agent_process_stop(in, &e) < 0)
            init_fail(in, "The agent cannot be ended", e.text);
        return;
    }
    if (wait_for_docker(in) < 0)
        return;
    agent_container_stop(in);
    loop_run(&in->loop);
}

void init_command_run(struct init *in)
{
    switch (in->options->command) {
    case INIT_PRE_START:
        if (wait_for_docker(in) < 0)
            return;
        ask_networks(in);
        loop_run(&in->loop);
        return;
    case INIT_POST_STOP:
        /* nobody waits for Docker here (ecs-init does): a package update has just stopped it */
        if (remove_known_rules(in))
            return;
        ask_networks(in);
        loop_run(&in->loop);
        return;
    case INIT_START:
        if (wait_for_docker(in) == 0)
            run_supervised(in);
        return;
    case INIT_STOP:
        stop(in);
        return;
    case INIT_RELOAD_CACHE:
        if (wait_for_docker(in) < 0)
            return;
        cache_reload(in, reloaded, NULL);
        loop_run(&in->loop);
        return;
    }
}
