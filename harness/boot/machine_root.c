#include "harness/boot/machine_root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/unit_file.h"

#define SYSTEM "/etc/systemd/system"

/* The largest file of /etc that is taken along. */
#define ETC_FILE_MAX (4 << 20)

static const char cloud_cfg[] =
    "datasource_list: [NoCloud]\n"
    "datasource: {NoCloud: {fs_label: null}}\n"
    "disable_root: false\n"
    "network: {config: disabled}\n"
    "cloud_init_modules: [write-files, bootcmd]\n"
    "cloud_config_modules: [runcmd]\n"
    "cloud_final_modules: [scripts-user]\n"
    "system_info:\n"
    "  distro: debian\n"
    "  paths: {cloud_dir: /var/lib/cloud/, templates_dir: /etc/cloud/templates/}\n";

static int write_below(const char *root, const char *path, const char *text, size_t n, mode_t mode,
                       struct err *e)
{
    _cleanup_free_ char *full = xasprintf("%s%s", root, path);
    _cleanup_free_ char *dir = xstrdup(full);
    _cleanup_close_ int fd = -1;

    *strrchr(dir, '/') = '\0';
    if (io_mkdirs(dir, 0755, e) < 0)
        return -1;
    fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return err_sys(e, errno, "%s", full);
    return io_write_all(fd, text, n, e);
}

static int text_below(const char *root, const char *path, const char *text, struct err *e)
{
    return write_below(root, path, text, strlen(text), 0644, e);
}

static int link_below(const char *root, const char *path, const char *target, struct err *e)
{
    _cleanup_free_ char *full = xasprintf("%s%s", root, path);
    _cleanup_free_ char *dir = xstrdup(full);

    *strrchr(dir, '/') = '\0';
    if (io_mkdirs(dir, 0755, e) < 0)
        return -1;
    unlink(full);
    return symlink(target, full) < 0 ? err_sys(e, errno, "%s", full) : 0;
}

/* Copies a file or a folder; links in it stay links. */
static int copy(const char *from, const char *to, int depth, struct err *e)
{
    struct stat st;

    if ((depth ? lstat(from, &st) : stat(from, &st)) < 0)
        return 0; /* this machine does not have it */
    if (S_ISLNK(st.st_mode)) {
        char target[PATH_MAX];
        ssize_t n = readlink(from, target, sizeof(target) - 1);

        if (n < 0)
            return err_sys(e, errno, "%s", from);
        target[n] = '\0';
        return symlink(target, to) < 0 ? err_sys(e, errno, "%s", to) : 0;
    }
    if (S_ISDIR(st.st_mode)) {
        _cleanup_closedir_ DIR *d = opendir(from);
        const struct dirent *entry;

        if (io_mkdirs(to, 0755, e) < 0)
            return -1;
        while (d && depth < 8 && (entry = readdir(d))) {
            _cleanup_free_ char *f = xasprintf("%s/%s", from, entry->d_name);
            _cleanup_free_ char *t = xasprintf("%s/%s", to, entry->d_name);

            if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, "..") &&
                copy(f, t, depth + 1, e) < 0)
                return -1;
        }
        return 0;
    }
    if (S_ISREG(st.st_mode)) {
        _cleanup_buf_ struct buf text = BUF_INIT(ETC_FILE_MAX);

        if (io_read_file(from, &text, e) < 0)
            return -1;
        return write_below("", to, buf_str(&text), buf_len(&text), st.st_mode & 0777, e);
    }
    return 0;
}

/* What programs look for in /etc: users, names, libraries, alternatives, Python, D-Bus, TLS. */
static int make_etc(const char *root, struct err *e)
{
    static const char *const wanted[] = {
        "passwd",        "group",           "shadow",
        "nsswitch.conf", "ld.so.cache",     "ld.so.conf",
        "ld.so.conf.d",  "alternatives",    "debian_version",
        "python3",       "dbus-1",          "ssl",
        "login.defs",    "cloud/templates", "cloud/cloud.cfg.d/05_logging.cfg",
        "protocols",     "services"};
    _cleanup_buf_ struct buf release = BUF_INIT(ETC_FILE_MAX);

    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        _cleanup_free_ char *from = xasprintf("/etc/%s", wanted[i]);
        _cleanup_free_ char *to = xasprintf("%s/etc/%s", root, wanted[i]);
        _cleanup_free_ char *dir = xstrdup(to);

        *strrchr(dir, '/') = '\0';
        if (io_mkdirs(dir, 0755, e) < 0 || copy(from, to, 0, e) < 0)
            return -1;
    }
    /* as a file: nspawn looks for it before /usr is there */
    if (io_read_file("/usr/lib/os-release", &release, e) < 0 ||
        write_below(root, "/etc/os-release", buf_str(&release), buf_len(&release), 0644, e) < 0)
        return -1;
    /* a machine-id that is there: no first boot, so no presets */
    return text_below(root, "/etc/machine-id", "ec51ec51ec51ec51ec51ec51ec51ec51\n", e) < 0 ||
                   text_below(root, "/etc/hostname", "machine\n", e) < 0 ||
                   text_below(root, "/etc/hosts", "127.0.0.1 localhost machine\n", e) < 0 ||
                   text_below(root, "/etc/cloud/cloud.cfg", cloud_cfg, e) < 0
               ? -1
               : 0;
}

static int make_folders(const char *root, struct err *e)
{
    static const char *const folders[] = {"/usr",
                                          "/etc/ecs",
                                          "/var/lib/ecs/data",
                                          "/var/log/ecs",
                                          "/var/cache/ecs",
                                          "/var/tmp",
                                          "/run",
                                          "/proc",
                                          "/sys",
                                          "/dev",
                                          "/tmp",
                                          "/root",
                                          "/mnt",
                                          "/opt"};
    static const char *const merged[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        _cleanup_free_ char *path = xasprintf("%s%s", root, folders[i]);

        if (io_mkdirs(path, 0755, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(merged); i++) {
        _cleanup_free_ char *path = xasprintf("/%s", merged[i]);
        _cleanup_free_ char *target = xasprintf("usr/%s", merged[i]);

        if (access(path, F_OK) == 0 && link_below(root, path, target, e) < 0)
            return -1;
    }
    return link_below(root, "/var/run", "/run", e);
}

/* Amazon Linux's cloud-final.service lacks one line that Debian's has. */
static int make_final(const char *root, const char *host, struct err *e)
{
    _cleanup_buf_ struct buf text = BUF_INIT(UNIT_FILE_MAX), out = BUF_INIT(UNIT_FILE_MAX);
    const char *s;

    if (io_read_file("/usr/lib/systemd/system/cloud-final.service", &text, e) < 0)
        return -1;
    if (!str_eq(host, "amazon-linux"))
        return 0;
    for (s = buf_str(&text); *s;) {
        size_t n = strcspn(s, "\n");

        n += s[n] == '\n';
        if (!str_starts(s, "After=multi-user.target"))
            buf_add(&out, s, n);
        s += n;
    }
    return write_below(root, SYSTEM "/cloud-final.service", buf_str(&out), buf_len(&out), 0644, e);
}

/* Links as `systemctl enable` would make them. */
static int enable(const char *root, const struct machine_unit *u, struct err *e)
{
    static const struct {
        const char *key, *kind;
    } kinds[] = {{"WantedBy", "wants"}, {"RequiredBy", "requires"}};
    struct unit_file f;
    int k = unit_file_parse(&f, u->name, u->text, u->len, e);

    for (size_t i = 0; k == 0 && i < ARRAY_SIZE(kinds); i++) {
        const char *value = unit_file_get(&f, "Install", kinds[i].key);
        char **words = str_argv(value ? value : "");

        for (size_t w = 0; k == 0 && words && words[w]; w++) {
            _cleanup_free_ char *path =
                xasprintf(SYSTEM "/%s.%s/%s", words[w], kinds[i].kind, u->name);
            _cleanup_free_ char *target = xasprintf(SYSTEM "/%s", u->name);

            k = link_below(root, path, target, e);
        }
        str_argv_free(words);
    }
    unit_file_release(&f);
    return k;
}

static int make_units(const char *root, const struct machine_spec *spec, struct err *e)
{
    static const char *const cloud[] = {"cloud-init-local", "cloud-init", "cloud-config",
                                        "cloud-final"};
    /* what would need a network of its own, a console, or is the business of this machine */
    static const char *const masked[] = {"getty.target",
                                         "console-getty.service",
                                         "systemd-networkd.service",
                                         "systemd-networkd.socket",
                                         "systemd-resolved.service",
                                         "systemd-timesyncd.service",
                                         "networking.service",
                                         "apt-daily.timer",
                                         "apt-daily-upgrade.timer",
                                         "nftables.service"};

    if (make_final(root, spec->host, e) < 0 ||
        link_below(root, SYSTEM "/default.target", "/usr/lib/systemd/system/multi-user.target", e) <
            0 ||
        link_below(root, SYSTEM "/multi-user.target.wants/cloud-init.target",
                   "/usr/lib/systemd/system/cloud-init.target", e) < 0 ||
        link_below(root, "/etc/systemd/system-generators/cloud-init-generator", "/dev/null", e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(cloud); i++) {
        _cleanup_free_ char *path =
            xasprintf(SYSTEM "/cloud-init.target.wants/%s.service", cloud[i]);
        _cleanup_free_ char *target = xasprintf("/usr/lib/systemd/system/%s.service", cloud[i]);

        if (link_below(root, path, target, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(masked); i++) {
        _cleanup_free_ char *path = xasprintf(SYSTEM "/%s", masked[i]);

        if (link_below(root, path, "/dev/null", e) < 0)
            return -1;
    }
    for (size_t i = 0; i < spec->n_units; i++) {
        const struct machine_unit *u = &spec->units[i];
        _cleanup_free_ char *path = xasprintf(SYSTEM "/%s", u->name);

        if (write_below(root, path, u->text, u->len, 0644, e) < 0 ||
            (!spec->disabled && !strchr(u->name, '/') && enable(root, u, e) < 0))
            return -1;
    }
    return 0;
}

static int make_cloud(const char *root, const struct machine_spec *spec, struct err *e)
{
    static const char seed[] = "/var/lib/cloud/seed/nocloud/";
    _cleanup_free_ char *meta = xasprintf("%smeta-data", seed),
                        *user = xasprintf("%suser-data", seed);

    return text_below(root, meta, "instance-id: i-0ec51ec51ec51ec51\n", e) < 0
               ? -1
               : write_below(root, user, spec->user_data, spec->user_data_len, 0600, e);
}

/* The environment of the agent's unit, and how ecsim-init finds the agent. Quoted as systemd reads
 * it back: backslash and double quote are escaped. */
static int make_environment(const char *root, const struct machine_spec *spec, struct err *e)
{
    static const char *const elsewhere[] = {"ECS_DATADIR=",
                                            "ECS_LOGFILE=",
                                            "ECS_AUDIT_LOGFILE=",
                                            "ECS_AGENT_CONFIG_FILE_PATH=",
                                            "TMPDIR=",
                                            "DOCKER_HOST=",
                                            "HOME=",
                                            "PATH="};
    _cleanup_buf_ struct buf out = BUF_INIT(1 << 20), words = BUF_INIT(1 << 16);

    for (char *const *v = spec->env; v && *v; v++) {
        const char *eq = strchr(*v, '=');
        bool skip = !eq;

        for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
            skip = skip || str_starts(*v, elsewhere[i]);
        if (skip)
            continue;
        buf_addf(&out, "%.*s=\"", (int)(eq - *v), *v);
        for (const char *p = eq + 1; *p; p++)
            buf_addf(&out, strchr("\"\\`$", *p) ? "\\%c" : "%c", *p);
        buf_adds(&out, "\"\n");
    }
    buf_adds(&out, "ECS_DATADIR=/var/lib/ecs/data\nECS_LOGFILE=/var/log/ecs/ecs-agent.log\n"
                   "ECS_AUDIT_LOGFILE=/var/log/ecs/audit.log\n"
                   "DOCKER_HOST=unix://" MACHINE_ENGINE "/docker.sock\n");
    if (spec->agent && spec->agent[0]) {
        buf_adds(&words, MACHINE_BIN "/agent-under-test");
        for (char *const *w = spec->agent + 1; *w; w++) {
            buf_addc(&words, ' ');
            str_quote(&words, *w);
        }
        buf_addf(&out, "ECSIM_INIT_AGENT=\"%s\"\n", buf_str(&words));
    }
    if (write_below(root, "/etc/ecsim.env", buf_str(&out), buf_len(&out), 0600, e) < 0)
        return -1;
    return text_below(root, SYSTEM "/ecs.service.d/50-ecsim.conf",
                      "[Service]\nEnvironmentFile=/etc/ecsim.env\n"
                      "StandardOutput=journal+console\nStandardError=journal+console\n",
                      e);
}

/* /usr is this machine's, but /usr/local is empty, with room for the agent. */
static int mount_usr(const char *root, struct err *e)
{
    _cleanup_free_ char *usr = xasprintf("%s/usr", root), *local = xasprintf("%s/usr/local", root);
    _cleanup_free_ char *bin = xasprintf("%s/usr/local/bin", root);
    static const char *const programs[] = {"ecsim-init", "agent-under-test"};

    if (mount("/usr", usr, NULL, MS_BIND | MS_REC, NULL) < 0)
        return err_sys(e, errno, "mount /usr on %s", usr);
    if (mount("tmpfs", local, "tmpfs", 0, "mode=0755,size=1m") < 0)
        return err_sys(e, errno, "mount tmpfs on %s", local);
    if (io_mkdirs(bin, 0755, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        _cleanup_free_ char *path = xasprintf("/usr/local/bin/%s", programs[i]);

        if (write_below(root, path, "", 0, 0755, e) < 0) /* to be mounted on */
            return -1;
    }
    return 0;
}

int machine_root_make(const char *root, const struct machine_spec *spec, struct err *e)
{
    if (make_folders(root, e) < 0 || make_etc(root, e) < 0 || make_units(root, spec, e) < 0 ||
        make_cloud(root, spec, e) < 0 || make_environment(root, spec, e) < 0 ||
        mount_usr(root, e) < 0)
        return -1;
    return 0;
}
