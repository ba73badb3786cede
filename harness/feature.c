#include "harness/feature.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/run.h"

static int in_path(const char *program)
{
    const char *path = getenv("PATH");

    while (path && *path) {
        size_t n = strcspn(path, ":");
        char *file = xasprintf("%.*s/%s", (int)n, path, program);
        int found = access(file, X_OK) == 0;

        free(file);
        if (found)
            return 1;
        path += n + (path[n] == ':');
    }
    return 0;
}

int feature_present(const char *name, const struct run_config *config)
{
    if (profile_has(config->profile, name))
        return 1;
    if (str_eq(name, "reference-agent"))
        return 0; /* whatever lies in PATH */
    if (str_eq(name, "root"))
        return (config->sandbox ? config->sandbox->uid : geteuid()) == 0;
    if (str_eq(name, "sandbox"))
        return config->sandbox != NULL;
    return in_path(name);
}
