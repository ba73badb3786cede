#include "agent/init/gmsa.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/init/environment.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define SUPPORTED  "ECS_GMSA_SUPPORTED"
#define SOCKET     "/var/credentials-fetcher/socket/credentials_fetcher.sock"
#define OUTPUT_MAX (64u << 10)

char *gmsa_socket(const struct init *in)
{
    const char *path = str_after(init_env(in, "CREDENTIALS_FETCHER_HOST"), "unix://");

    return xstrdup(path ? path : SOCKET);
}

/* Runs `realm list`, for ten seconds at most; what it prints goes to the file. -1: it failed, or
 * there is no such program. */
static int realm_list(int to)
{
    static const char *const argv[] = {"timeout", "10", "realm", "list", NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int k, status;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    k = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (k)
        return -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static bool joined(struct init *in)
{
    _cleanup_close_ int fd = memfd_create("realm", MFD_CLOEXEC);
    char text[OUTPUT_MAX + 1];
    ssize_t n;

    if (fd < 0 || realm_list(fd) < 0) {
        log_event(&in->log, LOG_WARN, "`realm list` failed: the instance counts as in no domain",
                  NULL);
        return false;
    }
    n = pread(fd, text, OUTPUT_MAX, 0);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, "realm-name") != NULL;
}

void gmsa_env(struct init *in, json_t *env)
{
    _cleanup_free_ char *socket = gmsa_socket(in);
    _cleanup_free_ char *line = xasprintf("CREDENTIALS_FETCHER_HOST_DIR=%s", socket);

    init_env_put(env, line);
    if (str_eq(init_env(in, SUPPORTED), "true") && joined(in))
        init_env_put(env, "ECS_DOMAIN_JOINED_LINUX_INSTANCE=true");
}

char *gmsa_bind(const struct init *in, const json_t *env)
{
    _cleanup_free_ char *socket = gmsa_socket(in);
    struct stat st;

    for (size_t i = 0; i < json_array_size(env); i++)
        if (str_eq(json_string_value(json_array_get(env, i)), SUPPORTED "=true") &&
            stat(socket, &st) == 0)
            return xasprintf("%s:%s", socket, socket);
    return NULL;
}
