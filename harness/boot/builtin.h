/*
 * builtin.h - the units of a cloud machine that nobody has to give: systemd's targets, cloud-init's
 * five units, and a Docker engine, reduced to what orders a boot.
 *
 * The order of cloud-init's units is that of its templates (systemd/cloud-*.tmpl in its
 * repository, 22.4): on Debian and Ubuntu cloud-final.service is After=multi-user.target, on
 * Amazon Linux it is not. Held against the real ones: scenarios/boot/.
 */
#ifndef HARNESS_BOOT_BUILTIN_H
#define HARNESS_BOOT_BUILTIN_H

#include <stddef.h>

/* NULL-terminated names of hosts: "amazon-linux", "debian". The first is the default. */
const char *const *builtin_hosts(void);
/* The text of a unit on such a host; NULL: it has none of this name. */
const char *builtin_unit(const char *host, const char *name);

#endif
