/* Containers' processes in a scenario: they are reaped and traced as the agent is, and live on
 * its clock. */
#include "fakes/docker/docker.h"
#include "fakes/docker/process.h"
#include "harness/run.h"

static int seize(void *data, pid_t pid, struct err *e)
{
    struct run *r = data;

    return run_tracer(r) ? tracer_seize(&r->tracer, pid, e) : 0;
}

static void end(void *data, pid_t pid)
{
    struct run *r = data;

    procs_end_other(&r->procs, pid);
}

static void on_other(void *data, pid_t pid, int status)
{
    struct run *r = data;

    process_host_ended(r->containers, pid, status);
}

static int install_filter(void)
{
    return tracer_install_filter(false);
}

void run_docker_host(struct run *r)
{
    const struct process_tracer t = {r, seize, run_tracer(r) ? install_filter : NULL, end};
    struct fake *docker = world_find(&r->world, "docker");

    if (!docker)
        return;
    r->containers = process_host_new(&r->world.loop, &t);
    docker_set_host(docker, r->containers);
    if (r->config->sandbox)
        docker_own_networks(docker);
    r->procs.others = on_other;
    r->procs.others_data = r;
}

void run_docker_release(struct run *r)
{
    struct fake *docker = world_find(&r->world, "docker");

    if (docker && r->containers) {
        /* an agent that has just ended may have a stream of events that is not known to have */
        fake_drop_connections(docker);
        docker->ops->reset(docker);
    }
    r->procs.others = NULL;
}
