/*
 * image_config.h - what a configuration (Config of an image or a container) becomes: by what it
 * inherits, and by instructions of a Dockerfile. Private to fakes/docker.
 *
 * Configurations are what schema_read() returns for config_schema().
 */
#ifndef FAKES_DOCKER_IMAGE_CONFIG_H
#define FAKES_DOCKER_IMAGE_CONFIG_H

#include "base/json.h"
#include "fakes/docker/gojson.h"

/* Lines of one list of changes, and ports that one line may expose. */
#define CHANGES_MAX 1000u

/* A container inherits what its image says, and an image what its container says; dockerd's
 * merge(). from is left as it is. */
void config_merge(json_t *config, const json_t *from);

/*
 * The `changes` of commit and import, one or more lines: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK,
 * LABEL, ONBUILD, USER, VOLUME, WORKDIR and, from 23 on, STOPSIGNAL, with comments, continued
 * lines, JSON forms, and variables where dockerd replaces them (buildkit's parser and shell lexer).
 * api: API() of the engine, for its wording. Directives (# escape=) are comments here.
 *
 * 0; or -1 with dockerd's text in why, and config in an unknown state.
 */
int config_changes(json_t *config, const char *text, int api, char why[GOJSON_TEXT_MAX]);

#endif
