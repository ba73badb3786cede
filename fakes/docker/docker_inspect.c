/* What a container is: inspect and top, and the parts that lists show too. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container_io.h"
#include "fakes/docker/container_process.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/links.h"
#include "fakes/docker/rootfs.h"

#define ROOT "/var/lib/docker/"

/* --- parts ------------------------------------------------------------------------------- */

void add_status_text(struct buf *b, struct container *c)
{
    int64_t now = clock_wall(docker_clock(c->d));
    char t[40];

    switch (c->state) {
    case CONTAINER_CREATED:
        buf_adds(b, "Created");
        break;
    case CONTAINER_REMOVING:
        buf_adds(b, "Removal In Progress");
        break;
    case CONTAINER_DEAD:
        buf_adds(b, "Dead");
        break;
    case CONTAINER_EXITED:
        buf_addf(b, "Exited (%d) %s ago", c->exit_code, human_duration(now - c->finished, t));
        break;
    case CONTAINER_RESTARTING:
        buf_addf(b, "Restarting (%d) %s ago", c->exit_code, human_duration(now - c->finished, t));
        break;
    case CONTAINER_PAUSED:
        buf_addf(b, "Up %s (Paused)", human_duration(now - c->started, t));
        break;
    default:
        buf_addf(b, "Up %s", human_duration(now - c->started, t));
        if (c->health)
            buf_addf(b, " (%s%s)", c->health->status == HEALTH_STARTING ? "health: " : "",
                     health_status_name(c->health->status));
    }
}

/* One end of a network: the members that both forms of NetworkSettings have. */
static void add_endpoint(struct buf *b, const struct endpoint *e, bool modern)
{
    bool hidden = modern && e->n && e->n->internal; /* nothing leads out of it */
    bool four = e->address != 0, six = e->address_six != 0;
    char t[IP_TEXT_MAX];

    gojson_member(b, "EndpointID", e->id);
    gojson_member(b, "Gateway", four && !hidden ? ip_text(e->n->four.gateway, false, t) : "");
    gojson_member(b, "IPAddress", four ? ip_text(e->address, false, t) : "");
    buf_addf(b, ",\"IPPrefixLen\":%d", four ? e->n->four.prefix : 0);
    gojson_member(b, "IPv6Gateway", six && !hidden ? ip_text(e->n->six.gateway, true, t) : "");
    gojson_member(b, "GlobalIPv6Address", six ? ip_text(e->address_six, true, t) : "");
    buf_addf(b, ",\"GlobalIPv6PrefixLen\":%d", six ? e->n->six.prefix : 0);
}

static const char *or_null(const char *text)
{
    return text ? text : "null";
}

/* version: of the call; 0: for a list, which leaves out links and aliases. */
static void add_one_network(struct buf *b, const struct container *c, const struct endpoint *e,
                            bool modern, int version)
{
    const struct network *n = e->n ? e->n : network_find(c->d, e->network);
    char mac[18];

    /* by its name, unless it was asked for by its id */
    gojson_add(b, n && (str_eq(n->id, e->network) || str_eq(e->network, "default")) ? n->name
                                                                                    : e->network);
    buf_addf(b, ":{\"IPAMConfig\":%s,\"Links\":%s,\"Aliases\":", or_null(e->ipam),
             version ? or_null(e->links) : "null");
    if (version)
        endpoint_write_aliases(b, c, e, version);
    else
        buf_adds(b, "null");
    if (docker_today(c->d))
        gojson_member(b, "MacAddress", endpoint_mac(c, e, mac));
    gojson_member(b, "NetworkID", n && e->n ? n->id : "");
    add_endpoint(b, e, modern);
    if (!docker_today(c->d))
        gojson_member(b, "MacAddress", endpoint_mac(c, e, mac));
    buf_addf(b, ",\"DriverOpts\":%s", or_null(e->options));
    if (docker_today(c->d))
        buf_addf(b, ",\"DNSNames\":%s", version ? or_null(e->names) : "null");
    buf_addc(b, '}');
}

static int by_name(const void *a, const void *b)
{
    const struct endpoint *x = *(const struct endpoint *const *)a;
    const struct endpoint *y = *(const struct endpoint *const *)b;

    return strcmp(x->network, y->network);
}

void add_networks(struct buf *b, const struct container *c, bool modern, int version)
{
    const struct endpoint **sorted = new0_array(const struct endpoint *, c->n_endpoints + 1);

    for (size_t i = 0; i < c->n_endpoints; i++)
        sorted[i] = &c->endpoints[i];
    qsort(sorted, c->n_endpoints, sizeof(*sorted), by_name);
    buf_adds(b, "\"Networks\":{");
    for (size_t i = 0; i < c->n_endpoints; i++) {
        if (i)
            buf_addc(b, ',');
        add_one_network(b, c, sorted[i], modern, version);
    }
    buf_addc(b, '}');
    free(sorted);
}

void add_mounts(struct buf *b, const struct container *c, bool for_list)
{
    buf_addc(b, '[');
    for (size_t i = 0; i < c->n_mounts; i++) {
        const struct mount *m = &c->mounts[i];

        buf_addf(b, "%s{\"Type\":\"%s\"", i ? "," : "", m->type);
        if (m->name) {
            gojson_member(b, "Name", m->name);
            if (for_list && !*m->mode) /* of the image, or anonymous: not resolved there */
                buf_adds(b, ",\"Source\":\"\"");
            else
                buf_addf(b, ",\"Source\":\"" ROOT "volumes/%s/_data\"", m->name);
        } else {
            gojson_member(b, "Source", m->source);
        }
        gojson_member(b, "Destination", m->destination);
        if (m->name)
            buf_adds(b, ",\"Driver\":\"local\"");
        gojson_member(b, "Mode", m->mode);
        buf_addf(b, ",\"RW\":%s", m->rw ? "true" : "false");
        gojson_member(b, "Propagation", m->propagation);
        buf_addc(b, '}');
    }
    buf_addc(b, ']');
}

static void add_health(struct buf *b, const struct health *h)
{
    buf_addf(b, ",\"Health\":{\"Status\":\"%s\",\"FailingStreak\":%lld,\"Log\":[",
             health_status_name(h->status), (long long)h->streak);
    for (size_t i = 0; i < h->n_log; i++) {
        buf_addf(b, "%s{\"Start\":\"", i ? "," : "");
        add_time(b, h->log[i].start);
        buf_adds(b, "\",\"End\":\"");
        add_time(b, h->log[i].end);
        buf_addf(b, "\",\"ExitCode\":%d", h->log[i].exit_code);
        gojson_member(b, "Output", h->log[i].output ? h->log[i].output : "");
        buf_addc(b, '}');
    }
    buf_adds(b, "]}");
}

static const char *truth(bool b)
{
    return b ? "true" : "false";
}

static void add_state(struct buf *b, const struct container *c)
{
    bool running = container_running(c);

    buf_addf(b,
             "\"State\":{\"Status\":\"%s\",\"Running\":%s,\"Paused\":%s,\"Restarting\":%s,"
             "\"OOMKilled\":%s,\"Dead\":%s,\"Pid\":%d,\"ExitCode\":%d",
             container_state_name(c->state), truth(running), truth(c->state == CONTAINER_PAUSED),
             truth(c->state == CONTAINER_RESTARTING), truth(c->oom_killed),
             truth(c->state == CONTAINER_DEAD), c->pid, c->exit_code);
    gojson_member(b, "Error", c->error ? c->error : "");
    buf_adds(b, ",\"StartedAt\":\"");
    add_time(b, c->started);
    buf_adds(b, "\",\"FinishedAt\":\"");
    add_time(b, c->finished);
    buf_addc(b, '"');
    if (c->health && c->was_started)
        add_health(b, c->health);
    buf_addc(b, '}');
}

static void add_paths(struct buf *b, const struct container *c)
{
    if (!*c->sandbox && !c->was_started) {
        buf_adds(b, "\"ResolvConfPath\":\"\",\"HostnamePath\":\"\",\"HostsPath\":\"\","
                    "\"LogPath\":\"\"");
        return;
    }
    buf_addf(b, "\"ResolvConfPath\":\"" ROOT "containers/%s/resolv.conf\"", c->id);
    if (c->prepared)
        buf_addf(b, ",\"HostnamePath\":\"" ROOT "containers/%s/hostname\"", c->id);
    else
        buf_adds(b, ",\"HostnamePath\":\"\"");
    buf_addf(b, ",\"HostsPath\":\"" ROOT "containers/%s/hosts\"", c->id);
    if (str_eq(c->log_driver, "json-file") && c->logged)
        buf_addf(b, ",\"LogPath\":\"" ROOT "containers/%s/%s-json.log\"", c->id, c->id);
    else
        buf_adds(b, ",\"LogPath\":\"\"");
}

static void add_host_config(struct buf *b, const struct container *c)
{
    static const char none[] = "\"Links\":null";
    const char *s = c->host_config, *runtime = s + c->runtime_at;
    /* a string holds no quote as it is, so this is the member */
    const char *links = c->n_links ? strstr(s, "\"Links\":null,\"OomScoreAdj\":") : NULL;

    if (links) {
        buf_add(b, s, (size_t)(links - s));
        buf_adds(b, "\"Links\":");
        links_write(b, c);
        s = links + strlen(none);
    }
    if (!c->runtime_at || !c->runtime_known) {
        buf_adds(b, s);
        return;
    }
    buf_add(b, s, (size_t)(runtime - s));
    buf_adds(b, ",\"Runtime\":\"runc\"");
    buf_adds(b, runtime);
}

void container_layer(const struct container *c, char layer[65])
{
    hash_hex(layer, "layer of %s", c->id);
}

static void add_graph(struct buf *b, const struct container *c)
{
    char layer[65];

    container_layer(c, layer);
    buf_addf(b, "\"GraphDriver\":{\"Data\":{\"LowerDir\":\"" ROOT "overlay2/%s-init/diff", layer);
    for (size_t i = c->content->n_layers; i-- > 0;)
        buf_addf(b, ":" ROOT "overlay2/%s/diff", c->content->layers[i].chain_id);
    buf_addf(b,
             "\",\"MergedDir\":\"" ROOT "overlay2/%s/merged\",\"UpperDir\":\"" ROOT
             "overlay2/%s/diff\",\"WorkDir\":\"" ROOT "overlay2/%s/work\"},\"Name\":\"overlay2\"}",
             layer, layer, layer);
}

/* Bound and exposed ports of a running container; {} of another. */
static void add_ports(struct buf *b, const struct container *c, int version)
{
    bool first = true;

    if (!container_connected(c) && version < API(21)) {
        buf_adds(b, "\"Ports\":null");
        return;
    }
    buf_adds(b, "\"Ports\":{");
    for (size_t i = 0; container_shows_ports(c) && i < c->n_ports; i++) {
        const struct port *p = &c->ports[i], *before = i ? &c->ports[i - 1] : NULL;
        bool again = before && before->container == p->container && str_eq(before->proto, p->proto);
        size_t next = i + 1;
        bool more = next < c->n_ports && c->ports[next].container == p->container &&
                    str_eq(c->ports[next].proto, p->proto);

        if (!again) {
            buf_addf(b, "%s\"%u/%s\":%s", first ? "" : ",", p->container, p->proto,
                     p->published ? "[" : "null");
            first = false;
        }
        if (!p->published)
            continue;
        buf_addf(b, "%s{\"HostIp\":\"%s\",\"HostPort\":\"%u\"}", again ? "," : "",
                 *p->host_ip ? p->host_ip : "0.0.0.0", p->host);
        if (!*p->host_ip)
            buf_addf(b, ",{\"HostIp\":\"::\",\"HostPort\":\"%u\"}", p->host);
        if (!more)
            buf_addc(b, ']');
    }
    buf_addc(b, '}');
}

static void add_network_settings(struct buf *b, const struct container *c, int version)
{
    char key[40] = "", mac[18], ip[IP_TEXT_MAX];
    bool modern = docker_modern(c->d);
    const struct endpoint *e = container_endpoint(c, c->d->bridge);

    if (*c->sandbox && str_eq(c->network_mode, "host"))
        snprintf(key, sizeof(key), "/var/run/docker/netns/default");
    else if (*c->sandbox)
        snprintf(key, sizeof(key), "/var/run/docker/netns/%.12s", c->sandbox);
    buf_addf(b, "\"NetworkSettings\":{\"Bridge\":\"\",\"SandboxID\":\"%s\",", c->sandbox);
    if (modern) {
        buf_addf(b, "\"SandboxKey\":\"%s\",", key);
        add_ports(b, c, version);
        buf_addc(b, ',');
    }
    buf_adds(b, "\"HairpinMode\":false,\"LinkLocalIPv6Address\":\"\","
                "\"LinkLocalIPv6PrefixLen\":0,");
    if (!modern) {
        add_ports(b, c, version);
        buf_addf(b, ",\"SandboxKey\":\"%s\",", key);
    }
    buf_adds(b, "\"SecondaryIPAddresses\":null,\"SecondaryIPv6Addresses\":null");
    gojson_member(b, "EndpointID", e ? e->id : "");
    gojson_member(b, "Gateway", e && e->address ? ip_text(e->n->four.gateway, false, ip) : "");
    buf_adds(b, ",\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0");
    gojson_member(b, "IPAddress", e && e->address ? ip_text(e->address, false, ip) : "");
    buf_addf(b, ",\"IPPrefixLen\":%d,\"IPv6Gateway\":\"\"",
             e && e->address ? e->n->four.prefix : 0);
    gojson_member(b, "MacAddress", e ? endpoint_mac(c, e, mac) : "");
    if (version >= API(21)) {
        buf_addc(b, ',');
        add_networks(b, c, modern, version);
    }
    buf_addc(b, '}');
}

/* Before 1.20: two maps by destination. */
static void add_old_volumes(struct buf *b, const struct container *c)
{
    buf_adds(b, "\"Volumes\":{");
    for (size_t i = 0; i < c->n_mounts; i++) {
        const struct mount *m = &c->mounts[i];

        if (i)
            buf_addc(b, ',');
        gojson_add(b, m->destination);
        buf_addc(b, ':');
        if (m->name)
            buf_addf(b, "\"" ROOT "volumes/%s/_data\"", m->name);
        else
            gojson_add(b, m->source);
    }
    buf_adds(b, "},\"VolumesRW\":{");
    for (size_t i = 0; i < c->n_mounts; i++) {
        if (i)
            buf_addc(b, ',');
        gojson_add(b, c->mounts[i].destination);
        buf_addf(b, ":%s", truth(c->mounts[i].rw));
    }
    buf_addc(b, '}');
}

/* Up to 1.20 some members of HostConfig stood in Config. */
static void add_config(struct buf *b, const struct container *c, int version)
{
    const char *s = c->config, *at;
    _cleanup_free_ char *mac = NULL;
    size_t len = strlen(s);

    if (version >= API(21)) {
        buf_add(b, s, c->config_ports_at);
        buf_addf(b, "%s%s", *c->config_ports ? "," : "", c->config_ports);
        buf_adds(b, s + c->config_ports_at);
        return;
    }
    mac = xasprintf(",\"MacAddress\":\"%s\"", c->mac ? c->mac : "");
    at = c->mac ? strstr(s, mac) : NULL;
    buf_add(b, s, at ? (size_t)(at - s) : len - 1);
    if (at)
        buf_add(b, at + strlen(mac), len - 1 - (size_t)(at - s) - strlen(mac));
    buf_addf(b, "%s,\"NetworkDisabled\":false,", mac);
    buf_adds(b, *c->config_ports ? c->config_ports : "\"ExposedPorts\":null");
    buf_adds(b, ",\"VolumeDriver\":\"\"");
    if (version < API(20)) {
        buf_addf(b, ",\"Memory\":%lld,\"MemorySwap\":%lld,\"CpuShares\":%lld",
                 (long long)c->memory_limit, (long long)c->memory_swap, (long long)c->cpu_shares);
        gojson_member(b, "Cpuset", c->cpuset);
    }
    buf_addc(b, '}');
}

/* --- calls ------------------------------------------------------------------------------- */

static void add_inspect(struct buf *b, struct container *c, bool size, int version)
{
    buf_addf(b, "{\"Id\":\"%s\",\"Created\":\"", c->id);
    add_time(b, c->created);
    buf_addf(b, "\",%s,", c->path_args);
    add_state(b, c);
    buf_addf(b, ",\"Image\":\"%s\",", c->image_id);
    add_paths(b, c);
    buf_addf(b,
             ",\"Name\":\"/%s\",\"RestartCount\":%u,\"Driver\":\"overlay2\",\"Platform\":\"linux\","
             "\"MountLabel\":\"\",\"ProcessLabel\":\"\",\"AppArmorProfile\":\"\",",
             c->name, c->restarts);
    add_exec_ids(b, c);
    buf_adds(b, ",\"HostConfig\":");
    add_host_config(b, c);
    buf_addc(b, ',');
    add_graph(b, c);
    if (size) {
        int64_t own = container_changes_size(c);

        buf_addf(b, ",\"SizeRw\":%lld,\"SizeRootFs\":%lld", (long long)own,
                 (long long)(c->size + own));
    }
    buf_addc(b, ',');
    if (version >= API(20)) {
        buf_adds(b, "\"Mounts\":");
        add_mounts(b, c, false);
    } else {
        add_old_volumes(b, c);
    }
    buf_adds(b, ",\"Config\":");
    add_config(b, c, version);
    buf_addc(b, ',');
    add_network_settings(b, c, version);
    buf_addc(b, '}');
}

void get_container(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name");
    struct problem p = {0};
    struct container *c = container_find(d, name, &p);
    struct buf b = BUF_INIT(ANSWER_MAX);

    free(name);
    if (!c) {
        docker_refuse(x, &p);
        return;
    }
    add_inspect(&b, c, exchange_param_bool(x, "size") && call_version(x) >= API(20),
                call_version(x));
    docker_answer(x, 200, &b);
}

/* --- top --------------------------------------------------------------------------------- */

struct column {
    const char *word, *title;
};

static const struct column columns[] = {
    {"pid", "PID"},       {"ppid", "PPID"},      {"user", "USER"},    {"uid", "UID"},
    {"comm", "COMMAND"},  {"cmd", "CMD"},        {"args", "COMMAND"}, {"command", "COMMAND"},
    {"stat", "STAT"},     {"tty", "TT"},         {"tname", "TTY"},    {"time", "TIME"},
    {"stime", "STIME"},   {"pcpu", "%CPU"},      {"%cpu", "%CPU"},    {"pmem", "%MEM"},
    {"%mem", "%MEM"},     {"vsz", "VSZ"},        {"rss", "RSS"},      {"c", "C"},
    {"start", "STARTED"}, {"bsdstart", "START"},
};

static void top_value(struct buf *b, const struct container *c, const struct process_row *row,
                      const char *word)
{
    char text[40];
    int64_t cpu = row->cpu / NS_PER_S;

    if (str_eq(word, "pid"))
        buf_addf(b, "\"%d\"", row->pid);
    else if (str_eq(word, "ppid"))
        buf_addf(b, "\"%d\"", row->ppid);
    else if ((str_eq(word, "user") || str_eq(word, "uid")) && row->uid)
        buf_addf(b, "\"%d\"", row->uid);
    else if (str_eq(word, "user") || str_eq(word, "uid"))
        buf_adds(b, "\"root\"");
    else if (str_eq(word, "comm"))
        buf_addf(b, "\"%.*s\"", (int)strcspn(row->command, " \"\\"), row->command);
    else if (str_eq(word, "cmd") || str_eq(word, "args") || str_eq(word, "command"))
        gojson_add(b, row->command);
    else if (str_eq(word, "tty") || str_eq(word, "tname"))
        buf_adds(b, "\"?\"");
    else if (str_eq(word, "stat"))
        buf_adds(b, c->state == CONTAINER_PAUSED ? "\"Ds\"" : "\"Ss\"");
    else if (str_eq(word, "time"))
        buf_addf(b, "\"%02lld:%02lld:%02lld\"", (long long)cpu / 3600, (long long)cpu / 60 % 60,
                 (long long)cpu % 60);
    else if (str_eq(word, "stime") || str_eq(word, "start") || str_eq(word, "bsdstart"))
        buf_addf(b, "\"%.5s\"", str_format_time(c->started, 0, text) + strlen("2026-11-24T"));
    else if (str_eq(word, "rss") || str_eq(word, "vsz"))
        buf_addf(b, "\"%lld\"", (long long)(row->rss / 1024));
    else if (str_eq(word, "pcpu") || str_eq(word, "%cpu"))
        buf_addf(b, "\"%lld.%lld\"", (long long)(c->b->cpu / 10), (long long)(c->b->cpu % 10));
    else
        buf_adds(b, "\"0\"");
}

/* The columns as ps was asked for them, for each process of a container. */
struct top {
    const struct container *c;
    struct buf *b;
    const char *words; /* divided by commas or blanks */
    bool more;         /* a row was written */
};

static void top_row(const struct process_row *row, void *data)
{
    struct top *t = data;

    buf_adds(t->b, t->more ? ",[" : "[");
    t->more = true;
    for (const char *w = t->words; *w;) {
        size_t n = strcspn(w, ", ");
        char *word = xstrndup(w, n);

        buf_adds(t->b, w == t->words ? "" : ",");
        top_value(t->b, t->c, row, word);
        free(word);
        w += n + (w[n] != '\0');
    }
    buf_addc(t->b, ']');
}

/* A simulated container has one process. */
static void top_simulated(struct top *t)
{
    const struct container *c = t->c;
    struct process_row row = {
        .pid = c->pid, .ppid = c->pid - 21, .cpu = container_cpu(c), .rss = c->b->memory};

    snprintf(row.command, sizeof(row.command), "%s", c->command);
    top_row(&row, t);
}

static const char *title_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        if (str_eq(columns[i].word, word))
            return columns[i].title;
    return NULL;
}

/* The columns that ps would print; NULL: it would refuse. To be freed. */
static char *ps_columns(const char *args)
{
    const char *o = strstr(args, "-o");

    if (o)
        return xstrdup(o + 2 + strspn(o + 2, " "));
    if (strstr(args, "aux"))
        return xstrdup("user,pid,%cpu,%mem,vsz,rss,tname,stat,bsdstart,time,command");
    if (!*args || *args == '-')
        return xstrdup("uid,pid,ppid,c,stime,tname,time,cmd");
    return NULL;
}

static int add_top(struct buf *b, const struct container *c, const char *args, struct problem *p)
{
    char *words = ps_columns(args);
    struct top t = {.c = c, .b = b, .words = words};
    struct buf titles = BUF_INIT(4096);

    if (!words)
        return problem(p, 500, "ps: error: garbage option");
    for (const char *w = words; *w;) {
        size_t n = strcspn(w, ", ");
        char *word = xstrndup(w, n);

        if (!title_of(word))
            problem(p, 500, "ps: error: unknown user-defined format specifier \"%s\"", word);
        else
            buf_addf(&titles, "%s\"%s\"", w == words ? "" : ",", title_of(word));
        free(word);
        w += n + (w[n] != '\0');
    }
    buf_adds(b, "{\"Processes\":[");
    if (c->run)
        container_process_each(c, top_row, &t);
    else
        top_simulated(&t);
    buf_addf(b, "],\"Titles\":[%s]}", buf_str(&titles));
    buf_release(&titles);
    free(words);
    return p->status ? -1 : 0;
}

void get_container_top(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name"), *args = exchange_param(x, "ps_args");
    struct problem p = {0};
    struct container *c = container_find(d, name, &p);
    struct buf b = BUF_INIT(ANSWER_MAX);

    if (c && !container_running(c))
        problem(&p, 409, "%s %s is not running", docker_modern(d) ? "container" : "Container",
                c->id);
    else if (c && c->state == CONTAINER_RESTARTING)
        problem(&p, 409, "Container %s is restarting, wait until the container is running", c->id);
    if (!p.status)
        add_top(&b, c, args ? args : "-ef", &p);
    free(name);
    free(args);
    if (p.status) {
        buf_release(&b);
        docker_refuse(x, &p);
        return;
    }
    container_event(c, "top", NULL, NULL);
    docker_answer(x, 200, &b);
}
