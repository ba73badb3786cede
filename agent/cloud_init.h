/*
 * cloud_init.h - did cloud-init see the user data?
 *
 * Where it found no data source it says so in /var/lib/cloud/data/result.json, and has applied
 * nothing. An instance that has user data all the same would then join the default cluster, and
 * never leave it (its state is saved). So the agent ends with 5 instead. In doubt it goes on: no
 * such file, no JSON, another data source. (config/cloudinit_check_linux.go, since 1.105.0)
 */
#ifndef AGENT_CLOUD_INIT_H
#define AGENT_CLOUD_INIT_H

#include <stdbool.h>

#define CLOUD_INIT_RESULT "/var/lib/cloud/data/result.json"

/* True when the file at this path says that there was no data source. */
bool cloud_init_found_nothing(const char *path);

#endif
