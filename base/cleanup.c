#include "base/cleanup.h"

#include <errno.h>

void cleanup_closep(int *fd)
{
    int keep = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = keep;
}
