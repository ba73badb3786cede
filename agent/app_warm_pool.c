/*
 * app_parts.h: an instance of an Auto Scaling group's warm pool registers when it goes into
 * service, and not before (ECS_WARM_POOLS_CHECK): a stopped spare would look like a broken
 * instance.
 *
 * The instance metadata is asked once a minute. A group that says nothing for two hours, or an
 * answer that is neither a state nor "there is none", ends the agent for good; once a state was
 * seen, an answer that fails is waited out. (app/agent.go:waitUntilInstanceInService)
 */
#include "agent/app_parts.h"
#include "base/str.h"

#define STATE_PATH  "meta-data/autoscaling/target-lifecycle-state"
#define IN_SERVICE  "InService"
#define ASK_EVERY   (60 * NS_PER_S)
#define SILENCE_MAX 120 /* questions */

static void on_time(struct clock_timer *t);

static void on_state(const char *body, const struct err *e, void *user)
{
    struct app *a = user;
    bool none = e->code == ERR_NOT_FOUND;

    if (body && str_eq(body, IN_SERVICE)) {
        a->in_service(a);
        return;
    }
    if (!body && !a->pool_seen && (!none || ++a->pool_silent >= SILENCE_MAX)) {
        app_fail(a, AGENT_EXIT_TERMINAL, "The lifecycle of this instance is not to be had", e);
        return;
    }
    a->pool_seen |= body != NULL;
    log_event(&a->log, LOG_INFO, "Waiting for the instance to go into service", "state",
              body   ? body
              : none ? "none yet"
                     : e->text,
              NULL);
    loop_timer_start(&a->loop, &a->pool_timer, ASK_EVERY, on_time);
}

static void ask(struct app *a)
{
    imds_get(a->imds, STATE_PATH, on_state, a);
}

static void on_time(struct clock_timer *t)
{
    ask(container_of(t, struct app, pool_timer));
}

void app_wait_in_service(struct app *a, void (*then)(struct app *a))
{
    a->in_service = then;
    if (!a->config.warm_pools.on || a->config.external.on)
        then(a);
    else
        ask(a);
}
