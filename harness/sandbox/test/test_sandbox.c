#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/sandbox/sandbox.h"

struct place {
    struct sandbox sandbox;
    char *dir;
};

/* In a sandbox there is no cmocka: what does not hold ends the process, and its exit status is the
 * line. */
#define want(what)                                                                                 \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "line %d does not hold: %s (%s)\n", __LINE__, #what, strerror(errno)); \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static pid_t begin_in(struct place *p, const char *const *keep, void (*act)(const char *dir))
{
    struct err e = ERR_INIT;
    pid_t pid = sandbox_fork(&p->sandbox);

    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sandbox_enter(&p->sandbox, p->dir, keep, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        _exit(1);
    }
    act(p->dir);
    _exit(0);
}

static int status_of(pid_t pid)
{
    int status = -1;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static void holds_in_sandbox(void **state, void (*act)(const char *dir))
{
    struct place *p = *state;

    if (!p)
        skip();
    assert_int_equal(status_of(begin_in(p, NULL, act)), 0);
}

/* --- network -------------------------------------------------------------------------------- */

static struct sockaddr_in address(const char *ip, int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = inet_addr(ip)};
}

static int listen_at(const char *ip, int port)
{
    struct sockaddr_in sa = address(ip, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    want(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(fd, 5) == 0);
    return fd;
}

static int connect_to(const char *ip, int port)
{
    struct sockaddr_in sa = address(ip, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void see_metadata_redirected(const char *dir)
{
    int l = listen_at("127.0.0.1", SANDBOX_TASKS_PORT), c, a;
    char byte = 0;

    (void)dir;
    c = connect_to(SANDBOX_METADATA_ADDRESS, SANDBOX_METADATA_PORT);
    want(c >= 0);
    a = accept4(l, NULL, NULL, SOCK_CLOEXEC);
    want(a >= 0 && write(c, "x", 1) == 1 && read(a, &byte, 1) == 1 && byte == 'x');
    /* and nothing else of that address is */
    want(connect_to(SANDBOX_METADATA_ADDRESS, 81) < 0 && errno == ECONNREFUSED);
}

static void metadata_leads_to_the_port_of_the_agent(void **state)
{
    struct place *p = *state;

    if (p && !p->sandbox.redirect) {
        print_message("        this kernel has no nftables\n");
        skip();
    }
    holds_in_sandbox(state, see_metadata_redirected);
}

static void see_addresses(const char *dir)
{
    int l = listen_at(SANDBOX_IMDS_ADDRESS, SANDBOX_IMDS_PORT);

    (void)dir;
    want(connect_to(SANDBOX_IMDS_ADDRESS, SANDBOX_IMDS_PORT) >= 0);
    want(listen_at(SANDBOX_METADATA_ADDRESS, 8080) >= 0);
    /* there is no way out, and trying one does not hang */
    want(connect_to("192.0.2.1", 80) < 0 && errno == ENETUNREACH);
    want(connect_to("127.0.0.1", 53) < 0 && errno == ECONNREFUSED);
    close(l);
}

static void there_are_the_addresses_and_no_way_out(void **state)
{
    holds_in_sandbox(state, see_addresses);
}

/* Bytes are acknowledged when they arrive, not 40 ms later: what SIOCOUTQ counts is under way. */
static void see_quick_acks(const char *dir)
{
    const char *const ips[] = {"127.0.0.1", SANDBOX_IMDS_ADDRESS};
    char byte;

    (void)dir;
    for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
        int l = listen_at(ips[i], 7000), c = connect_to(ips[i], 7000), a, owed = -1;

        want(c >= 0);
        a = accept4(l, NULL, NULL, SOCK_CLOEXEC);
        for (int k = 0; k < 100; k++) {
            want(write(c, "x", 1) == 1 && read(a, &byte, 1) == 1);
            want(ioctl(c, SIOCOUTQ, &owed) == 0 && owed == 0);
            want(write(a, "y", 1) == 1 && read(c, &byte, 1) == 1);
            want(ioctl(a, SIOCOUTQ, &owed) == 0 && owed == 0);
        }
    }
}

static void what_has_arrived_is_acknowledged_at_once(void **state)
{
    holds_in_sandbox(state, see_quick_acks);
}

static void hold_the_ports(const char *dir)
{
    char *path = xasprintf("%s/held", dir);
    int fd;

    listen_at("0.0.0.0", SANDBOX_INTROSPECTION_PORT);
    listen_at("0.0.0.0", SANDBOX_TASKS_PORT);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    want(fd >= 0 && write(fd, "x", 1) == 1);
    pause();
}

static bool appears(const char *path)
{
    for (int i = 0; i < 500 && access(path, F_OK) < 0; i++)
        poll(NULL, 0, 10);
    return access(path, F_OK) == 0;
}

static void two_sandboxes_listen_on_the_same_ports_at_once(void **state)
{
    struct place *p = *state, other;
    char *paths[2];
    pid_t pids[2];
    bool held[2];

    if (!p)
        skip();
    other = *p;
    other.dir = xasprintf("%s/other", p->dir);
    assert_int_equal(mkdir(other.dir, 0700), 0);
    pids[0] = begin_in(p, NULL, hold_the_ports);
    pids[1] = begin_in(&other, NULL, hold_the_ports);
    paths[0] = xasprintf("%s/held", p->dir);
    paths[1] = xasprintf("%s/held", other.dir);
    for (int i = 0; i < 2; i++)
        held[i] = appears(paths[i]);
    for (int i = 0; i < 2; i++) {
        kill(pids[i], SIGKILL);
        status_of(pids[i]);
        free(paths[i]);
    }
    free(other.dir);
    assert_true(held[0]);
    assert_true(held[1]);
}

/* --- files ---------------------------------------------------------------------------------- */

static void write_into_folders(const char *dir)
{
    static const char *const folders[] = {
#define F(inside, below) inside,
        SANDBOX_FOLDERS(F)
#undef F
            "/run",
        "/dev/shm", "/etc", "/var/lib"};
    char path[256];

    (void)dir;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        int fd;

        snprintf(path, sizeof(path), "%s/ecsim-test-file", folders[i]);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        want(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
    }
}

static void what_is_written_to_private_folders_is_not_seen_outside(void **state)
{
    static const char *const outside[] = {
        "/etc/ecs", "/var/lib/ecs", "/var/log/ecs", "/var/cache/ecs", "/data",
        "/log",     "/run",         "/dev/shm",     "/etc",           "/var/lib"};
    struct place *p = *state;
    char *path;

    holds_in_sandbox(state, write_into_folders);
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        path = xasprintf("%s/ecsim-test-file", outside[i]);
        assert_int_equal(access(path, F_OK), -1);
        free(path);
    }
    /* but a person finds it in the scenario's folder */
    path = xasprintf("%s/box/etc/ecs/ecsim-test-file", p->dir);
    assert_int_equal(access(path, F_OK), 0);
    free(path);
    path = xasprintf("%s/data/ecsim-test-file", p->dir);
    assert_int_equal(access(path, F_OK), 0);
    free(path);
}

static void see_files(const char *dir)
{
    struct buf b = BUF_INIT(1 << 20);
    char *root = xasprintf("%s/box/root/etc", dir);

    /* the new root is nowhere but at the root */
    want(access(dir, F_OK) == 0 && access(root, F_OK) < 0);
    free(root);
    /* the machine's own are there */
    want(access("/etc/passwd", R_OK) == 0 && access("/bin/sh", X_OK) == 0);
    want(access("/var/lib/dpkg/status", R_OK) == 0 || access("/var/lib/dpkg", F_OK) < 0);
    /* names lead to nobody */
    want(io_read_file("/etc/resolv.conf", &b, NULL) == 0);
    want(strstr(buf_str(&b), "nameserver 127.0.0.1\n") && !strstr(buf_str(&b), "search"));
    /* /data is /var/lib/ecs/data, and /var/run is /run */
    want(io_write_file("/data/both", "x", 1, 0600, NULL) == 0);
    want(access("/var/lib/ecs/data/both", F_OK) == 0 && unlink("/data/both") == 0);
    want(io_write_file("/run/both", "x", 1, 0600, NULL) == 0);
    want(access("/var/run/both", F_OK) == 0);
    /* the real Docker is not here */
    want(access("/run/docker.sock", F_OK) < 0 && access("/.host/run", F_OK) < 0);
    /* nobody sees the machine's cgroups, as folders or as mounts, or makes some */
    want(mkdir("/sys/fs/cgroup/ecsim-test", 0755) < 0);
    want(access("/sys/fs/cgroup/cgroup.procs", F_OK) < 0 &&
         access("/sys/fs/cgroup/cpu", F_OK) < 0 && access("/sys/class/net/lo", F_OK) == 0);
    buf_clear(&b);
    want(io_read_file("/proc/self/mountinfo", &b, NULL) == 0);
    want(!strstr(buf_str(&b), " - cgroup"));
    buf_release(&b);
}

static void the_machine_is_there_but_for_what_is_private(void **state)
{
    holds_in_sandbox(state, see_files);
}

static void see_kept(const char *dir)
{
    (void)dir;
    want(access("/run/ecsim-test-kept", R_OK) == 0);
}

static void a_path_below_a_private_folder_can_be_kept(void **state)
{
    static const char *const keep[] = {"/run/ecsim-test-kept", NULL};
    struct place *p = *state;
    int status;

    if (!p)
        skip();
    if (io_write_file(keep[0], "x", 1, 0644, NULL) < 0) {
        print_message("        /run cannot be written to by this user\n");
        skip();
    }
    status = status_of(begin_in(p, keep, see_kept));
    unlink(keep[0]);
    assert_int_equal(status, 0);
}

/* --- processes ------------------------------------------------------------------------------ */

static void see_processes(const char *dir)
{
    struct buf b = BUF_INIT(1 << 10);
    char name[16];

    (void)dir;
    want(getpid() == 1 && geteuid() == 0);
    /* /proc shows this process and not the machine's first */
    want(prctl(PR_GET_NAME, name) == 0 && io_read_file("/proc/1/comm", &b, NULL) == 0);
    want(!strncmp(buf_str(&b), name, strlen(name)));
    want(kill(-1, 0) < 0 && errno == ESRCH); /* nobody else is here */
    buf_release(&b);
}

static void the_process_is_the_first_of_its_own(void **state)
{
    holds_in_sandbox(state, see_processes);
}

/* A grandchild in a session of its own, which ignores what can be ignored. */
static void leave_a_grandchild(const char *dir)
{
    char *path = xasprintf("%s/grandchild", dir);

    if (fork() == 0 && fork() == 0) {
        int fds[2];

        setsid();
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        want(io_write_file(path, "x", 1, 0600, NULL) == 0);
        if (pipe2(fds, O_CLOEXEC) == 0)
            pause();
    }
    pause();
}

static void the_end_of_the_first_process_ends_all(void **state)
{
    struct place *p = *state;
    int lives[2];
    struct pollfd gone;
    char *path;
    pid_t pid;
    bool came;

    if (!p)
        skip();
    path = xasprintf("%s/grandchild", p->dir);
    assert_int_equal(pipe(lives), 0); /* its other end is closed when the last of them is gone */
    pid = begin_in(p, NULL, leave_a_grandchild);
    close(lives[1]);
    came = appears(path);
    kill(pid, SIGKILL);
    status_of(pid);
    free(path);
    gone = (struct pollfd){lives[0], POLLIN, 0};
    assert_true(came);
    assert_int_equal(poll(&gone, 1, 0), 1);
    assert_true(gone.revents & POLLHUP);
    close(lives[0]);
}

/* --- probe ---------------------------------------------------------------------------------- */

/* In a user namespace of its own a process may forbid itself others. */
static void forbid_namespaces(const char *dir)
{
    struct sandbox found;
    struct err e = ERR_INIT;
    int fd = open("/proc/sys/user/max_net_namespaces", O_WRONLY | O_CLOEXEC);

    (void)dir;
    want(fd >= 0 && write(fd, "0", 1) == 1 && close(fd) == 0);
    want(sandbox_probe(&found, &e) < 0);
    want(str_eq(e.text, "clone: No space left on device (user.max_net_namespaces is 0)"));
}

static void a_machine_without_namespaces_says_why(void **state)
{
    struct place *p = *state;

    if (p)
        p->sandbox.user_ns = true;
    holds_in_sandbox(state, forbid_namespaces);
}

/* --- ---------------------------------------------------------------------------------------- */

static int setup(void **state)
{
    struct place *p = new0(struct place);
    struct err e = ERR_INIT;

    if (sandbox_probe(&p->sandbox, &e) < 0) {
        print_message("        no sandbox on this machine: %s\n", e.text);
        free(p);
        return 0;
    }
    p->dir = io_temp_folder("ecsim-test", &e);
    *state = p;
    return p->dir ? 0 : -1;
}

static int teardown(void **state)
{
    struct place *p = *state;

    if (p) {
        io_remove_tree(p->dir, NULL);
        free(p->dir);
    }
    free(p);
    return 0;
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_place(metadata_leads_to_the_port_of_the_agent),
        in_place(there_are_the_addresses_and_no_way_out),
        in_place(what_has_arrived_is_acknowledged_at_once),
        in_place(two_sandboxes_listen_on_the_same_ports_at_once),
        in_place(what_is_written_to_private_folders_is_not_seen_outside),
        in_place(the_machine_is_there_but_for_what_is_private),
        in_place(a_path_below_a_private_folder_can_be_kept),
        in_place(the_process_is_the_first_of_its_own),
        in_place(the_end_of_the_first_process_ends_all),
        in_place(a_machine_without_namespaces_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
