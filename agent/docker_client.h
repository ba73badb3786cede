/*
 * docker_client.h - calls to the Docker Engine, over http.h.
 *
 * Every call is asynchronous: it returns a struct docker_request at once and
 * later calls done() exactly once, unless docker_cancel() came before. done()
 * never runs inside the call that started it.
 *
 * API version: docker_negotiate() asks GET /version without a prefix and
 * settles on the lowest version that both sides speak, 1.21 or what the daemon
 * still serves, as the official agent does (versions.go). Until then, and for
 * the ping, paths have no prefix. Create and start may ask for a higher
 * version (the payload's dockerConfig.version).
 *
 * Errors of the daemon are JSON {"message":"..."} from API 1.24 on and plain
 * text below; both become r->message without the trailing newline, behind
 * "Error response from daemon: " as Docker's own client writes it.
 *
 * Limits: DOCKER_ANSWER_MAX for a body, DOCKER_LINE_MAX for one object of a
 * pull stream; each call has a time limit.
 */
#ifndef AGENT_DOCKER_CLIENT_H
#define AGENT_DOCKER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/http.h"
#include "agent/loop.h"
#include "base/json.h"
#include "base/log.h"

#define DOCKER_ANSWER_MAX (4u << 20)
#define DOCKER_LINE_MAX   (256u << 10)

struct docker_client;
struct docker_request;

/* Valid inside done() only. */
struct docker_result {
    int status;     /* HTTP status; 0: no answer */
    bool ok;        /* 2xx (and for a pull: no error in the stream) */
    bool timed_out; /* a time limit was passed: `waited` ns in a pull's `phase` */
    int64_t waited;
    const char *phase;   /* "pullBegin", "pulled" or "inactivity" of a pull; else NULL */
    bool unreachable;    /* no connection: the daemon is not there */
    const json_t *json;  /* the answer, when it was JSON */
    const char *message; /* what the daemon or the transport said; "" when ok */
};

typedef void (*docker_done_fn)(const struct docker_result *r, void *user);

/* host: unix:///path, tcp://host:port, http(s)://host:port. NULL with the reason. */
struct docker_client *docker_new(struct loop *l, struct http *http, const char *host,
                                 struct err *e);
void docker_free(struct docker_client *d); /* cancels what is under way; NULL is fine */

/*
 * e: ERR_NONE, or why no version fits: no answer, none of 1.17 to 1.44, or
 * less than 1.21 (Docker 1.9.0).
 *
 * Such an agent ends with status 1. The official agent has a check that means
 * to end with 5 when 1.21 is missing (app/agent.go:verifyRequiredDockerVersion)
 * but never comes to it: from 1.20.3 to 1.105.1 it makes its client for 1.21
 * first, fails with "client not found for docker version: 1.21", and ends with
 * 1 (1.62.2 seen with API 1.20, 1.105.1 with 1.16). That serves: a supervisor
 * that tries again finds the daemon when it has been updated.
 */
typedef void (*docker_negotiated_fn)(const struct err *e, void *user);

/* GET /version, once at start. Sets the version of all later calls when it fits. */
struct docker_request *docker_negotiate(struct docker_client *d, docker_negotiated_fn fn,
                                        void *user);

/* Path of the daemon's socket; NULL: it is asked by TCP. */
const char *docker_socket(const struct docker_client *d);
/* What is asked for in a request for path: with the version before it. To be freed. */
char *docker_target(const struct docker_client *d, const char *path);
/* Who is asked behind a socket, as the Host header says it. */
#define DOCKER_HOST_NAME "api.moby.localhost"

/* "20.10.24"; "" before docker_negotiate() has succeeded. */
const char *docker_server_version(const struct docker_client *d);
/* "20.10.24" is at least 20.10; what is no version ("", NULL, "dev") is not. */
bool docker_is_at_least(const char *version, long major, long minor);
/* Minor versions (of 1.x) that both sides speak: for the remote-API capabilities. 0 before. */
int docker_api_lowest(const struct docker_client *d);
int docker_api_highest(const struct docker_client *d);

/* timeout: ns, as all. */
struct docker_request *docker_ping(struct docker_client *d, int64_t timeout, docker_done_fn done,
                                   void *user);
/*
 * GET /distribution/<image>/json: json.Descriptor.digest. NULL when the daemon is older than 1.35.
 * login, here and below: what X-Registry-Auth says; NULL: {}, nobody's.
 */
struct docker_request *docker_distribution(struct docker_client *d, const char *image,
                                           const json_t *login, int64_t timeout,
                                           docker_done_fn done, void *user);
/*
 * POST /images/create. Reads the progress until its end; an object with
 * "error" fails it. begin: ns to the first object; idle: ns without one;
 * timeout: ns for all. digest ("sha256:...") is pulled instead of the tag.
 */
struct docker_pull_limits {
    int64_t begin, idle, timeout;
};
struct docker_request *docker_pull(struct docker_client *d, const char *image, const char *digest,
                                   const json_t *login, const struct docker_pull_limits *limits,
                                   docker_done_fn done, void *user);
struct docker_request *docker_image_inspect(struct docker_client *d, const char *image,
                                            docker_done_fn done, void *user);
/* Gives image (name:tag) to what was pulled as name@digest. */
struct docker_request *docker_tag(struct docker_client *d, const char *image, const char *digest,
                                  docker_done_fn done, void *user);
/* body: the create body. version: dockerConfig.version ("1.24") or NULL. */
struct docker_request *docker_create(struct docker_client *d, const char *name, const char *version,
                                     const json_t *body, int64_t timeout, docker_done_fn done,
                                     void *user);
struct docker_request *docker_start(struct docker_client *d, const char *id, const char *version,
                                    int64_t timeout, docker_done_fn done, void *user);
/* POST /containers/<id>/stop?t=<seconds>; waits grace and DOCKER_STOP_EXTRA for the answer. */
struct docker_request *docker_stop(struct docker_client *d, const char *id, int64_t grace,
                                   docker_done_fn done, void *user);
/* id or name */
struct docker_request *docker_inspect(struct docker_client *d, const char *id, docker_done_fn done,
                                      void *user);
/* One sample of what it uses. */
struct docker_request *docker_stats_once(struct docker_client *d, const char *id,
                                         docker_done_fn done, void *user);
/* DELETE /containers/<id>?v=1 */
struct docker_request *docker_remove(struct docker_client *d, const char *id, docker_done_fn done,
                                     void *user);
/* body: Name, Driver, DriverOpts, Labels. One that is there already is no error. */
struct docker_request *docker_volume_create(struct docker_client *d, const json_t *body,
                                            docker_done_fn done, void *user);
struct docker_request *docker_volume_inspect(struct docker_client *d, const char *name,
                                             docker_done_fn done, void *user);
struct docker_request *docker_volume_remove(struct docker_client *d, const char *name,
                                            docker_done_fn done, void *user);
/* Running containers, or all. */
struct docker_request *docker_list(struct docker_client *d, bool all, docker_done_fn done,
                                   void *user);
/* DELETE /images/<name or id>?noprune=1: layers of parents stay, as the official agent asks. */
struct docker_request *docker_image_remove(struct docker_client *d, const char *name,
                                           docker_done_fn done, void *user);
struct docker_request *docker_image_list(struct docker_client *d, docker_done_fn done, void *user);

/* POST /images/load: an archive as `docker save` writes it. Borrowed until it has been sent. */
struct docker_request *docker_image_load(struct docker_client *d, const char *archive, size_t n,
                                         docker_done_fn done, void *user);

/* A command in a running container. body: User, Detach, Cmd. The answer has its Id. */
struct docker_request *docker_exec_create(struct docker_client *d, const char *container,
                                          const json_t *body, docker_done_fn done, void *user);
/* Detached: nobody reads what it prints. */
struct docker_request *docker_exec_start(struct docker_client *d, const char *id,
                                         docker_done_fn done, void *user);
/* Running, ExitCode, Pid */
struct docker_request *docker_exec_inspect(struct docker_client *d, const char *id,
                                           docker_done_fn done, void *user);

/*
 * An endless answer (events, stats): `line` gets each JSON object of at most
 * max bytes; longer ones are counted and dropped. opened() is called when the
 * daemon has accepted with 200. done() tells the end. line() and opened() may
 * call docker_cancel() on it.
 */
struct docker_stream_call {
    const char *path; /* behind the prefix, with its query */
    size_t max_line;
    int64_t idle_timeout; /* ns; 0: none */
    void (*opened)(void *user);
    void (*line)(const json_t *v, void *user);
    void (*text)(const char *p, size_t n, void *user); /* or, in place of line, the object's text */
    docker_done_fn done;
    void *user;
};
struct docker_request *docker_stream(struct docker_client *d, const struct docker_stream_call *c);

/* Ends it without done(). NULL is fine. */
void docker_cancel(struct docker_request *r);

#endif
