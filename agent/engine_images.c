/*
 * Images that nobody needs any more: one cycle each ECS_IMAGE_CLEANUP_INTERVAL.
 *
 * First those that this agent has used, the least recently used one first, up to
 * ECS_NUM_IMAGES_DELETE_PER_CYCLE: no container of a task that is known refers to
 * them, they are older than ECS_IMAGE_MINIMUM_CLEANUP_AGE, none of their names is
 * in ECS_EXCLUDE_UNTRACKED_IMAGE. Each name is removed by itself; an image counts
 * once. One that cannot be removed is passed over until the next cycle.
 *
 * Then, with ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP, containers and images that are
 * not the agent's (engine_untracked.c).
 *
 * A cycle waits until no image is being pulled, and pulls wait until it has
 * ended. (engine/docker_image_manager.go)
 */
#include <string.h>

#include "agent/engine_internal.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

static void next_image(struct engine *en);
static void delete_name(struct engine *en);
static void on_cycle(struct clock_timer *t);

/* ---- what is known ---- */

static void save_images(struct engine *en)
{
    struct image_state *st = NULL;
    struct err e = ERR_INIT;

    while ((st = image_set_next(&en->images, st))) {
        _cleanup_json_ json_t *state = st->dirty ? image_state_json(st) : NULL;

        if (state && state_store_put_image(en->store, st->id, state, &e) < 0)
            engine_store_failed(en, &e);
        st->dirty = false;
    }
}

static void forget_image(struct engine *en, struct image_state *st)
{
    struct err e = ERR_INIT;

    if (state_store_delete_image(en->store, st->id, &e) < 0)
        engine_store_failed(en, &e);
    image_set_drop(st);
}

void engine_image_used(struct container *c, int64_t size, bool pulled)
{
    struct engine *en = c->work->en;
    struct image_state *st;

    if (!c->image_id)
        return;
    st = image_set_use(&en->images, c->image_id, c->image, size, loop_wall(en->loop));
    if (pulled && !st->pulled)
        st->pulled = st->dirty = true;
    save_images(en);
}

void engine_image_released(struct container *c)
{
    struct engine *en = c->work->en;
    struct image_state *st = c->image_id ? image_set_find(&en->images, c->image_id) : NULL;

    if (!st)
        return;
    st->last_used = loop_wall(en->loop);
    st->dirty = true;
    save_images(en);
}

bool engine_image_was_pulled(const struct engine *en, const char *name)
{
    const struct image_state *st = image_set_named(&en->images, name);

    return st && st->pulled;
}

static void on_saved_image(const char *id, json_t *state, void *user)
{
    struct engine *en = user;

    if (image_set_load(&en->images, id, state) < 0)
        log_event(en->log, LOG_WARN, "The saved state of an image cannot be read: ignored", "image",
                  id, NULL);
}

int engine_load_images(struct engine *en, struct err *e)
{
    return state_store_images(en->store, on_saved_image, en, e);
}

/* ---- which one goes next ---- */

bool engine_image_excluded(const struct engine *en, const char *name)
{
    /* What the instance brings along and no registry gives back: docker_image_manager.go
     * (buildImageCleanupExclusionList), and what app/agent.go adds when it has loaded it. */
    static const char *const brought[] = {
        "amazon/amazon-ecs-agent:latest",
        PAUSE_IMAGE,
        "ecs-service-connect-agent:interface-v1",
    };
    const json_t *v;
    size_t i;

    for (i = 0; i < ARRAY_SIZE(brought); i++)
        if (str_eq(name, brought[i]))
            return true;
    json_array_foreach (en->config->exclude_images, i, v)
        if (str_eq(json_string_value(v), name))
            return true;
    return false;
}

static bool excluded(const struct engine *en, const struct image_state *st)
{
    const json_t *name;
    size_t i;

    json_array_foreach (st->names, i, name)
        if (engine_image_excluded(en, json_string_value(name)))
            return true;
    return false;
}

static bool referred_to(const struct engine *en, const char *id)
{
    const struct task *t = NULL;

    while ((t = engine_next_task(en, t)))
        for (size_t i = 0; i < t->n_containers; i++)
            if (str_eq(t->containers[i].image_id, id))
                return true;
    return false;
}

static struct image_state *oldest(const struct engine *en)
{
    int64_t now = loop_wall(en->loop);
    struct image_state *st = NULL, *best = NULL;

    while ((st = image_set_next(&en->images, st))) {
        if (st->passed_over || now - st->pulled_at <= en->config->image_min_age ||
            (best && best->last_used <= st->last_used))
            continue;
        if (!excluded(en, st) && !referred_to(en, st->id))
            best = st;
    }
    return best;
}

/* ---- removing ---- */

/* The state stays where it is while it is being removed: nothing is pulled meanwhile. */
static void on_removed(const struct docker_result *r, void *user)
{
    struct engine *en = user;
    struct image_cleanup *cl = &en->cleanup;
    const char *name = json_string_value(json_array_get(cl->list, cl->at));

    cl->call = NULL;
    if (r->ok || r->status == 404) {
        log_event(en->log, LOG_INFO, "Image removed", "image", name, NULL);
        image_state_unname(cl->image, name);
    } else {
        log_event(en->log, LOG_WARN, "An image cannot be removed", "image", name, "error",
                  r->message, NULL);
        cl->image->passed_over = true;
    }
    cl->at++;
    delete_name(en);
}

static void image_done(struct engine *en)
{
    struct image_cleanup *cl = &en->cleanup;

    if (!json_array_size(cl->image->names) && !cl->image->passed_over)
        forget_image(en, cl->image);
    cl->image = NULL;
    cl->tried++;
    save_images(en);
    next_image(en);
}

static void delete_name(struct engine *en)
{
    struct image_cleanup *cl = &en->cleanup;
    const char *name = json_string_value(json_array_get(cl->list, cl->at));

    if (name)
        cl->call = docker_image_remove(en->docker, name, on_removed, en);
    else
        image_done(en);
}

static void next_image(struct engine *en)
{
    struct image_cleanup *cl = &en->cleanup;
    int64_t most = en->config->images_per_cycle;

    cl->image = cl->tried < most ? oldest(en) : NULL;
    if (!cl->image) {
        /* the official agent counts from 0: after a full cycle there is one left */
        engine_clean_untracked(en, cl->tried < most ? most - cl->tried : 1);
        return;
    }
    json_decref(cl->list);
    cl->list = json_deep_copy(cl->image->names);
    if (!json_array_size(cl->list))
        json_array_append_new(cl->list, json_string(cl->image->id));
    cl->at = 0;
    delete_name(en);
}

/* ---- the cycle ---- */

static bool pulling(const struct engine *en)
{
    const struct task *t = NULL;

    while ((t = engine_next_task(en, t)))
        for (size_t i = 0; i < t->n_containers; i++)
            if (t->containers[i].applied == CONTAINER_PULLED)
                return true;
    return false;
}

bool engine_may_pull(const struct engine *en)
{
    return !en->cleanup.running && !en->cleanup.waits;
}

void engine_cleanup_done(struct engine *en)
{
    struct task *t = NULL;

    en->cleanup.running = false;
    while ((t = engine_next_task(en, t)))
        engine_wake(t);
}

static void begin(struct engine *en)
{
    struct image_state *st = NULL;

    en->cleanup.waits = false;
    en->cleanup.running = true;
    en->cleanup.tried = 0;
    while ((st = image_set_next(&en->images, st)))
        st->passed_over = false;
    next_image(en);
}

static void on_no_pull(struct clock_timer *t)
{
    struct engine *en = container_of(t, struct engine, cleanup.after_pull);

    if (en->cleanup.waits && !pulling(en))
        begin(en);
}

void engine_pull_ended(struct engine *en)
{
    if (en->cleanup.waits)
        loop_timer_start(en->loop, &en->cleanup.after_pull, 0, on_no_pull);
}

static void on_cycle(struct clock_timer *t)
{
    struct engine *en = container_of(t, struct engine, cleanup.timer);

    loop_timer_start(en->loop, t, en->config->image_cleanup_interval, on_cycle);
    if (en->cleanup.running || en->cleanup.waits)
        return;
    en->cleanup.waits = pulling(en);
    if (!en->cleanup.waits)
        begin(en);
}

void engine_arm_image_cleanup(struct engine *en)
{
    const struct config *c = en->config;

    if (c->image_cleanup_disabled.on || c->pull_behavior == PULL_PREFER_CACHED)
        log_event(en->log, LOG_INFO, "Images are not cleaned up", "because",
                  c->image_cleanup_disabled.on ? "ECS_DISABLE_IMAGE_CLEANUP"
                                               : "ECS_IMAGE_PULL_BEHAVIOR",
                  NULL);
    else
        loop_timer_start(en->loop, &en->cleanup.timer, c->image_cleanup_interval, on_cycle);
}

void engine_free_images(struct engine *en)
{
    struct image_cleanup *cl = &en->cleanup;

    loop_timer_stop(en->loop, &cl->timer);
    loop_timer_stop(en->loop, &cl->after_pull);
    docker_cancel(cl->call);
    json_decref(cl->list);
    json_decref(cl->chosen);
    image_set_release(&en->images);
}
