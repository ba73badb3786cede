#include "harness/vtime/test/waits.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define HOUR    (3600 * NS_PER_S)
#define SPAN    (2 * HOUR + 7 * NS_PER_MS)
#define SPAN_S  7200
#define SPAN_NS 7000000
/* Ends the program with the line, which the test shows. */
#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "waits.c:%d: %s (errno %d)\n", __LINE__, #x, errno);                   \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static const struct timespec span = {SPAN_S, SPAN_NS};

static int64_t now_of(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t mono(void)
{
    return now_of(CLOCK_MONOTONIC);
}

static struct timespec later(clockid_t id, int64_t ns)
{
    int64_t t = now_of(id) + ns;

    return (struct timespec){t / NS_PER_S, t % NS_PER_S};
}

/* A reading is some nanoseconds ahead of the clock that others wait on (page.h). */
#define AHEAD NS_PER_US

static bool close_to(int64_t got, int64_t wanted)
{
    if (got >= wanted && got < wanted + NS_PER_MS)
        return true;
    fprintf(stderr, "%lld ns have passed, not %lld\n", (long long)got, (long long)wanted);
    return false;
}

/* --- calls that wait ------------------------------------------------------------------------- */

static int p_nanosleep(const char *arg)
{
    int64_t t = mono();

    (void)arg;
    MUST(syscall(SYS_nanosleep, &span, NULL) == 0);
    MUST(close_to(mono() - t, SPAN));
    return 0;
}

static int p_clock_nanosleep(const char *arg)
{
    clockid_t id = str_eq(arg, "wall") ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    int64_t t = now_of(id);
    struct timespec at = later(id, SPAN);

    MUST(clock_nanosleep(id, TIMER_ABSTIME, &at, NULL) == 0);
    MUST(close_to(now_of(id) - t, SPAN));
    t = now_of(id);
    MUST(clock_nanosleep(id, TIMER_ABSTIME, &at, NULL) == 0); /* has passed: at once */
    MUST(close_to(now_of(id) - t, 0));
    return 0;
}

static int p_poll(const char *arg)
{
    int fds[2];
    int64_t t;
    struct pollfd p = {.events = POLLIN};
    struct timespec left = span;

    (void)arg;
    MUST(pipe(fds) == 0);
    p.fd = fds[0];
    t = mono();
    MUST(poll(&p, 1, 3600000) == 0);
    MUST(close_to(mono() - t, HOUR));
    MUST(syscall(SYS_ppoll, &p, 1, &left, NULL, 8) == 0 && !left.tv_sec && !left.tv_nsec);
    MUST(close_to(mono() - t, HOUR + SPAN));
    MUST(poll(&p, 1, 0) == 0);
    MUST(write(fds[1], "x", 1) == 1);
    left = span;
    MUST(syscall(SYS_ppoll, &p, 1, &left, NULL, 8) == 1 && left.tv_sec >= SPAN_S - 1);
    MUST(poll(&p, 1, -1) == 1);
    return 0;
}

static int p_select(const char *arg)
{
    int fds[2];
    struct timeval tv = {SPAN_S, SPAN_NS / 1000};
    fd_set r;
    int64_t t;

    (void)arg;
    MUST(pipe(fds) == 0);
    FD_ZERO(&r);
    FD_SET(fds[0], &r);
    t = mono();
    MUST(select(fds[0] + 1, &r, NULL, NULL, &tv) == 0 && !tv.tv_sec && !tv.tv_usec);
    MUST(close_to(mono() - t, SPAN) && !FD_ISSET(fds[0], &r));
    FD_SET(fds[0], &r);
    MUST(pselect(fds[0] + 1, &r, NULL, NULL, &span, NULL) == 0 && !FD_ISSET(fds[0], &r));
    tv = (struct timeval){0, 0};
    FD_SET(fds[0], &r);
    MUST(select(fds[0] + 1, &r, NULL, NULL, &tv) == 0 && !FD_ISSET(fds[0], &r));
    MUST(close_to(mono() - t, 2 * SPAN));
    return 0;
}

static int p_epoll(const char *arg)
{
    int ep = epoll_create1(0), fds[2];
    struct epoll_event ev = {.events = EPOLLIN};
    int64_t t;

    (void)arg;
    MUST(pipe(fds) == 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &ev) == 0);
    t = mono();
    MUST(epoll_wait(ep, &ev, 1, 3600000) == 0);
    MUST(close_to(mono() - t, HOUR));
    MUST(syscall(SYS_epoll_pwait2, ep, &ev, 1, &span, NULL, 8) == 0);
    MUST(close_to(mono() - t, HOUR + SPAN));
    MUST(write(fds[1], "x", 1) == 1 && epoll_wait(ep, &ev, 1, 3600000) == 1);
    MUST(close_to(mono() - t, HOUR + SPAN));
    return 0;
}

static int p_futex(const char *arg)
{
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t c = PTHREAD_COND_INITIALIZER;
    int64_t t = mono();
    struct timespec at = later(CLOCK_REALTIME, SPAN);
    sem_t sem;
    int word = 0;

    (void)arg;
    pthread_mutex_lock(&m);
    MUST(pthread_cond_timedwait(&c, &m, &at) == ETIMEDOUT);
    MUST(close_to(mono() - t, SPAN));
    sem_init(&sem, 0, 0);
    at = later(CLOCK_REALTIME, HOUR);
    MUST(sem_timedwait(&sem, &at) == -1 && errno == ETIMEDOUT);
    MUST(close_to(mono() - t, SPAN + HOUR));
    MUST(syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, &span) == -1 && errno == ETIMEDOUT);
    MUST(close_to(mono() - t, 2 * SPAN + HOUR));
    MUST(syscall(SYS_futex, &word, 0, 1, &span) == -1 && errno == EAGAIN);
    return 0;
}

static int p_ipc(const char *arg)
{
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf op = {0, -1, 0};
    int64_t t = mono();
    char name[64], text[16];
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 16};
    struct timespec at;
    mqd_t q;

    (void)arg;
    MUST(id >= 0);
    MUST(semtimedop(id, &op, 1, &span) == -1 && errno == EAGAIN);
    semctl(id, 0, IPC_RMID);
    MUST(close_to(mono() - t, SPAN));
    snprintf(name, sizeof(name), "/ecsim-%d", (int)getpid());
    q = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    if (q == (mqd_t)-1)
        return errno == ENOSYS || errno == ENOENT || errno == EACCES ? 0 : 1;
    mq_unlink(name);
    at = later(CLOCK_REALTIME, HOUR);
    MUST(mq_timedreceive(q, text, sizeof(text), NULL, &at) == -1 && errno == ETIMEDOUT);
    MUST(close_to(mono() - t, SPAN + HOUR));
    return 0;
}

/* --- timers of the kernel ----------------------------------------------------------------------
 */

static int p_timerfd(const char *arg)
{
    clockid_t id = str_eq(arg, "wall") ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    int fd = timerfd_create(id, 0);
    int64_t t = mono();
    struct itimerspec its = {{3600, 0}, later(id, SPAN)}, left;
    struct pollfd p = {fd, POLLIN, 0};
    uint64_t n;

    MUST(fd >= 0 && timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL) == 0);
    MUST(timerfd_gettime(fd, &left) == 0 && left.it_value.tv_sec >= SPAN_S - 1);
    MUST(read(fd, &n, sizeof(n)) == sizeof(n) && n == 1);
    MUST(close_to(mono() - t, SPAN));
    for (int i = 1; i <= 3; i++) {
        MUST(poll(&p, 1, -1) == 1 && read(fd, &n, sizeof(n)) == sizeof(n) && n == 1);
        MUST(close_to(mono() - t, SPAN + i * HOUR));
    }
    MUST(syscall(SYS_nanosleep, &span, NULL) == 0); /* two are missed */
    MUST(read(fd, &n, sizeof(n)) == sizeof(n) && n == 2);
    its = (struct itimerspec){{0, 0}, {0, 0}};
    MUST(timerfd_settime(fd, 0, &its, NULL) == 0 && poll(&p, 1, 7200000) == 0);
    return 0;
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
    (void)sig;
    alarms++;
}

static int p_itimer(const char *arg)
{
    struct itimerval itv = {{3600, 0}, {7200, 0}}, left;
    int64_t t = mono();

    (void)arg;
    signal(SIGALRM, on_alarm);
    MUST(setitimer(ITIMER_REAL, &itv, NULL) == 0);
    MUST(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec >= 7199);
    pause();
    MUST(alarms == 1 && close_to(mono() - t, 2 * HOUR));
    pause();
    MUST(alarms == 2 && close_to(mono() - t, 3 * HOUR));
    MUST(alarm(10) == 3600);
    pause();
    MUST(alarms == 3 && close_to(mono() - t, 3 * HOUR + 10 * NS_PER_S));
    return 0;
}

static int p_posix_timer(const char *arg)
{
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    struct itimerspec its = {{60, 0}, {3600, 0}}, left;
    int64_t t = mono();
    siginfo_t info;
    sigset_t set;
    timer_t id;

    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    ev.sigev_value.sival_int = 42;
    MUST(timer_create(CLOCK_MONOTONIC, &ev, &id) == 0 && timer_settime(id, 0, &its, NULL) == 0);
    MUST(sigwaitinfo(&set, &info) == SIGRTMIN + 1);
    MUST(info.si_code == SI_TIMER && info.si_value.sival_int == 42);
    MUST(close_to(mono() - t, HOUR));
    MUST(sigwaitinfo(&set, &info) == SIGRTMIN + 1);
    MUST(close_to(mono() - t, HOUR + 60 * NS_PER_S));
    MUST(timer_gettime(id, &left) == 0 && left.it_interval.tv_sec == 60);
    MUST(timer_delete(id) == 0);
    MUST(sigtimedwait(&set, &info, &span) == -1 && errno == EAGAIN);
    MUST(close_to(mono() - t, HOUR + 60 * NS_PER_S + SPAN));
    return 0;
}

/* --- signals
 * -------------------------------------------------------------------------------------- */

static int p_interrupted(const char *arg)
{
    struct itimerval itv = {{0, 0}, {3600, 0}};
    struct timespec left = {0, 0};
    int64_t t = mono();

    (void)arg;
    signal(SIGALRM, on_alarm);
    MUST(setitimer(ITIMER_REAL, &itv, NULL) == 0);
    MUST(syscall(SYS_nanosleep, &span, &left) == -1 && errno == EINTR && alarms == 1);
    MUST(close_to(mono() - t, HOUR));
    MUST(left.tv_sec == SPAN_S - 3600 || left.tv_sec == SPAN_S - 3601);
    MUST(syscall(SYS_nanosleep, &left, NULL) == 0);
    MUST(close_to(mono() - t, SPAN));
    return 0;
}

/* A signal that is ignored does not end a wait, and its limit stays. */
static int p_ignored(const char *arg)
{
    int ep = epoll_create1(0), status;
    struct epoll_event ev;
    int64_t t = mono();
    pid_t pid = fork();

    (void)arg;
    if (pid == 0) {
        const struct timespec hour = {3600, 0};

        syscall(SYS_nanosleep, &hour, NULL);
        _exit(0);
    }
    MUST(epoll_wait(ep, &ev, 1, 7200000) == 0); /* SIGCHLD comes half way */
    MUST(close_to(mono() - t, 2 * HOUR));
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

/* Stopped and continued by another process; the limits go on counting. */
static int p_stopped(const char *arg)
{
    int64_t t = mono();
    int status;
    pid_t pid = fork();

    (void)arg;
    if (pid == 0)
        _exit(syscall(SYS_nanosleep, &span, NULL) == 0 && close_to(mono() - t, SPAN) ? 0 : 1);
    MUST(syscall(SYS_nanosleep, &(struct timespec){60, 0}, NULL) == 0);
    kill(pid, SIGSTOP);
    MUST(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    MUST(syscall(SYS_nanosleep, &(struct timespec){3600, 0}, NULL) == 0);
    kill(pid, SIGCONT);
    MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    MUST(close_to(mono() - t, SPAN));
    return 0;
}

/* --- sockets --------------------------------------------------------------------------------- */

static int limit(int fd, int option, time_t s, suseconds_t us)
{
    struct timeval tv = {s, us};

    return setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

static void *writes_in_an_hour(void *arg)
{
    struct timespec hour = {3600, 0};

    syscall(SYS_nanosleep, &hour, NULL);
    return (void *)(intptr_t)write(*(int *)arg, "x", 1);
}

/* Limits of sockets: of reading, accepting and writing; what comes in time is no time-out. */
static int p_sockets(const char *arg)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    char space[4096] = "";
    struct timeval tv;
    socklen_t n = sizeof(tv);
    pthread_t th;
    int64_t t;
    int fds[2], copy, lst;

    (void)arg;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && (copy = dup(fds[0])) >= 0);
    MUST(limit(fds[0], SO_RCVTIMEO, 3600, 1000000) < 0 && errno == EDOM);
    MUST(limit(fds[0], SO_RCVTIMEO, SPAN_S, SPAN_NS / 1000) == 0);
    MUST(getsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, &n) == 0);
    MUST(tv.tv_sec == SPAN_S && tv.tv_usec == SPAN_NS / 1000 && n == sizeof(tv));
    t = mono();
    MUST(recv(copy, space, 1, 0) < 0 && errno == EAGAIN); /* it is the socket's, not the number's */
    MUST(close_to(mono() - t + AHEAD, SPAN));
    MUST(pthread_create(&th, NULL, writes_in_an_hour, &fds[1]) == 0);
    MUST(read(fds[0], space, 1) == 1);
    pthread_join(th, NULL);
    MUST(read(fds[0], space, 1) < 0 && errno == EAGAIN); /* and it counts anew */
    MUST(close_to(mono() - t + AHEAD, SPAN + HOUR + SPAN));

    MUST(limit(fds[1], SO_SNDTIMEO, 3600, 0) == 0);
    t = mono();
    while (write(fds[1], space, sizeof(space)) > 0)
        ;
    MUST(errno == EAGAIN && close_to(mono() - t + AHEAD, HOUR));

    MUST((lst = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
    MUST(bind(lst, (struct sockaddr *)&sa, sizeof(sa_family_t)) == 0 && listen(lst, 1) == 0);
    MUST(limit(lst, SO_RCVTIMEO, 60, 0) == 0);
    t = mono();
    MUST(accept(lst, NULL, NULL) < 0 && errno == EAGAIN);
    MUST(close_to(mono() - t + AHEAD, 60 * NS_PER_S));
    MUST(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
    return 0;
}

/* --- threads and processes
 * ------------------------------------------------------------------------- */

#define THREADS 200
static int order[THREADS], n_order;
static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;

static void *sleeper(void *arg)
{
    int i = (int)(intptr_t)arg;
    struct timespec ts = {10 + (i * 37) % THREADS, 0}; /* 37 and 200 share no factor */

    syscall(SYS_nanosleep, &ts, NULL);
    pthread_mutex_lock(&order_lock);
    order[n_order++] = (int)ts.tv_sec;
    pthread_mutex_unlock(&order_lock);
    return NULL;
}

static int p_threads(const char *arg)
{
    pthread_t th[THREADS];
    int64_t t = mono();

    (void)arg;
    for (int i = 0; i < THREADS; i++)
        MUST(pthread_create(&th[i], NULL, sleeper, (void *)(intptr_t)i) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(th[i], NULL);
    for (int i = 0; i < THREADS; i++)
        MUST(order[i] == 10 + i);
    MUST(close_to(mono() - t, (10 + THREADS - 1) * NS_PER_S));
    return 0;
}

static int p_children(const char *arg)
{
    char *const argv[] = {(char[]){"sleep"}, (char[]){"3600"}, NULL};
    char *const env[] = {(char[]){"PATH=/bin:/usr/bin"}, NULL};
    int64_t t = mono();
    int status;
    pid_t pid;

    (void)arg;
    MUST(posix_spawnp(&pid, "sleep", NULL, NULL, argv, env) == 0); /* vfork, exec */
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
    MUST(close_to(mono() - t, HOUR));
    for (int i = 0; i < 5; i++)
        if (fork() == 0) {
            const struct timespec ts = {100 * (i + 1), 0};

            t = mono();
            syscall(SYS_nanosleep, &ts, NULL);
            _exit(close_to(mono() - t, ts.tv_sec * NS_PER_S) ? 0 : 1);
        }
    for (int i = 0; i < 5; i++)
        MUST(wait(&status) > 0 && status == 0);
    return 0;
}

/* An exec by a thread that is not the first one: it takes the id of the process. */
static void *exec_sleep(void *arg)
{
    (void)arg;
    execlp("sleep", "sleep", "3600", (char *)NULL);
    return NULL;
}

static int p_thread_execs(const char *arg)
{
    pthread_t th;

    (void)arg;
    MUST(pthread_create(&th, NULL, exec_sleep, NULL) == 0);
    pause();
    return 1;
}

/* --- clocks
 * ------------------------------------------------------------------------------------------ */

static int p_clocks(const char *arg)
{
    struct timespec ts;
    struct timeval tv;
    int64_t a, b;

    (void)arg;
    a = mono();
    for (int i = 0; i < 1000; i++, a = b) {
        b = mono();
        MUST(b > a); /* never the same twice */
        MUST(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) == 0);
        b = ts.tv_sec * NS_PER_S + ts.tv_nsec;
        MUST(b > a); /* asked in another way: the same clock */
    }
    a = now_of(CLOCK_REALTIME);
    MUST(gettimeofday(&tv, NULL) == 0 && tv.tv_sec - a / NS_PER_S <= 1);
    MUST(time(NULL) - a / NS_PER_S <= 1);
    MUST(syscall(SYS_gettimeofday, &tv, NULL) == 0 && tv.tv_sec - a / NS_PER_S <= 1);
    MUST(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0 && ts.tv_sec < 60);
    a = mono();
    while (mono() - a < 20000)
        ; /* a spin that waits for 20 us comes to its end */
    return 0;
}

/* --- a server that is slow in both times
 * ---------------------------------------------------------- */

/* arg: path of a unix socket. Each request is "DELAY_MS\n"; the answer must come before its limit.
 */
static int p_exchange(const char *arg)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), n = 0;
    char line[32];

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", arg);
    MUST(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
    for (; n < 10000; n++) {
        struct pollfd p = {fd, POLLIN, 0};
        int delay = n * 7919 % 10001, len = snprintf(line, sizeof(line), "%d\n", delay);
        int64_t t = mono();

        MUST(write(fd, line, (size_t)len) == len);
        MUST(poll(&p, 1, delay + 1) == 1); /* a false time-out would be seen here */
        MUST(read(fd, line, sizeof(line)) == 1);
        MUST(close_to(mono() - t + AHEAD, delay * NS_PER_MS));
    }
    return 0;
}

const struct wait_program wait_programs[] = {
    {"nanosleep", p_nanosleep, SPAN},
    {"clock_nanosleep", p_clock_nanosleep, SPAN},
    {"clock_nanosleep:wall", p_clock_nanosleep, SPAN},
    {"poll", p_poll, HOUR + SPAN},
    {"select", p_select, 2 * SPAN},
    {"epoll", p_epoll, HOUR + SPAN},
    {"futex", p_futex, 2 * SPAN + HOUR},
    {"ipc", p_ipc, -1},
    {"timerfd", p_timerfd, -1},
    {"timerfd:wall", p_timerfd, -1},
    {"itimer", p_itimer, 3 * HOUR + 10 * NS_PER_S},
    {"posix_timer", p_posix_timer, HOUR + 60 * NS_PER_S + SPAN},
    {"interrupted", p_interrupted, SPAN},
    {"ignored", p_ignored, 2 * HOUR},
    {"stopped", p_stopped, SPAN},
    {"sockets", p_sockets, 2 * SPAN + 2 * HOUR + 60 * NS_PER_S},
    {"threads", p_threads, (10 + THREADS - 1) * NS_PER_S},
    {"children", p_children, HOUR + 500 * NS_PER_S},
    {"thread_execs", p_thread_execs, HOUR},
    {"clocks", p_clocks, 0},
    {"exchange", p_exchange, -1},
};
const size_t n_wait_programs = ARRAY_SIZE(wait_programs);

int wait_program_main(const char *name, const char *arg)
{
    for (size_t i = 0; i < n_wait_programs; i++)
        if (str_eq(wait_programs[i].name, name)) {
            const char *variant = strchr(name, ':');

            return wait_programs[i].run(arg ? arg : variant ? variant + 1 : "");
        }
    return -1;
}
