/*
 * peak.c - runs a program and notes the most memory that it had.
 *
 *     peak OUT COMMAND...
 *
 * Appends "ANON_KB HWM_KB" to OUT when the program has ended: the largest
 * private memory (RssAnon of /proc/PID/status, looked at every 200 us) and the
 * largest resident set as the kernel counted it. Signals are handed on, and
 * the program's exit code is ours, so that it can stand where COMMAND stood.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int signum)
{
    caught = signum;
}

static long field(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static void sample(pid_t pid, long *anon, long *hwm)
{
    char path[64], text[4096];
    ssize_t n;
    long now;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return;
    text[n] = '\0';
    now = field(text, "RssAnon:");
    *anon = now > *anon ? now : *anon;
    now = field(text, "VmHWM:");
    *hwm = now > *hwm ? now : *hwm;
}

static int note(const char *path, long anon, long hwm)
{
    FILE *out = fopen(path, "a");

    if (!out || fprintf(out, "%ld %ld\n", anon, hwm) < 0 || fclose(out) != 0) {
        fprintf(stderr, "peak: %s: %s\n", path, strerror(errno));
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {.tv_nsec = 200000};
    struct sigaction action = {.sa_handler = on_signal};
    long anon = 0, hwm = 0;
    int status = 0;
    pid_t pid;

    if (argc < 3) {
        fprintf(stderr, "usage: peak OUT COMMAND...\n");
        return 2;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        fprintf(stderr, "peak: %s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    while (waitpid(pid, &status, WNOHANG) != pid) {
        sample(pid, &anon, &hwm);
        if (caught) {
            kill(pid, caught);
            caught = 0;
        }
        nanosleep(&pause, NULL);
    }
    if (note(argv[1], anon, hwm) < 0)
        return 2;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
