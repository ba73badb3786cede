/*
 * plugin.h - ecsim as a CNI plugin: the program that an agent finds under a plugin's name.
 *
 * It hands what it was given to the fake cni (fakes/cni/cni.h), prints the answer, and ends with
 * 0, or with 1 when it was told of an error, or nothing. The fake is found at CNI_SOCKET beside
 * the plugin: agents name plugins by their whole path.
 */
#ifndef HARNESS_CNI_PLUGIN_H
#define HARNESS_CNI_PLUGIN_H

#include <stdbool.h>

#include "base/err.h"

#define CNI_SOCKET ".ecsim.sock"

/* The command was called by the name of a plugin. */
bool cni_plugin_named(const char *argv0);
/* The exit status. */
int cni_plugin_main(int argc, char **argv);

/*
 * Makes dir, if need be, with one link to `program` for each plugin. images: a folder for
 * amazon-ecs-pause.tar, an archive of amazon/amazon-ecs-pause:0.1.0 as `docker save` writes
 * one, with a layer that is empty; NULL: none.
 */
int cni_folder_make(const char *dir, const char *program, const char *images, struct err *e);

#endif
