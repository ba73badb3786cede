/*
 * docker.h - the fake Docker Engine.
 *
 * Answers the Engine API as dockerd does: status, headers, wording and order of
 * members are those of recorded engines (20.10 at API 1.41, 1.24, 1.21, 1.17;
 * 26.1 at 1.45, 1.24). Containers are simulated: what they do is declared by
 * their image (behaviour.h, command.h) and happens on the loop's clock; or their
 * image declares a root file system, and the command really runs (process.h).
 *
 * One state machine per container (container.h) is the source of everything: the
 * state that inspect and list show, the events, the statistics and the logs.
 * Changes are journaled as "container NAME", created -> running and so on.
 *
 * Images come from a catalogue, which is empty at first. A pull of a name that
 * is not in it fails as it does for a repository that does not exist.
 *
 * Groups of calls: engine (ping, version, info, events, inspect, list, stats,
 * logs, top, plugins, networks), images, lifecycle, volumes.
 * What belongs to no group (a swarm that begins, plugins that come, buildkit) is answered with
 * 501 and {"message":"ecsim does not simulate ..."}: Docker's command line and
 * the SDKs show that text as it is, and do not try again. Unknown paths are 404.
 *
 * fake_down() and fake_up() are the daemon stopping and starting with
 * live-restore: streams and waiting calls end, containers, images and volumes
 * live on, timers run on, and what happened in between is seen by inspect and by
 * events with `since`.
 *
 * Control commands (arguments are members of an object of strings):
 *   image    name, and the options of behaviour.h: puts an image into the catalogue,
 *            or replaces it. With cached=yes it is local at once.
 *   unimage  name; only=local: forgets the local copy, only=catalogue: the entry;
 *            without `only`: both.
 *   capacity size: bytes for images; a pull that has no room fails
 *   exit     container; code or signal: the process ends (code 0)
 *   oom      container: the kernel kills it
 *   health   container, status (healthy, unhealthy, starting): the next check says so
 *   remove   container: removed by a stranger, by force
 *   version  version (20.10.24), api (1.41), min (1.12): the engine's version window;
 *            what is left out follows from the version, or the version from the api
 *   containers   container (optional): a list of objects for reports
 *            {id, name, image, state, exitCode, health, pid}
 * `container` is an id, a unique beginning of one, a name, a glob over names, or
 * the ECS container name (label com.amazonaws.ecs.container-name). What fits none
 * or more than one is an error that lists what there is.
 */
#ifndef FAKES_DOCKER_DOCKER_H
#define FAKES_DOCKER_DOCKER_H

#include <stdbool.h>
#include <sys/types.h>

#include "fakes/core/fake.h"

struct process_host;

/* Who makes the processes of containers from now on (taken over; process.h). To be called before
 * the first container runs. */
void docker_set_host(struct fake *f, struct process_host *h);
/* From now on containers that are processes have networks of their own, in the network namespace
 * that the fake lives in, where it has the right to make them (wire.h). */
void docker_own_networks(struct fake *f);
/* True when this child is the process of a container or of an exec. */
bool docker_runs(const struct fake *f, pid_t pid);
/* Where the files of containers lie; NULL: there are none. */
const char *docker_folder(const struct fake *f);

/* Engines of this version can be simulated. */
bool docker_knows_version(const char *version);
/* Release i of those whose shapes are known, with the window of its API: "1.24", "1.44".
 * NULL: there are no more. */
const char *docker_version_at(size_t i, char min[24], char api[24]);

extern const struct fake_ops docker_ops;

#endif
