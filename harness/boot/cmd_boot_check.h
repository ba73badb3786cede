/*
 * cmd_boot_check.h - `ecsim boot-check`: find the deadlock before the machine does.
 */
#ifndef HARNESS_BOOT_CMD_BOOT_CHECK_H
#define HARNESS_BOOT_CMD_BOOT_CHECK_H

/* An exit code (exitcode.h). */
int cmd_boot_check(int argc, char **argv);

#endif
