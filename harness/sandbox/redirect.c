/*
 * A part of sandbox.h: what ecs-init tells the kernel of 169.254.170.2:80. Who asks from the
 * instance itself (its rule in OUTPUT) gets port 51679 here; what comes from a container with a
 * network of its own (PREROUTING) goes to 127.0.0.1:51679, where newer agents listen alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"
#include "fakes/core/nat.h"
#include "harness/sandbox/sandbox.h"

/* Without this a packet from outside never gets to 127.0.0.1. ecs-init sets it too. */
static int let_in(struct err *e)
{
    int fd = open("/proc/sys/net/ipv4/conf/all/route_localnet", O_WRONLY | O_CLOEXEC);
    int k = fd < 0 ? err_sys(e, errno, "route_localnet") : io_write_all(fd, "1", 1, e);

    if (fd >= 0)
        close(fd);
    return k;
}

int sandbox_redirect(struct err *e)
{
    const struct nat_rule rules[] = {
        {NAT_OUTPUT, IPPROTO_TCP, inet_addr(SANDBOX_METADATA_ADDRESS), SANDBOX_METADATA_PORT, 0,
         SANDBOX_TASKS_PORT},
        {NAT_PREROUTING, IPPROTO_TCP, inet_addr(SANDBOX_METADATA_ADDRESS), SANDBOX_METADATA_PORT,
         inet_addr("127.0.0.1"), SANDBOX_TASKS_PORT},
    };

    if (nat_install("ecsim", rules, 1, e) < 0)
        return -1;
    /* a sandbox that cannot have the second is one all the same */
    if (let_in(e) == 0)
        nat_install("ecsim-in", rules + 1, 1, e);
    return 0;
}
