/*
 * cgroup.h - limits of a whole task: one control group for each task, the
 * parent of its containers' groups.
 *
 * ECS_CGROUP_PATH is the place where the hierarchies are mounted. Version 1
 * has a folder for each controller; a task is PATH/<controller>/ecs/<task id>
 * in every one of them, and Docker is told "/ecs/<task id>". Version 2 is one
 * tree, known by its file cgroup.controllers; a task is
 * PATH/ecstasks.slice/ecstasks-<task id>.slice, and Docker is told the name of
 * the slice.
 *
 * What is written: with task cpu, quota and period (version 1) or cpu.max;
 * without, the sum of the containers' shares, or what it is as cpu.weight;
 * task memory as a limit; ECS_TASK_PIDS_LIMIT.
 *
 * Source: taskresource/cgroup, api/task/task_linux.go. Unlike the official
 * agent, version 2 is written to the tree and not asked of systemd: where
 * systemd owns the tree it may set the limits of the slice anew.
 *
 * A struct cgroup borrows path. Nothing here is kept open.
 */
#ifndef AGENT_CGROUP_H
#define AGENT_CGROUP_H

#include <stdbool.h>

#include "agent/task.h"
#include "base/err.h"

struct cgroup {
    const char *path;
    bool v2;
    int64_t cpu_period; /* ns */
    int64_t pids;       /* 0: no limit */
};

/*
 * Finds the hierarchies below path and makes the group of all tasks. -1: there
 * are none, they lack cpu or memory, or may not be written.
 */
int cgroup_init(struct cgroup *g, const char *path, struct err *e);

/* What Docker is told as CgroupParent. To be freed. */
char *cgroup_parent(const struct cgroup *g, const struct task *t);

/* Makes the task's group and sets its limits; one that is there is left as it is. */
int cgroup_create(const struct cgroup *g, const struct task *t, struct err *e);

/* Removes it. -1 when it is still in use; one that is not there is fine. */
int cgroup_remove(const struct cgroup *g, const struct task *t, struct err *e);

#endif
