/*
 * cache.h - the image that came with the package: /var/cache/ecs/ecs-agent.tar and its state.
 *
 * /var/cache/ecs/state says what is to be done with it: "1" it was loaded, "2" it is newer than
 * what was loaded (a package update writes that), "0", nothing or anything else: there is none.
 * An empty tarball is none either. (ecs-init/cache/cache.go)
 *
 * | state | pre-start | reload-cache |
 * |---|---|---|
 * | none | downloaded and loaded | downloaded and loaded |
 * | reload | loaded | loaded |
 * | cached | loaded when Docker has no such image | loaded |
 *
 * A tarball that Docker cannot load is an error, and makes the state "0": the next start fetches
 * another one, instead of failing on this one for ever.
 *
 * Downloaded is, without a signature, ecs-agent-v<version>.tar and its .md5: from the bucket
 * amazon-ecs-agent, and where that does not give them from amazon-ecs-agent-<region>
 * (cache_download.c). The region is AWS_DEFAULT_REGION, else what the instance metadata tells; on
 * an external instance there is none, and us-east-1 is taken with a warning. (ecs-init takes
 * us-east-1 there whatever the environment says: cache.go:getRegion.) ECSIM_INIT_S3 is where those
 * buckets are; https://s3.<region>.amazonaws.com.
 */
#ifndef AGENT_INIT_CACHE_H
#define AGENT_INIT_CACHE_H

#include "agent/init/agent_container.h"

#define CACHE_TARBALL INIT_CACHE "/ecs-agent.tar"
#define CACHE_STATE   INIT_CACHE "/state"

enum cache_state { CACHE_NONE, CACHE_CACHED, CACHE_RELOAD };

/* What the text of the state file means. */
enum cache_state cache_state_of(const char *text);
/* Of the files: CACHE_NONE without a tarball. */
enum cache_state cache_state_read(void);
void cache_state_write(struct init *in, enum cache_state state);

/* done(): error NULL: Docker has an image of the agent. */
void cache_fill(struct init *in, agent_image_fn done, void *user);
void cache_reload(struct init *in, agent_image_fn done, void *user);

/* Fetches the tarball into the cache; nothing of it is there when that fails. */
void cache_download(struct init *in, agent_image_fn done, void *user);

/* The checksum in the text of an .md5 file: 32 lower-case digits, blanks around; to be freed. NULL:
 * it is none. */
char *cache_md5_of(const char *text);

#endif
