/*
 * up_engine.h - what `ecsim up --docker URL` leaves behind on an engine that is not ours.
 */
#ifndef HARNESS_UP_ENGINE_H
#define HARNESS_UP_ENGINE_H

#include "fakes/core/world.h"

/* How long an engine may take for one answer; removing kills what runs. */
#define UP_ENGINE_ANSWER_NS (20 * NS_PER_S)

/* True for a URL that can be asked: unix:///PATH or tcp://HOST:PORT. */
bool up_engine_is_url(const char *url);

/*
 * Removes the containers of the tasks that this world's control plane knows, by
 * the label that agents give them; other containers of the engine stay. Only
 * when the agent has ended. What does not work is noted in the journal.
 */
void up_engine_clean(struct world *w, const char *url);

#endif
