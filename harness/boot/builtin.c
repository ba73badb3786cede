#include "harness/boot/builtin.h"

#include "base/mem.h"
#include "base/str.h"

static const char *const hosts[] = {"amazon-linux", "debian", NULL};

#define FINAL                                                                                      \
    "[Unit]\nAfter=network-online.target cloud-config.service rc-local.service\n"                  \
    "Wants=network-online.target cloud-config.service\n"
#define ONESHOT                                                                                    \
    "[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutSec=0\n[Install]\n"                      \
    "WantedBy=cloud-init.target\n"

static const struct {
    const char *name, *host, *text;
} units[] = {
    {"multi-user.target", NULL,
     "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=cloud-init.target\n"},
    {"graphical.target", NULL, "[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\n"},
    {"basic.target", NULL,
     "[Unit]\nRequires=sysinit.target\nWants=sockets.target timers.target paths.target\n"
     "After=sysinit.target sockets.target paths.target\n"},
    {"sysinit.target", NULL,
     "[Unit]\nDefaultDependencies=no\nWants=local-fs.target\nAfter=local-fs.target\n"},
    {"local-fs.target", NULL, "[Unit]\nDefaultDependencies=no\n"},
    {"sockets.target", NULL, "[Unit]\n"},
    {"timers.target", NULL, "[Unit]\nDefaultDependencies=no\n"},
    {"paths.target", NULL, "[Unit]\n"},
    {"network.target", NULL, "[Unit]\nAfter=network-pre.target\n"},
    {"network-pre.target", NULL, "[Unit]\n"},
    {"network-online.target", NULL, "[Unit]\nAfter=network.target\n"},
    {"cloud-init.target", NULL,
     "[Unit]\nAfter=multi-user.target\n"
     "Wants=cloud-init-local.service cloud-init.service "
     "cloud-config.service cloud-final.service\n"},
    {"cloud-config.target", NULL, "[Unit]\nAfter=cloud-init-local.service cloud-init.service\n"},
    {"cloud-init-local.service", NULL,
     "[Unit]\nDefaultDependencies=no\nWants=network-pre.target\nBefore=network-pre.target "
     "sysinit.target\n" ONESHOT},
    {"cloud-init.service", NULL,
     "[Unit]\nDefaultDependencies=no\nWants=cloud-init-local.service\n"
     "After=cloud-init-local.service\nBefore=network-online.target sysinit.target\n" ONESHOT},
    {"cloud-config.service", NULL,
     "[Unit]\nAfter=network-online.target cloud-config.target\n"
     "Wants=network-online.target cloud-config.target\n" ONESHOT},
    {"cloud-final.service", "amazon-linux", FINAL ONESHOT},
    {"cloud-final.service", "debian", FINAL "After=multi-user.target\n" ONESHOT},
    {"docker.service", NULL,
     "[Unit]\nWants=network-online.target\nAfter=network-online.target\n"
     "[Service]\nType=notify\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"},
};

const char *const *builtin_hosts(void)
{
    return hosts;
}

const char *builtin_unit(const char *host, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (str_eq(units[i].name, name) && (!units[i].host || str_eq(units[i].host, host)))
            return units[i].text;
    return NULL;
}
