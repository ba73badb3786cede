/*
 * cmd_certificates.h - `ecsim certificates`: by which instance identity documents are checked.
 */
#ifndef HARNESS_CMD_CERTIFICATES_H
#define HARNESS_CMD_CERTIFICATES_H

/* argv[0] is "certificates". Returns one of harness/exitcode.h. */
int cmd_certificates(int argc, char **argv);

#endif
