/*
 * container.h - one container: its one state machine, and what follows from it.
 * Private to fakes/docker.
 *
 *   created -> running <-> paused
 *   running, paused -> exited, or -> restarting -> running
 *   created, exited -> removing -> gone
 *
 * container_become() is the only function that sets `state`. It journals the
 * change, and emits the events that belong to it, in dockerd's order:
 *   start    network connect, volume mount, start
 *   end      [oom] die, network disconnect, volume unmount     up to engine 22
 *            [oom] network disconnect, volume unmount, die      from 23 on
 *   stop     kill(TERM) [kill(KILL)], end, stop          up to engine 22
 *            kill(TERM) [kill(KILL)], stop, end          from 23 on
 *   restart  stop, start, restart
 *   removal  [volume destroy] destroy
 *
 * Memory: strings that never change are text as it is sent, not parsed JSON. A
 * container without output, health check, mounts or ports has none of those.
 */
#ifndef FAKES_DOCKER_CONTAINER_H
#define FAKES_DOCKER_CONTAINER_H

#include "fakes/docker/engine.h"
#include "fakes/docker/network.h"

enum container_state {
    CONTAINER_CREATED,
    CONTAINER_RUNNING,
    CONTAINER_PAUSED,
    CONTAINER_RESTARTING,
    CONTAINER_REMOVING,
    CONTAINER_EXITED,
    CONTAINER_DEAD,
    CONTAINER_STATE_MAX,
};

enum restart_policy { RESTART_NO, RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_UNLESS_STOPPED };

struct port {
    uint16_t container;
    uint16_t wanted; /* host port asked for; 0: any */
    uint16_t host;   /* host port in use; 0: none */
    bool published;
    char proto[5];           /* tcp, udp, sctp */
    char *host_ip;           /* "": all addresses */
    struct forward *forward; /* to a process's port, or NULL (published.h) */
};

struct mount {
    char type[8]; /* bind, volume, tmpfs */
    char *name;   /* of a volume, or NULL */
    char *source; /* of a bind, or NULL */
    char *destination, *mode, *propagation;
    char *subpath; /* the folder of the volume that is meant, NULL: all of it */
    bool rw;
    struct volume *volume;
};

#define HEALTH_LOG_MAX 5

struct health_result {
    int64_t start, end; /* wall */
    int exit_code;
    char *output; /* NULL: it said nothing */
};

struct health {
    struct container *c;
    enum health_status status;
    struct clock_timer timer;
    char *test;      /* the command as the events show it */
    json_t *exec;    /* {"Cmd":[...]}, as the body of an exec */
    struct run *run; /* the check that is being made, of a container that is a process */
    struct clock_timer patience;
    int64_t check_began; /* wall */
    struct buf said;     /* what the check that is being made has written */
    bool said_more;      /* than is kept */
    char exec_id[65];
    int64_t interval, timeout, start_period, start_interval;
    int64_t retries;
    int64_t streak;
    int64_t began;                 /* mono: when the container started */
    int64_t next_probe, next_step; /* mono; -1: none */
    size_t step;
    bool watching;
    enum health_status outcome; /* what a probe finds; HEALTH_NONE: success */
    struct health_result log[HEALTH_LOG_MAX];
    size_t n_log;
};

struct log_entry {
    int64_t wall;
    uint32_t at, len; /* in text */
    bool is_err;
};

/* What a container wrote; the oldest half is forgotten over LOG_BYTES_MAX. */
#define LOG_BYTES_MAX (1u << 20)
/* A longer line is logged in pieces, as json-file does. */
#define OUTPUT_LINE_MAX (16u << 10)
struct output {
    struct log_entry *entries;
    size_t n, cap;
    struct buf text;
    struct buf part[2]; /* of stdout and stderr: a line without its end */
};

/* A call that waits for the process to end: stop, kill, restart, remove. */
enum ending { END_STOP, END_KILL, END_RESTART };
struct end_op {
    struct list link;
    struct container *c;
    struct exchange *x; /* NULL: the caller is gone, or there was none */
    enum ending kind;
    struct clock_timer timer; /* then KILL */
};

enum wait_for { WAIT_NOT_RUNNING, WAIT_NEXT_EXIT, WAIT_REMOVED };
struct wait_op {
    struct list link;
    struct exchange *x;
    enum wait_for condition;
    bool begun; /* the headers are sent */
};

struct container {
    struct list link; /* in docker.containers */
    struct docker *d;
    char id[65];
    char *name;
    int64_t created; /* wall */
    enum container_state state;
    bool oom_killed, stopped_by_hand, was_started;
    bool tty, auto_remove, doomed; /* doomed: it removes itself when it ends */
    bool runtime_known;
    bool open_stdin, stdin_once;
    bool has_root;                  /* there are files of it on disk (rootfs.h) */
    bool wedged, ended_by_shutdown; /* trouble.h */
    bool prepared;                  /* its network was there once, so its files are */
    bool logged;                    /* its log was opened once */
    int exit_code;
    int64_t started, finished; /* wall; 0: never */
    int64_t mono_started;
    int pid;
    uint32_t restarts;
    char *error;
    struct behaviour *b;
    /* the image as it was */
    char *image; /* as the create body names it */
    char image_id[72];
    struct content *content;
    int64_t size;
    /* text as it is sent */
    char *config, *config_ports, *host_config; /* config_ports: "ExposedPorts":{...}, or "" */
    size_t config_ports_at;
    size_t runtime_at; /* where the runtime's name goes in host_config */
    char *path_args;   /* "Path":..., "Args":... */
    char *command;
    struct pairs labels;
    /* what of it is acted upon */
    char *network_mode;
    char *log_driver;
    struct port *ports;
    size_t n_ports;
    struct mount *mounts;
    size_t n_mounts;
    enum restart_policy policy;
    int64_t policy_max;
    int64_t memory_limit;
    int64_t cpu_shares;
    int64_t memory_swap;
    int64_t pids_limit;
    char *cpuset;
    char *mac;          /* of the first network, NULL: that of its address */
    char *hostname;     /* NULL: its short id */
    struct link *links; /* to others (links.h) */
    size_t n_links;
    char **other_names; /* that links give it: "container/alias", sorted */
    size_t n_other_names, cap_other_names;
    int stop_signal, stop_timeout; /* seconds, -1: for ever, INT_MIN: the engine's */
    struct endpoint *endpoints;    /* the first is that of network_mode */
    size_t n_endpoints;
    char sandbox[65];
    struct health *health;
    struct output *output;
    struct stdio *io;  /* NULL: nobody was attached, and no process ran */
    struct wire *wire; /* its network, NULL: none of its own (wire.h) */
    struct run *run;   /* its process, or NULL: simulated, or not running */
    struct list execs;
    int64_t written;               /* how often the output was written */
    int64_t cpu_used;              /* ns, over all runs but this one */
    int64_t paused_at, paused_for; /* mono; ns of this run */
    int64_t backoff;
    struct clock_timer end_timer, output_timer, dying_timer, restart_timer;
    int64_t end_left, output_left; /* what was left when it was paused, -1: not armed */
    int dying_code;
    struct list ends, waits, log_streams;
};

/* --- container.c: the state machine -------------------------------------------------------- */

const char *container_state_name(enum container_state s);
void container_become(struct container *c, enum container_state to);

static inline bool container_running(const struct container *c)
{
    return c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED ||
           c->state == CONTAINER_RESTARTING;
}
/* There is a process. */
static inline bool container_alive(const struct container *c)
{
    return c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED;
}

/* Takes its place among the others; emits create. */
void container_add(struct container *c);
/* 0; 1: it runs already; -1. */
int container_start(struct container *c, struct problem *p);
int container_pause(struct container *c, struct problem *p);
int container_unpause(struct container *c, struct problem *p);
/* A signal reaches the process; emits kill. Killed: by a call, not by a stranger inside. */
int container_signal(struct container *c, int signal, struct problem *p);
/* The process ends now. */
void container_end(struct container *c, int exit_code, bool oom);
/* The same with the next turn of the clock, with what its simulated command ends with. */
void container_end_soon(struct container *c);
/* Removes it; force: kills it first. volumes: its anonymous volumes go too. */
int container_remove(struct container *c, bool volumes, bool force, struct problem *p);
/* Frees without events, at the end of the engine. */
void container_free(struct container *c);

void container_event(struct container *c, const char *action, const char *key, const char *value);
void mount_release(struct mount *m);
void container_mounts_release(struct container *c);
/* mount, or unmount, of each of its volumes. */
void container_volume_events(const struct container *c, bool mounted);

/* By id, name or the beginning of an id. NULL and a problem. */
struct container *container_find(struct docker *d, const char *name, struct problem *p);
bool container_name_valid(const char *name);
/* -1 with the conflict. */
int container_name_free(struct docker *d, const char *name, struct problem *p);
void docker_containers_release(struct docker *d);

/* --- container_net.c: addresses, ports, mounts ------------------------------------------- */

int container_connect(struct container *c, struct problem *p);
void container_disconnect(struct container *c);
bool container_connected(const struct container *c); /* to the network of its mode */
/* It is in a network that has ports: neither none nor host. */
bool container_shows_ports(const struct container *c);
bool container_shares_network(const struct container *c); /* container:ID */
/* In the first of its networks; 0: none. */
static inline ip_number container_address(const struct container *c)
{
    return c->n_endpoints ? c->endpoints[0].address : 0;
}

/* --- container_health.c ------------------------------------------------------------------ */

/* Reads Healthcheck, and Shell, of its Config; NULL: the container has none. */
struct health *health_new(struct container *c, const json_t *config);
void health_free(struct health *h);
void health_start(struct health *h);
void health_stop(struct health *h);
void health_resume(struct health *h);
/* Whatever check is being made is not any more. */
void health_end_check(struct health *h);
/* From now on checks find this; one is made at once. */
void health_set(struct health *h, enum health_status status);

/* --- docker_logs.c ----------------------------------------------------------------------- */

/* The process wrote a line. */
void container_write(struct container *c, bool is_err, const char *line);
void output_free(struct output *o);
void log_streams_end(struct container *c);
void get_container_logs(struct fake *f, struct exchange *x);

/* --- docker_stats.c ---------------------------------------------------------------------- */

/* CPU time used until now, ns. */
int64_t container_cpu(const struct container *c);
void stat_streams_end(struct container *c);
void get_container_stats(struct fake *f, struct exchange *x);

/* --- calls ------------------------------------------------------------------------------- */

void post_containers_create(struct fake *f, struct exchange *x);
void get_containers(struct fake *f, struct exchange *x);
/* As lists show it. for_list: where volumes lie is left out. */
void container_summary(struct buf *b, struct container *c, bool size, bool for_list);
void get_container(struct fake *f, struct exchange *x);
void get_container_top(struct fake *f, struct exchange *x);
void post_container_start(struct fake *f, struct exchange *x);
void post_container_stop(struct fake *f, struct exchange *x);
void post_container_kill(struct fake *f, struct exchange *x);
void post_container_restart(struct fake *f, struct exchange *x);
void post_container_pause(struct fake *f, struct exchange *x);
void post_container_unpause(struct fake *f, struct exchange *x);
void post_container_wait(struct fake *f, struct exchange *x);
void post_container_rename(struct fake *f, struct exchange *x);
void post_container_update(struct fake *f, struct exchange *x);
void delete_container(struct fake *f, struct exchange *x);
/* Takes the limits and the policy from a HostConfig. */
void container_limits(struct container *c, const json_t *host);
/* From now on inspect shows this HostConfig. */
void container_set_host_config(struct container *c, const json_t *host);
void post_containers_prune(struct fake *f, struct exchange *x);

/* The calls that waited for the process to end. */
void end_ops_done(struct container *c, bool events_only);
void wait_ops_done(struct container *c, enum wait_for reached);
void end_op_free(struct end_op *op);

/* --- docker_inspect.c -------------------------------------------------------------------- */

void add_status_text(struct buf *b, struct container *c); /* "Up 5 seconds (healthy)" */
/* What the engine calls its own layer on disk. */
void container_layer(const struct container *c, char layer[65]);
/* version: of the call; 0: for a list, which leaves out the aliases. */
void add_networks(struct buf *b, const struct container *c, bool modern, int version);
void add_mounts(struct buf *b, const struct container *c, bool for_list);
char *mac_text(uint32_t address, char out[18]);
/* The one that was asked for, or that of its address; "" when it is not connected. */
const char *endpoint_mac(const struct container *c, const struct endpoint *e, char out[18]);
/* The name of the network it is in: bridge, host, none, or a name that does not exist. */
const char *container_network_name(const struct container *c);

#endif
