/*
 * units.h - the units of one machine and how they depend on each other, as systemd 252 reads them.
 *
 * Where a unit's text is from, the first that has it: what was given by hand (units_add_text(),
 * units_add_file()), a root folder with the search path of systemd.unit(5), the units built in
 * (builtin.h). Drop-ins, .wants/ and .requires/ folders, aliases and masks of the root folder
 * count. Default dependencies are those of systemd.service(5), systemd.target(5),
 * systemd.socket(5) and systemd.timer(5), but for shutdown.target, which no boot starts.
 *
 * Not read: generators' results other than what lies in the root folder, mounts, devices,
 * slices, specifiers (a name with % in it is left out), conditions (they are taken as true).
 *
 * Life cycle: units_init(), add, units_get() as often as one likes, units_release().
 */
#ifndef HARNESS_BOOT_UNITS_H
#define HARNESS_BOOT_UNITS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/map.h"
#include "harness/boot/unit_file.h"

/* More than a machine has. */
#define UNITS_MAX 4000

enum dep {
    DEP_WANTS,
    DEP_REQUIRES,
    DEP_REQUISITE,
    DEP_BINDS_TO,
    DEP_UPHOLDS,
    DEP_PART_OF,
    DEP_CONFLICTS,
    DEP_AFTER,
    DEP_BEFORE,
    DEP_MAX,
};

struct edge {
    struct unit *from, *to;
    enum dep dep;
    char *why; /* "After=cloud-final.service (ecs.service:6)" */
};

/* How far a unit has come; jobs.h moves it. */
enum unit_state { UNIT_INACTIVE, UNIT_ACTIVATING, UNIT_ACTIVE, UNIT_FAILED };

struct job;

struct unit {
    char *name;
    struct unit_file *files; /* the unit and its drop-ins, in the order in which they count */
    size_t n_files, file_room;
    bool found, masked, loaded, builtin;
    bool given; /* somebody added it by hand */
    bool default_deps;
    struct edge **out, **in;
    size_t n_out, out_room, n_in, in_room;
    /* for jobs.h */
    enum unit_state state;
    struct job *job;
    unsigned mark, path_mark; /* of the newest walk */
    unsigned started_at;      /* 0: never */
    bool looked_at;           /* its own commands are attached, if there are any */
    bool dropped;             /* its start job was taken out of an ordering cycle */
};

struct units {
    struct map by_name; /* name -> struct unit, aliases too */
    struct unit **all;
    size_t n, room;
    struct edge **edges;
    size_t n_edges, edge_room;
    char *root;          /* NULL: none */
    const char *host;    /* which built-in units: builtin.h; NULL: none */
    struct given *given; /* texts that were added by hand */
    size_t n_given, given_room;
    struct link *links; /* what units_enable() made */
    size_t n_links, link_room;
    char **notes; /* what a person should know: ignored lines, misspelt keys */
    size_t n_notes, note_room;
};

/* A unit or a drop-in that was added by hand. */
struct given {
    char *name, *from, *text;
    size_t len;
};

/* A symbolic link in a .wants/ or .requires/ folder. */
struct link {
    char *target, *unit;
    enum dep dep;
};

void units_init(struct units *us, const char *root, const char *host);
void units_release(struct units *us);

/* "ecs" is "ecs.service"; to be freed. */
char *units_full_name(const char *name);

/* Adds a unit (name "ecs.service") or a drop-in (name "ecs.service.d/x.conf"), before anything
 * else is asked of the set, or at run time, as user data does: then it counts from
 * units_reload() on. from: what messages call it. */
int units_add_text(struct units *us, const char *name, const char *from, const char *text, size_t n,
                   struct err *e);
/* The same from a file; a path that ends in /NAME.d/X.conf is a drop-in. */
int units_add_file(struct units *us, const char *path, struct err *e);

/* The unit, loaded; NULL only when there are UNITS_MAX already. */
struct unit *units_get(struct units *us, const char *name);

/* Links it as [Install] says; now: dependencies count at once. -1: it has no [Install]. */
int units_enable(struct units *us, struct unit *u);
void units_disable(struct units *us, struct unit *u);
/* target wants unit, as a generator may say while the machine boots; counts from units_reload() on.
 */
void units_want(struct units *us, const char *target, const char *unit);
/* Reads unit files anew; states and jobs stay. */
void units_reload(struct units *us);

/* A value of the unit's files: the last one counts. NULL: not there. */
const char *unit_setting(const struct unit *u, const char *section, const char *key);
/* Where it stands, "ecs.service:12"; to be freed. NULL: not there. */
char *unit_where(const struct unit *u, const char *section, const char *key);
bool unit_is(const struct unit *u, const char *suffix);

const char *dep_name(enum dep d);

#endif
