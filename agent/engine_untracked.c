/*
 * ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP: what is on the host and is not the agent's.
 *
 * Containers that have ended (exited, dead, or never started) for longer than the
 * tasks' clean-up waits, up to NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE; then
 * images, the smallest first, that got their tag longer ago than
 * NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE and have no name that is excluded. An image
 * with several tags loses each of them, and each counts; another is removed by its
 * id. Docker refuses what a container uses. (removeNonECSContainers, removeNonECSImages)
 */
#include <stdlib.h>
#include <string.h>

#include "agent/engine_internal.h"
#include "base/mem.h"
#include "base/str.h"

static void inspect_container(struct engine *en);
static void remove_container(struct engine *en);
static void inspect_image(struct engine *en);
static void remove_image(struct engine *en);
static void find_images(struct engine *en);

static const json_t *here(const struct image_cleanup *cl)
{
    return json_array_get(cl->list, cl->at);
}

/* Begins with a list that Docker gave, or with an empty one. */
static void begin(struct image_cleanup *cl, const struct docker_result *r)
{
    cl->call = NULL;
    json_decref(cl->list);
    cl->list = json_is_array(r->json) ? json_deep_copy(r->json) : json_array();
    json_decref(cl->chosen);
    cl->chosen = json_array();
    cl->at = 0;
    cl->removed = 0;
}

static void refused(struct engine *en, const char *what, const char *name,
                    const struct docker_result *r)
{
    log_event(en->log, LOG_WARN, what, "id", name, "error", r->message, NULL);
}

/* ---- containers ---- */

static void on_container_removed(const struct docker_result *r, void *user)
{
    struct engine *en = user;
    struct image_cleanup *cl = &en->cleanup;
    const char *id = json_string_value(json_array_get(cl->chosen, cl->at));

    cl->call = NULL;
    if (r->ok) {
        cl->removed++;
        log_event(en->log, LOG_INFO, "Container that is no task's removed", "id", id, NULL);
    } else {
        refused(en, "A container that is no task's cannot be removed", id, r);
    }
    cl->at++;
    remove_container(en);
}

static void remove_container(struct engine *en)
{
    struct image_cleanup *cl = &en->cleanup;
    const char *id = json_string_value(json_array_get(cl->chosen, cl->at));

    /* a negative number is never reached */
    if (id && cl->removed != en->config->containers_per_cycle)
        cl->call = docker_remove(en->docker, id, on_container_removed, en);
    else
        find_images(en);
}

static bool ended_long_ago(const struct engine *en, const json_t *container)
{
    static const char *const ended[] = {"exited", "dead", "created"};
    const char *status = json_str(json_object_get(container, "State"), "Status");
    const char *finished = json_str(json_object_get(container, "State"), "FinishedAt");
    int64_t at;

    for (size_t i = 0; i < ARRAY_SIZE(ended); i++)
        if (str_eq(status, ended[i])) /* what never ran has Go's zero time, which is long ago */
            return str_parse_time(finished ? finished : "", &at) < 0 ||
                   loop_wall(en->loop) - at > en->config->cleanup_wait;
    return false;
}

static void on_container(const struct docker_result *r, void *user)
{
    struct engine *en = user;
    struct image_cleanup *cl = &en->cleanup;

    cl->call = NULL;
    if (r->ok && ended_long_ago(en, r->json))
        json_array_append(cl->chosen, json_object_get(here(cl), "Id"));
    cl->at++;
    inspect_container(en);
}

static void inspect_container(struct engine *en)
{
    struct image_cleanup *cl = &en->cleanup;
    const char *id;

    while ((id = json_str(here(cl), "Id")) && map_get(&en->by_docker_id, id))
        cl->at++;
    if (id) {
        cl->call = docker_inspect(en->docker, id, on_container, en);
        return;
    }
    cl->at = 0;
    remove_container(en);
}

static void on_containers(const struct docker_result *r, void *user)
{
    struct engine *en = user;

    begin(&en->cleanup, r);
    inspect_container(en);
}

/* ---- images ---- */

static void on_image_removed(const struct docker_result *r, void *user)
{
    struct engine *en = user;
    struct image_cleanup *cl = &en->cleanup;
    const char *name = json_string_value(json_array_get(cl->chosen, 0));

    cl->call = NULL;
    if (r->ok) {
        cl->removed++;
        log_event(en->log, LOG_INFO, "Image that is no task's removed", "image", name, NULL);
    } else {
        refused(en, "An image that is no task's cannot be removed", name, r);
    }
    json_array_remove(cl->chosen, 0);
    remove_image(en);
}

/* The names that were chosen of one image, then the next image. */
static void remove_image(struct engine *en)
{
    struct image_cleanup *cl = &en->cleanup;
    const char *name = json_string_value(json_array_get(cl->chosen, 0));

    if (name) {
        cl->call = docker_image_remove(en->docker, name, on_image_removed, en);
        return;
    }
    cl->at++;
    inspect_image(en);
}

static void choose_names(struct image_cleanup *cl)
{
    json_t *tags = json_object_get(here(cl), "RepoTags");

    if (json_array_size(tags) > 1)
        json_array_extend(cl->chosen, tags);
    else
        json_array_append(cl->chosen, json_object_get(here(cl), "Id"));
}

static void on_image(const struct docker_result *r, void *user)
{
    struct engine *en = user;
    struct image_cleanup *cl = &en->cleanup;
    const char *tagged = json_str(json_object_get(r->json, "Metadata"), "LastTagTime");
    int64_t at;

    cl->call = NULL;
    if (r->ok && (str_parse_time(tagged ? tagged : "", &at) < 0 ||
                  loop_wall(en->loop) - at > en->config->untracked_min_age))
        choose_names(cl);
    remove_image(en);
}

static bool is_untracked(const struct engine *en, const json_t *image)
{
    const json_t *tag;
    size_t i;

    if (image_set_find(&en->images, json_str(image, "Id")))
        return false;
    json_array_foreach (json_object_get(image, "RepoTags"), i, tag)
        if (engine_image_excluded(en, json_string_value(tag)))
            return false;
    return true;
}

static void inspect_image(struct engine *en)
{
    struct image_cleanup *cl = &en->cleanup;
    const char *id;

    while ((id = json_str(here(cl), "Id")) && !is_untracked(en, here(cl)))
        cl->at++;
    if (id && cl->removed < cl->allowed)
        cl->call = docker_image_inspect(en->docker, id, on_image, en);
    else
        engine_cleanup_done(en);
}

static int smallest_first(const void *a, const void *b)
{
    int64_t x = json_int(*(json_t *const *)a, "Size", 0);
    int64_t y = json_int(*(json_t *const *)b, "Size", 0);

    return (x > y) - (x < y);
}

static void sort_images(struct image_cleanup *cl)
{
    size_t n = json_array_size(cl->list);
    json_t **all = new0_array(json_t *, n + 1);

    for (size_t i = 0; i < n; i++)
        all[i] = json_incref(json_array_get(cl->list, i));
    qsort(all, n, sizeof(*all), smallest_first);
    json_array_clear(cl->list);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(cl->list, all[i]);
    free(all);
}

static void on_images(const struct docker_result *r, void *user)
{
    struct engine *en = user;

    begin(&en->cleanup, r);
    sort_images(&en->cleanup);
    inspect_image(en);
}

static void find_images(struct engine *en)
{
    en->cleanup.call = docker_image_list(en->docker, on_images, en);
}

void engine_clean_untracked(struct engine *en, int64_t allowed)
{
    en->cleanup.allowed = allowed;
    if (en->config->untracked_cleanup.on)
        en->cleanup.call = docker_list(en->docker, true, on_containers, en);
    else
        engine_cleanup_done(en);
}
