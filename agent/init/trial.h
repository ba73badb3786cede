/*
 * trial.h - an updated agent has to show that it registers, or the image before it comes back.
 *
 * ecs-init starts what was loaded and never looks back: a release that does not start takes the
 * machine out of its cluster. Here the image that ran before an update is written down, in
 * /var/cache/ecs/previous-image, before the next one runs. The trial is over, and the file is
 * gone, when the agent's introspection tells its ContainerInstanceArn, or when it asks for the next
 * update. It has failed when the agent
 *
 * - ends with 5,
 * - ends otherwise TRIAL_ENDS times,
 * - has not registered after TRIAL_TIME: it is stopped then.
 *
 * Then the image of before gets the name back; where it is gone, the cached one is loaded. The old
 * version registers, which makes the update FAILED on the control plane. A trial goes on when
 * ecsim-init or the machine is restarted.
 */
#ifndef AGENT_INIT_TRIAL_H
#define AGENT_INIT_TRIAL_H

#include "agent/init/agent_container.h"

#define TRIAL_ENDS 3
#define TRIAL_TIME (300 * NS_PER_S)
#define TRIAL_LOOK (2 * NS_PER_S)
#define TRIAL_FILE INIT_CACHE "/previous-image"

struct trial {
    struct init *in;
    char *previous; /* id of the image of before; NULL: no trial */
    int ends;
    struct clock_timer look, limit;
    struct http_request *asking;
    void (*expired)(void *user);
    void *user;
    agent_image_fn rolled_back;
    void *rolled_back_user;
};

/* Goes on with a trial that is written down. */
void trial_init(struct trial *t, struct init *in);
void trial_release(struct trial *t);

/* The next start is that of an update; image: id of what ran before. */
void trial_begin(struct trial *t, const char *image);
/* The agent runs. expired() may come once, while it does. */
void trial_started(struct trial *t, void (*expired)(void *user), void *user);
/* It has ended. True: this was no good, call trial_roll_back(). */
bool trial_ended(struct trial *t, int code);
/* done(): error NULL, or why nothing of before could be had. The trial is over. */
void trial_roll_back(struct trial *t, agent_image_fn done, void *user);

/* The id in the file's text; to be freed. NULL: there is none. */
char *trial_image_id(const char *text);

#endif
