/*
 * behaviour.h - what an image declares: how its containers behave, and what it is.
 *
 * Options are words with a text value, as a person wrote them in a scenario or
 * on a command line ("run-for" "5s"). The vocabulary is near that of Nomad's
 * mock driver. All times pass on the clock of the loop.
 *
 * How containers behave (an image declares it; a label ecsim.NAME of a create
 * body overrides it for one container):
 *   run-for DURATION     the process ends by itself after this long (default: never)
 *   exit CODE            with this code (default 0)
 *   signal NAME          ... or killed by this signal (code 128 + its number)
 *   oom yes|DURATION     ... or by the kernel, out of memory
 *   ignore-term yes      TERM and the image's stop signal are ignored
 *   stop-delay DURATION  the process takes this long to end after a stop signal
 *   stop-exit CODE       and ends with this code (default 128 + the signal)
 *   stdout, stderr TEXT  written when it starts, a newline is added
 *   every DURATION       ... and again each time this has passed
 *   repeat N             ... until it was written N times (default: as long as it runs)
 *   commands RULES       what run and exec of some commands do, see command.h
 *   health STEPS         "starting:2s,healthy:10s,unhealthy"; needs a health check in the
 *                        create body or the image; without it the first check succeeds
 *   create-error TEXT, start-error TEXT  the call fails with 500 and this text; start-error
 *                        also takes not-found and not-executable (the runtime's own words)
 *   cpu PERCENT          of one processor, shown by stats (default 1)
 *   memory SIZE          shown by stats (default 4MiB)
 *
 * What the image is (not for labels):
 *   pull DURATION        how long a pull takes (default: no time)
 *   pull-error TEXT      a pull fails; denied, not-found, toomanyrequests, unauthorized,
 *                        timeout, no-space stand for the usual words. With `pull` it fails
 *                        after that time, inside the stream.
 *   cached yes           it is there without a pull
 *   size SIZE, layers N|NAME,NAME...   layers of the same name are shared between images
 *   archive FILE         the image is the first of this docker archive (what `docker save`
 *                        writes): configuration, layers, sizes and history are those
 *   digest sha256:...    of its manifest (default: derived from its name)
 *   rootfs PATH          a folder or a tar: its root file system; the command really runs
 *   files PATH           the same for a simulated container: archive and export show them
 *   process yes          the command really runs, in the layers of `archive`, or in those that
 *                        are loaded or imported under this name
 *   arch NAME            amd64, arm64 ...; what is foreign does not run (exec format error)
 *   cmd, entrypoint      command lines; env "A=1 B=2", user, workdir, expose "80/tcp 53/udp",
 *   volume "/data /x", stop-signal NAME, healthcheck COMMAND, label "a=b c=d"
 *
 * Life cycle: behaviour_new() (all defaults), behaviour_set() for each option;
 * reference counted: behaviour_ref(), behaviour_unref(). Shared by an image and
 * its containers; a container with overrides has a copy.
 */
#ifndef FAKES_DOCKER_BEHAVIOUR_H
#define FAKES_DOCKER_BEHAVIOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY, HEALTH_MAX };

struct health_step {
    enum health_status status;
    int64_t lasts; /* ns; -1: for ever */
};

#define BEHAVIOUR_STEPS_MAX 16
/* Of a declared image that says nothing of its size and has no files. */
#define IMAGE_SIZE_DEFAULT (4 << 20)

struct behaviour {
    unsigned refs;
    /* a container's life */
    int64_t run_for; /* ns, -1: for ever */
    int64_t exit_code;
    int64_t signal; /* 0: none */
    bool oom, ignore_term;
    int64_t stop_delay;
    int64_t stop_exit; /* -1: 128 + signal */
    char *out, *err_out;
    char *commands;
    int64_t every;  /* ns, 0: once */
    int64_t repeat; /* 0: as long as it runs */
    struct health_step steps[BEHAVIOUR_STEPS_MAX];
    size_t n_steps;
    char *create_error, *start_error;
    int64_t cpu;    /* thousandths of one processor */
    int64_t memory; /* bytes */
    /* an image */
    int64_t pull; /* ns */
    char *pull_error;
    bool cached, process;
    int64_t size;
    char *layers, *digest, *arch, *archive, *rootfs, *files;
    char *cmd, *entrypoint, *env, *user, *workdir, *expose, *volume, *healthcheck, *label;
    int64_t stop_signal;
};

struct behaviour *behaviour_new(void);
struct behaviour *behaviour_copy(const struct behaviour *b);
struct behaviour *behaviour_ref(struct behaviour *b);
void behaviour_unref(struct behaviour *b); /* NULL: nothing */

/* Sets one option. -1 with ERR_USAGE and one clear line, with a did-you-mean for the name.
 * container_only: as a label of a container, where options of images are refused. */
int behaviour_set(struct behaviour *b, const char *name, const char *value, bool container_only,
                  struct err *e);

/* "9", "KILL", "SIGKILL" in any case; -1: no such signal. */
int signal_from(const char *word);
/* "SIGTERM", or the number where it has no name. Needs 16 bytes; returns out. */
char *signal_text(int signal, char out[16]);

const char *health_status_name(enum health_status s);
int health_status_from(const char *word); /* -1: none of starting, healthy, unhealthy */

/* The processor of the engine; images of another do not run. */
#define DOCKER_ARCH "amd64"

/* "64MiB", "1.5GB", "4096" in bytes; -1 when it is none. */
int behaviour_size(const char *s, int64_t *ret);

#endif
