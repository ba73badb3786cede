/*
 * engine.h - the engine's state and what its parts call of each other. Private
 * to fakes/docker.
 *
 * A call that fails fills in a struct problem (status and dockerd's text) and
 * returns -1; the handler answers it with docker_refuse(). Texts that differ
 * between engines up to 22 and from 23 on are chosen by docker_modern().
 */
#ifndef FAKES_DOCKER_ENGINE_H
#define FAKES_DOCKER_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "fakes/core/fake.h"
#include "fakes/core/route.h"
#include "fakes/docker/behaviour.h"
#include "fakes/docker/content.h"
#include "fakes/docker/ref.h"

/* A version of the API as one number: 1.41 is 1041. */
#define API(minor) (1000 + (minor))

/* Nothing that the engine says is longer. */
#define ANSWER_MAX (64u << 20)

/* dockerd keeps this many events for `since`. */
#define EVENTS_KEPT 256

/* Names and values, sorted by name; one allocation. */
struct pairs {
    size_t n;
    const char **kv; /* 2n strings */
};

struct problem {
    int status;
    char *text;
};

enum event_type {
    EVENT_CONTAINER,
    EVENT_IMAGE,
    EVENT_VOLUME,
    EVENT_NETWORK,
    EVENT_DAEMON,
    EVENT_BUILDER,
};

struct event {
    int64_t wall;
    enum event_type type;
    char *action, *actor;
    struct pairs attributes;
    char *line; /* as it is sent, with its newline */
    size_t line_len;
};

struct volume {
    char *name;
    int64_t created; /* wall */
    struct pairs labels, options;
    bool anonymous;
    unsigned uses; /* containers that have it */
};

struct decl {
    char *name; /* repo:tag */
    struct ref ref;
    struct content *content;
};

/* A local image: one content, any number of names. */
struct image {
    struct content *content;
    char **tags;    /* repo:tag, sorted */
    char **digests; /* repo@sha256:..., sorted */
    size_t n_tags, cap_tags, n_digests, cap_digests;
    int64_t last_tagged; /* wall, 0: never */
    char parent[72];     /* id of the image that its container had; "": it was not committed */
};

/* What a scenario did to the engine; see trouble.h. */
struct trouble {
    int mode;     /* of events */
    char *action; /* which, NULL: any */
    uint64_t left;
    uint64_t held;     /* number of the event that waits, plus one; 0: none */
    struct list calls; /* on wedged containers */
    int n_wedged;
    bool disk_full, shut_down;
};

struct container;
struct process_host;
struct network;

struct docker {
    struct fake fake;
    char *version;
    int api, min;
    bool cgroup2; /* the host has cgroups v2: stats and info have their shape */
    int windows;  /* the year of a Windows Server; 0: the engine is on Linux */
    char *engine_id;
    /* images */
    struct map catalogue;  /* repo:tag -> struct decl */
    struct map images;     /* id -> struct image */
    struct map names;      /* repo:tag or repo@digest -> struct image */
    struct map registries; /* host -> struct registry */
    int64_t disk;          /* bytes for images; 0: no end of them */
    /* containers, newest first */
    struct list containers;
    struct map by_id, by_name;
    struct map volumes;   /* name -> struct volume */
    struct list networks; /* bridge, host, none, then the others in their order */
    struct network *bridge;
    unsigned next_pool;              /* of the default subnets */
    uint32_t next_pid, next_port[3]; /* ports of tcp, udp, sctp */
    struct map ports;                /* "tcp 0.0.0.0 8080" -> struct container */
    /* events */
    struct event *events[EVENTS_KEPT];
    uint64_t n_events;
    struct list event_streams;
    /* one collector of statistics for all streams */
    struct list stat_streams;
    struct clock_timer collector;
    int64_t collected; /* mono of the last round, -1: never */
    struct list pulls;
    struct list delayed;
    /* files and processes of containers; NULL until one needs them */
    char *folder;
    struct process_host *host;
    bool own_networks; /* containers that are processes have some (wire.h) */
    struct map execs;  /* id -> struct exec */
    struct trouble trouble;
    /* the call that is being handled */
    const struct route *route;
};

static inline struct docker *docker_of(const struct exchange *x)
{
    return (struct docker *)x->fake;
}
static inline struct clock *docker_clock(struct docker *d)
{
    return &fake_loop(&d->fake)->clock;
}
/* 23 and later word many errors differently and left old forms behind. */
static inline bool docker_modern(const struct docker *d)
{
    return d->api >= API(42);
}
/* 25 and later say all that is wrong at once, and have MAC addresses and DNS names of endpoints. */
static inline bool docker_today(const struct docker *d)
{
    return d->api >= API(44);
}

/* --- docker.c ---------------------------------------------------------------------------- */

int problem(struct problem *p, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Answers; p is released. */
void docker_refuse(struct exchange *x, struct problem *p);
void docker_refuse_text(struct exchange *x, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* JSON as dockerd frames it: a newline behind it, chunked when it is larger than 2 KiB. b is
 * released. */
void docker_answer(struct exchange *x, int status, struct buf *b);
void docker_answer_empty(struct exchange *x, int status);
/* Sets the headers that every answer of a known call has, in their order. */
void docker_headers(struct exchange *x, const char *content_type);
/* Begins a stream with those headers. */
void docker_begin(struct exchange *x, const char *content_type);
/* API() of the call; of the engine when it names none. */
int call_version(const struct exchange *x);
/* The {name} of the current route; to be freed. */
char *docker_param(struct exchange *x, const char *name);
/* Reads the body as the call wants it; NULL: it was answered. */
json_t *docker_body(struct exchange *x, struct problem *p);
/* The same, where up to 22 broken JSON was a 400 already. */
json_t *docker_body_strict(struct exchange *x, struct problem *p);
/* Answers with this refusal after so long. */
void docker_refuse_after(struct exchange *x, struct problem *p, int64_t ns);
/* ... after 15 s, as dockerd does when it looks for a plugin. */
void docker_refuse_later(struct exchange *x, struct problem *p);
void docker_delayed_release(struct docker *d);

/* --- docker_util.c ----------------------------------------------------------------------- */

/* The members of a JSON object of strings, sorted; and from a flat NULL-ended list. */
struct pairs pairs_from_json(const json_t *o);
struct pairs pairs_merge(const struct pairs *a, const char *const *more, size_t n_more);
void pairs_release(struct pairs *p);
const char *pairs_get(const struct pairs *p, const char *key);
/* {"a":"b"}; html: with < > & escaped */
void pairs_write(struct buf *b, const struct pairs *p, bool html);

/* Appends a copy of s to a sorted list of strings; nothing when it is there. */
void names_add(char ***v, size_t *n, size_t *cap, const char *s);
/* Orders names of images as their full forms (docker.io/library/...). */
int names_compare(const char *a, const char *b);
bool names_remove(char **v, size_t *n, const char *s);
void names_write(struct buf *b, char *const *v, size_t n, bool null_if_empty);

/* 2026-11-24T07:00:00.12Z: as Go's RFC3339Nano (no trailing zeros); 0 is year 1. */
void add_time(struct buf *b, int64_t wall);
/* What is wrong with the name of an image, in this engine's words; to be freed. */
char *name_problem(const struct docker *d, const char *name, const char *why);
/* "5 seconds", "About an hour", "Less than a second" as go-units words it. */
char *human_duration(int64_t ns, char out[40]);
/* "36.45kB", as go-units words it with four digits. */
char *human_size(int64_t bytes, char out[24]);
/* SHA-256 of a text as 64 hex digits. */
void hash_hex(char out[65], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "adjective_surname" from the world's seed, not yet used; to be freed. */
char *random_name(struct docker *d);
/* True when the regular expression (or plain text) is found in s. */
bool regex_found(const char *pattern, const char *s);

/* What is wrong with one thing, all of it, as a newer engine lists it. */
struct complaints {
    char **v;
    size_t n, cap;
};
void complain(struct complaints *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One behind `prefix`, or several as a list; nothing is left. 0: there are none. */
int complaints_problem(struct complaints *c, struct problem *p, int status, const char *prefix);

/* --- docker_filters.c -------------------------------------------------------------------- */

struct filter {
    char *name;
    char **values;
    size_t n;
};
struct filters {
    struct filter *v;
    size_t n;
};
/* Decodes ?filters=; accepted: NULL-ended list of names, NULL: any. */
int filters_read(struct filters *f, struct exchange *x, const char *const *accepted,
                 struct problem *p);
/* The same from text, for what is not an exchange. modern: wording. */
int filters_parse(struct filters *f, const char *text, bool modern, struct problem *p);
/* One more value. */
void filters_add(struct filters *f, const char *name, const char *value);
/* What a prune of containers or networks asks for: label, label! and until. -1: it was refused. */
int filters_read_prune(struct filters *f, struct exchange *x, int64_t *ret_until);
/* label and label! of a prune. */
bool filters_labels(const struct filters *f, const struct pairs *labels);
/* `until`: the point in time before which things are meant; INT64_MAX when it is not asked for. */
int filters_until(struct docker *d, const struct filters *f, int64_t *ret_wall, struct problem *p);
void filters_release(struct filters *f);
const struct filter *filters_get(const struct filters *f, const char *name); /* NULL: not asked */
/* All are true when the filter is not asked for. */
bool filters_exact(const struct filters *f, const char *name, const char *value);
bool filters_match(const struct filters *f, const char *name, const char *value); /* regex */
bool filters_prefix(const struct filters *f, const char *name, const char *value);
bool filters_pairs(const struct filters *f, const char *name, const struct pairs *p);
/* -1 and a problem when a boolean filter holds no boolean; *ret: its value or dflt. */
int filters_bool(const struct docker *d, const struct filters *f, const char *name, bool dflt,
                 bool *ret, struct problem *p);
/* A point in time as a client gives it: seconds since 1970, with a fraction, RFC 3339, or a
 * duration before now. -1: none of them. */
int parse_when(struct docker *d, const char *s, int64_t *ret_wall);

/* --- docker_events.c --------------------------------------------------------------------- */

/* Emits one event; more: n_more names and values beside those of base (may be NULL). */
void docker_event(struct docker *d, enum event_type type, const char *action, const char *actor,
                  const struct pairs *base, const char *const *more, size_t n_more);
void docker_events_release(struct docker *d);
/* Forgets what happened so far, as a daemon does that starts anew. */
void docker_events_forget(struct docker *d);
void get_events(struct fake *f, struct exchange *x);

/* --- docker_images.c, docker_catalogue.c, docker_pull.c ----------------------------------- */

/* Puts into the catalogue (b is taken over); local at once when it is cached. */
int catalogue_add(struct docker *d, const char *name, struct behaviour *b, struct err *e);
struct decl *catalogue_find(struct docker *d, const struct ref *r);
bool catalogue_knows_repo(struct docker *d, const char *repo);
int catalogue_remove(struct docker *d, const char *name, bool local, bool entry, struct err *e);
void catalogue_release(struct docker *d);

/* By name, name@digest, id or the beginning of one. NULL: no such image. */
struct image *image_find(struct docker *d, const char *name);
/* "No such image: x:latest" with the name as the engine completes it; 404. */
int image_missing(const struct docker *d, struct problem *p, const char *name);
/* Makes or finds the local image of this content. */
struct image *image_ensure(struct docker *d, struct content *c);
void image_event(struct docker *d, const char *action, const struct image *i, const char *name);
/* Whether a container of it was committed. */
bool image_has_children(const struct docker *d, const struct image *i);
/* What label, before, since of a list or a prune say. */
bool image_matches(struct docker *d, const struct filters *f, const struct image *i);
/* The name that tag and commit give: -1 and a problem. Then the name is given, and told in an
 * event; its familiar form as events show it, to be freed. */
int image_ref_read(struct docker *d, const char *repo, const char *tag, struct ref *r,
                   struct problem *p);
char *image_tag_ref(struct docker *d, struct image *i, struct ref *r);
/* How its containers behave: as was declared under a name that it has now. */
void behave_as(struct docker *d, struct content *c, const struct ref *r);
void image_tag(struct docker *d, struct image *i, const char *name);
void image_add_digest(struct docker *d, struct image *i, const char *repo);
void image_drop(struct docker *d, struct image *i); /* with all its names */
void docker_images_release(struct docker *d);
/* What went wrong in words for a scenario's word: denied, toomanyrequests ... */
int pull_problem(struct problem *p, const char *word, const struct ref *r);

void post_images_create(struct fake *f, struct exchange *x);
void get_images(struct fake *f, struct exchange *x);
void get_image(struct fake *f, struct exchange *x);
void get_image_history(struct fake *f, struct exchange *x);
void post_image_tag(struct fake *f, struct exchange *x);
void delete_image(struct fake *f, struct exchange *x);
void post_images_prune(struct fake *f, struct exchange *x);
void post_images_load(struct fake *f, struct exchange *x);
/* Whether the call is one: its body is a tar. */
bool post_image_imports(const struct exchange *x);
void post_image_import(struct docker *d, struct exchange *x);
void post_commit(struct fake *f, struct exchange *x);
/* Applies the `changes` of a call to a configuration. -1 and a problem. */
int config_change(struct docker *d, const struct exchange *x, json_t *config, struct problem *p);
void get_image_tar(struct fake *f, struct exchange *x);
void get_images_tar(struct fake *f, struct exchange *x);
void get_distribution(struct fake *f, struct exchange *x);
/* As lists show it; containers and shared are -1 where they are not counted. */
void image_summary(struct buf *b, const struct image *i, int containers, int64_t shared,
                   int version);
void docker_pulls_pending(struct docker *d, struct buf *out);
/* What X-Registry-Auth says goes to extra.auth for the journal; its secrets become secrets. */
void auth_extra(struct docker *d, struct exchange *x, json_t *extra);
/* docker_capacity.c: bytes of the layers of all images; a pull that has no room fails. */
int64_t disk_used(const struct docker *d);
bool disk_has_room(const struct docker *d, const struct content *c);
int disk_declare(struct docker *d, const char *text, struct err *e);
/* An image came or went: journaled as "disk" when one was declared. */
void disk_changed(struct docker *d);
/* {image, auth} of a pull. */
json_t *pull_extra(struct docker *d, struct exchange *x);

/* --- docker_volumes.c, docker_version.c --------------------------------------------------- */

/* Finds or makes a local volume; name NULL: anonymous. */
struct volume *volume_ensure(struct docker *d, const char *name, const json_t *labels,
                             const json_t *options);
void volume_remove(struct docker *d, struct volume *v);
bool volume_name_valid(const char *name);
void docker_volumes_release(struct docker *d);
/* bytes: what is in it, or -1 where that is not told. */
void volume_summary(struct buf *b, const struct volume *v, int64_t bytes);
void post_volumes_create(struct fake *f, struct exchange *x);
void get_volumes(struct fake *f, struct exchange *x);
void get_volume(struct fake *f, struct exchange *x);
void delete_volume(struct fake *f, struct exchange *x);
void post_volumes_prune(struct fake *f, struct exchange *x);

/* --- docker_system.c --------------------------------------------------------------------- */

void get_system_df(struct fake *f, struct exchange *x);
void plugin_missing(struct fake *f, struct exchange *x);
void not_a_manager(struct fake *f, struct exchange *x);
void post_swarm_thing(struct fake *f, struct exchange *x);
void post_swarm_update(struct fake *f, struct exchange *x);
void post_plugin_set(struct fake *f, struct exchange *x);
void post_plugin_upgrade(struct fake *f, struct exchange *x);
void post_swarm_leave(struct fake *f, struct exchange *x);
void post_session(struct fake *f, struct exchange *x);
void post_build(struct fake *f, struct exchange *x);
void post_build_prune(struct fake *f, struct exchange *x);
void post_image_push(struct fake *f, struct exchange *x);
void get_images_search(struct fake *f, struct exchange *x);
/* {"errorDetail":...} as a stream ends that fails. */
void stream_error(struct buf *b, const char *text);
void stream_errorf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void get_ping(struct fake *f, struct exchange *x);
void get_version(struct fake *f, struct exchange *x);
void get_info(struct fake *f, struct exchange *x);

/* docker_windows.c: the same answers of an engine on Windows; of the second what follows the
 * counts. */
void docker_windows_version(struct docker *d, const char *go, struct buf *b);
void docker_windows_info(struct docker *d, int cpus, long long memory, struct buf *b);
/* Credential specs, and options that there are none of on Windows. */
int docker_windows_start_wrong(const struct container *c, struct problem *p);
static inline const char *docker_os(const struct docker *d)
{
    return d->windows ? "windows" : "linux";
}
void get_plugins(struct fake *f, struct exchange *x);
/* "1.41" to API(41); -1: not a version. */
int api_from(const char *s);
/* Sets the window; NULL: follows from the others. */
int docker_set_version(struct docker *d, const char *version, const char *api, const char *min,
                       struct err *e);

/* --- docker_control.c --------------------------------------------------------------------- */

int docker_control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                   struct err *e);
void docker_pending(struct fake *f, struct buf *out);

#endif
