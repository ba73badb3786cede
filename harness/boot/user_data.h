/*
 * user_data.h - what cloud-init will run of some user data, and in which of its services.
 *
 *   "#!..."                        a script of cloud-final.service
 *   "#cloud-config"                bootcmd: cloud-init.service; write_files: there too;
 *                                  runcmd: a script of cloud-final.service
 *   "#cloud-boothook"              cloud-init.service
 *   MIME multipart                 each part by its Content-Type (or, when that is text/plain, by
 *                                  its first line); 7bit, 8bit, binary, base64, quoted-printable
 *   "## template: jinja"           a line that is passed over
 *   "#include", gzip, and what is none of these   an error that says so: cloud-init would fetch
 *                                  or unpack it, and nobody here can see what is in it
 *
 * Scripts run in the order of their names, as cloud-init runs them: part-001, part-002 ... , then
 * runcmd.
 *
 * Life cycle: user_data_read() into zeroed memory; user_data_release().
 */
#ifndef HARNESS_BOOT_USER_DATA_H
#define HARNESS_BOOT_USER_DATA_H

#include <stddef.h>

#include "base/err.h"
#include "harness/boot/command.h"

/* EC2 takes 16 KiB; other clouds more. */
#define USER_DATA_MAX   (1 << 20)
#define USER_DATA_PARTS 200

struct user_data {
    struct script init;   /* cloud-init.service */
    struct script final;  /* cloud-final.service */
    struct script runcmd; /* of the newest cloud-config; part of final once all is read */
    size_t parts;
};

/* from: what messages call it. -1: ERR_PARSE "NAME:LINE: ...", ERR_LIMIT. */
int user_data_read(struct user_data *u, const char *from, const char *text, size_t n,
                   struct err *e);
void user_data_release(struct user_data *u);

/* cloud_config.c: one cloud-config document. */
int cloud_config_read(struct user_data *u, const char *from, int line, const char *text, size_t n,
                      struct err *e);

#endif
