/*
 * up.h - `ecsim up`, `down`, `status`, `logs`: an ECS control plane on your own machine.
 *
 * `up` serves every fake and prints the exports that lead clients to them; with
 * an agent beside it, the AWS CLI runs containers. The world is known by a name
 * (up_dir.h), by which the other three find it.
 */
#ifndef HARNESS_UP_H
#define HARNESS_UP_H

/* argv[0] is the command's name. Each returns one of harness/exitcode.h. */
int cmd_up(int argc, char **argv);
int cmd_down(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_logs(int argc, char **argv);

#endif
