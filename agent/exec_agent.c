#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/exec_agent.h"
#include "agent/wire.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define SESSION_LIMIT 2
#define CONFIG_MAX    8192
#define VERSION_PARTS 8
#define LOG_HOST      "/var/log/ecs/exec"
#define LOG_INSIDE    "/var/log/amazon/ssm"
#define CERTIFICATES  "/certs/tls-ca-bundle.pem"

static const char *const statuses[] = {
    [EXEC_AGENT_NONE] = "NONE",
    [EXEC_AGENT_RUNNING] = "RUNNING",
    [EXEC_AGENT_STOPPED] = "STOPPED",
};
STRTAB_DEFINE(exec_agent_status, enum exec_agent_status, statuses)

/* Programs of a version; the first is the one that is started. */
static const char *const programs[] = {"amazon-ssm-agent", "ssm-agent-worker",
                                       "ssm-session-worker"};

/* --- what is known ---------------------------------------------------------------------------- */

/* sessionLimit is a text; what is no number above 0 is the default.
 * (manager_init_task.go:getSessionWorkersLimit) */
static int64_t session_limit(const json_t *agent)
{
    const char *text = json_str(json_object_get(agent, "properties"), "sessionLimit");
    int64_t n = 0;

    return text && str_i64(text, &n) == 0 && n > 0 ? n : SESSION_LIMIT;
}

struct exec_agent *exec_agent_read(const json_t *spec)
{
    struct exec_agent *a;
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(spec, "managedAgents"), i, v) {
        if (!str_eq(json_str(v, "name"), EXEC_AGENT_NAME))
            continue;
        a = new0(struct exec_agent);
        a->session_limit = session_limit(v);
        return a;
    }
    return NULL;
}

void exec_agent_free(struct exec_agent *a)
{
    if (!a)
        return;
    free(a->id);
    free(a->exec_id);
    free(a->reason);
    free(a);
}

void exec_agent_set(struct exec_agent *a, enum exec_agent_status s, const char *reason)
{
    a->status = s;
    free(a->reason);
    a->reason = xstrdup(reason);
    a->due = true;
    a->handed_seq = 0;
}

json_t *exec_agent_state(const struct exec_agent *a)
{
    json_t *o = json_object();

    json_put_str(o, "id", a->id);
    json_put_str(o, "execId", a->exec_id);
    json_put_bool(o, "failed", a->failed);
    json_put_str(o, "status", exec_agent_status_name(a->status));
    json_put_str(o, "reason", a->reason);
    json_put_bool(o, "due", a->due);
    return o;
}

void exec_agent_load(struct exec_agent *a, const json_t *state)
{
    const char *word = json_str(state, "status");
    int s = word ? exec_agent_status_from(word) : EXEC_AGENT_NONE;

    free(a->id);
    free(a->exec_id);
    free(a->reason);
    a->id = xstrdup(json_str(state, "id"));
    a->exec_id = xstrdup(json_str(state, "execId"));
    a->reason = xstrdup(json_str(state, "reason"));
    a->failed = json_bool(state, "failed", false);
    a->status = s < 0 ? EXEC_AGENT_NONE : (enum exec_agent_status)s;
    a->due = json_bool(state, "due", false);
}

/* --- the versions that are there -------------------------------------------------------------- */

struct version {
    uint64_t part[VERSION_PARTS];
    size_t n;
};

/* Numbers with dots between them. */
static bool read_version(const char *name, struct version *v)
{
    v->n = 0;
    for (;;) {
        size_t len = strcspn(name, ".");
        _cleanup_free_ char *part = xstrndup(name, len);

        if (v->n == VERSION_PARTS || str_u64(part, UINT32_MAX, &v->part[v->n]) < 0)
            return false;
        v->n++;
        if (!name[len])
            return true;
        name += len + 1;
    }
}

static bool is_newer(const struct version *a, const struct version *b)
{
    for (size_t i = 0; i < a->n || i < b->n; i++) {
        uint64_t x = i < a->n ? a->part[i] : 0, y = i < b->n ? b->part[i] : 0;

        if (x != y)
            return x > y;
    }
    return false;
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static bool is_whole(const char *bin, const char *version)
{
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s/%s", bin, version, programs[i]);

        if (!is_file(path))
            return false;
    }
    return true;
}

/* The newest version of which every program is there. To be freed. */
static char *newest(const char *root, struct err *e)
{
    _cleanup_free_ char *bin = xasprintf("%s/bin", root);
    _cleanup_closedir_ DIR *d = opendir(bin);
    struct version best = {.n = 0}, v;
    const struct dirent *entry;
    char *found = NULL;

    if (!d) {
        err_set(e, ERR_NOT_FOUND, "open %s: no such file or directory", bin);
        return NULL;
    }
    while ((entry = readdir(d))) {
        if (!read_version(entry->d_name, &v) || (found && !is_newer(&v, &best)) ||
            !is_whole(bin, entry->d_name))
            continue;
        free(found);
        found = xstrdup(entry->d_name);
        best = v;
    }
    if (!found)
        err_set(e, ERR_NOT_FOUND, "no valid versions were found in " EXEC_AGENT_HOST "/bin");
    return found;
}

bool exec_agent_available(const char *root)
{
    _cleanup_free_ char *certificates = xasprintf("%s" CERTIFICATES, root);
    _cleanup_free_ char *config = xasprintf("%s/config", root);
    struct err ignored = ERR_INIT;
    _cleanup_free_ char *version = newest(root, &ignored);
    struct stat st;

    err_clear(&ignored);
    return version && is_file(certificates) && stat(config, &st) == 0 && S_ISDIR(st.st_mode);
}

/* --- its configuration ------------------------------------------------------------------------ */

static const char log_config[] =
    "<seelog type=\"adaptive\" mininterval=\"2000000\" maxinterval=\"100000000\" "
    "critmsgcount=\"500\" minlevel=\"info\">\n"
    "  <outputs formatid=\"line\">\n"
    "    <console formatid=\"line\"/>\n"
    "    <rollingfile type=\"size\" filename=\"" LOG_INSIDE "/amazon-ssm-agent.log\" "
    "maxsize=\"40000000\" maxrolls=\"1\"/>\n"
    "    <filter levels=\"error,critical\" formatid=\"place\">\n"
    "      <rollingfile type=\"size\" filename=\"" LOG_INSIDE "/errors.log\" "
    "maxsize=\"10000000\" maxrolls=\"1\"/>\n"
    "    </filter>\n"
    "  </outputs>\n"
    "  <formats>\n"
    "    <format id=\"place\" format=\"%Date %Time %LEVEL [%FuncShort @ %File.%Line] %Msg%n\"/>\n"
    "    <format id=\"line\" format=\"%Date %Time %LEVEL %Msg%n\"/>\n"
    "  </formats>\n"
    "</seelog>\n";

/* As base64 in the alphabet of URLs. */
static void hash_of(const char *text, struct buf *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    EVP_Digest(text, strlen(text), digest, &n, EVP_sha256(), NULL);
    str_base64(out, digest, n);
    for (char *p = out->mem; p && *p; p++)
        *p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
}

/* Writes text under a name that holds its hash, unless it is there. The name is to be freed. */
static char *write_config(const char *root, const char *name, const char *suffix, const char *text,
                          struct err *e)
{
    _cleanup_buf_ struct buf hash = BUF_INIT(128), have = BUF_INIT(CONFIG_MAX);
    _cleanup_free_ char *file = NULL, *path = NULL;
    struct err ignored = ERR_INIT;

    hash_of(text, &hash);
    file = xasprintf("%s-%s.%s", name, buf_str(&hash), suffix);
    path = xasprintf("%s/config/%s", root, file);
    if (io_read_file(path, &have, &ignored) == 0 && str_eq(buf_str(&have), text))
        return steal_ptr(&file);
    err_clear(&ignored);
    /* Docker makes a folder of what it is to mount and does not find */
    if (io_remove_tree(path, &ignored) < 0)
        err_clear(&ignored);
    if (io_write_file(path, text, strlen(text), 0644, e) < 0)
        return NULL;
    return steal_ptr(&file);
}

/* --- making ready ----------------------------------------------------------------------------- */

static void mount_file(json_t *binds, const char *from, const char *id, const char *to)
{
    _cleanup_free_ char *line =
        xasprintf(EXEC_AGENT_HOST "%s:/ecs-execute-command-%s/%s:ro", from, id, to);

    json_array_append_new(binds, json_string(line));
}

static void mount_programs(json_t *binds, const char *version, const char *id)
{
    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        _cleanup_free_ char *from = xasprintf("/bin/%s/%s", version, programs[i]);

        mount_file(binds, from, id, programs[i]);
    }
}

/* A name of a folder does not begin with a hyphen. */
static void mount_logs(json_t *binds, const char *task_id, const char *container)
{
    const char *name = container + strspn(container, "-");
    _cleanup_free_ char *line =
        xasprintf(LOG_HOST "/%s/%s:" LOG_INSIDE, task_id, *name ? name : "nameless-container");

    json_array_append_new(binds, json_string(line));
}

int exec_agent_prepare(struct exec_agent *a, const char *root, const char *task_id,
                       const char *container, json_t *binds, struct err *e)
{
    _cleanup_free_ char *version = newest(root, e), *config = NULL, *file = NULL, *log = NULL;
    _cleanup_free_ char *certificates = xasprintf("%s" CERTIFICATES, root);
    _cleanup_free_ char *from = NULL, *log_from = NULL;
    char id[37];

    if (!version)
        return -1;
    config = xasprintf("{\n\t\"Mgs\": {\n\t\t\"StopTimeoutMillis\": 20000,\n"
                       "\t\t\"SessionWorkersLimit\": %lld\n\t},\n\t\"Agent\": {\n"
                       "\t\t\"ContainerMode\": true,\n\t\t\"UseDualStackEndpoint\": false\n\t}\n}",
                       (long long)a->session_limit);
    file = write_config(root, "amazon-ssm-agent", "json", config, e);
    if (!file)
        return err_wrap(e, "could not generate ExecAgent Config File");
    log = write_config(root, "seelog", "xml", log_config, e);
    if (!log)
        return err_wrap(e, "could not generate ExecAgent LogConfig file");
    if (!is_file(certificates))
        return err_set(e, ERR_NOT_FOUND, "could not find certs");
    free(a->id);
    a->id = xstrdup(wire_uuid(id));
    mount_programs(binds, version, id);
    from = xasprintf("/config/%s", file);
    mount_file(binds, from, id, "configuration/amazon-ssm-agent.json");
    log_from = xasprintf("/config/%s", log);
    mount_file(binds, log_from, id, "configuration/seelog.xml");
    mount_file(binds, CERTIFICATES, id, "certs/amazon-ssm-agent.crt");
    mount_logs(binds, task_id, container);
    return 0;
}

char *exec_agent_command(const struct exec_agent *a)
{
    return xasprintf("/ecs-execute-command-%s/%s", a->id ? a->id : "", programs[0]);
}
