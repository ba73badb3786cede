/* hosts, hostname and resolv.conf of a container that is a process; see container_process.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container_process.h"
#include "fakes/docker/links.h"
#include "fakes/docker/resolver.h"
#include "fakes/docker/rootfs.h"
#include "fakes/docker/wire.h"

const char *const container_files[CONTAINER_FILES] = {"hosts", "hostname", "resolv.conf"};

struct container *container_network_owner(struct container *c)
{
    struct problem quiet = {0};
    struct container *other = NULL;

    if (container_shares_network(c))
        other = container_find(c->d, c->network_mode + strlen("container:"), &quiet);
    free(quiet.text);
    return other && container_is_process(other) ? other : c;
}

char *container_own_hostname(struct container *c, const json_t *config)
{
    struct container *owner = container_network_owner(c);
    _cleanup_json_ json_t *others =
        owner == c ? NULL : json_read(owner->config, strlen(owner->config), JSON_READ_PEER, NULL);
    const char *hostname = json_str(others ? others : config, "Hostname");

    return xstrdup(hostname ? hostname : "");
}

/* --- hosts ------------------------------------------------------------------------------- */

/* Its own addresses, of each network it is in. */
static void add_own_addresses(struct buf *b, const struct container *c, const char *hostname,
                              const char *domain)
{
    char t[IP_TEXT_MAX],
        *full = *domain ? xasprintf("%s.%s %s", hostname, domain, hostname) : xstrdup(hostname);

    for (size_t i = 0; i < c->n_endpoints; i++) {
        const struct endpoint *e = &c->endpoints[i];

        if (e->address)
            buf_addf(b, "%s\t%s\n", ip_text(e->address, false, t), full);
        if (e->address_six)
            buf_addf(b, "%s\t%s\n", ip_text(e->address_six, true, t), full);
    }
    free(full);
}

/* The host's own for a container in the host's network; what --add-host gave, "name:address",
 * and links stand before its own lines. */
static char *hosts_text(const struct container *c, const json_t *config, const json_t *host)
{
    static const char usual[] = "127.0.0.1\tlocalhost\n"
                                "::1\tlocalhost ip6-localhost ip6-loopback\n"
                                "fe00::0\tip6-localnet\n"
                                "ff00::0\tip6-mcastprefix\n"
                                "ff02::1\tip6-allnodes\n"
                                "ff02::2\tip6-allrouters\n";
    const char *hostname = json_str(config, "Hostname"), *domain = json_str(config, "Domainname");
    struct buf b = BUF_INIT(1 << 20);
    json_t *v;
    size_t i;

    if (!str_eq(c->network_mode, "host") || io_read_file("/etc/hosts", &b, NULL) < 0)
        buf_adds(&b, usual);
    json_array_foreach (json_object_get(host, "ExtraHosts"), i, v) {
        const char *text = json_string_value(v), *colon = text ? strchr(text, ':') : NULL;

        char gateway[IP_TEXT_MAX];

        if (colon)
            buf_addf(&b, "%s\t%.*s\n",
                     str_eq(colon + 1, "host-gateway")
                         ? ip_text(c->d->bridge->four.gateway, false, gateway)
                         : colon + 1,
                     (int)(colon - text), text);
    }
    links_add_hosts(&b, c);
    add_own_addresses(&b, c, hostname ? hostname : "", domain ? domain : "");
    return buf_steal(&b, NULL);
}

/* --- resolv.conf ------------------------------------------------------------------------- */

struct resolv {
    struct buf servers, search, options;
};

static void add_words(struct buf *b, const char *prefix, const json_t *words)
{
    json_t *v;
    size_t i;

    json_array_foreach ((json_t *)(uintptr_t)words, i, v)
        if (json_is_string(v))
            buf_addf(b, "%s%s%s", prefix, json_string_value(v), *prefix == ' ' ? "" : "\n");
}

/* The machine's own; a name server on its loopback cannot be reached from elsewhere. */
static void read_machine(struct resolv *r, bool filter)
{
    _cleanup_buf_ struct buf all = BUF_INIT(64 << 10);
    char *save = NULL;

    if (io_read_file("/etc/resolv.conf", &all, NULL) < 0 || !buf_len(&all))
        return;
    for (char *line = strtok_r(buf_data(&all), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        const char *v;

        if ((v = str_after(line, "nameserver ")) && !(filter && str_starts(v, "127.")) &&
            !(filter && str_eq(v, "::1")))
            buf_addf(&r->servers, "nameserver %s\n", v);
        else if ((v = str_after(line, "search ")))
            buf_addf(&r->search, " %s", v);
        else if ((v = str_after(line, "options ")))
            buf_addf(&r->options, " %s", v);
    }
}

/* What --dns and its like say stands in place of the machine's. */
static void read_own(struct resolv *r, const json_t *host)
{
    static const char *const members[] = {"Dns", "DnsSearch", "DnsOptions"};
    struct buf *const to[] = {&r->servers, &r->search, &r->options};

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const json_t *words = json_object_get(host, members[i]);

        if (!json_array_size(words))
            continue;
        buf_clear(to[i]);
        add_words(to[i], i ? " " : "nameserver ", words);
    }
}

static char *resolv_text(const struct container *c, const json_t *host)
{
    struct resolv r = {BUF_INIT(64 << 10), BUF_INIT(64 << 10), BUF_INIT(64 << 10)};
    struct buf b = BUF_INIT(256 << 10);

    read_machine(&r, c->wire != NULL);
    read_own(&r, host);
    if (container_has_resolver(c)) {
        buf_clear(&r.servers);
        buf_adds(&r.servers, "nameserver " RESOLVER_ADDRESS "\n");
        buf_adds(&r.options, " ndots:0");
    } else if (c->wire && !buf_len(&r.servers)) {
        buf_adds(&r.servers, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    }
    if (buf_len(&r.search))
        buf_addf(&b, "search%s\n", buf_str(&r.search));
    buf_add(&b, buf_str(&r.servers), buf_len(&r.servers));
    if (buf_len(&r.options))
        buf_addf(&b, "options%s\n", buf_str(&r.options));
    buf_release(&r.servers);
    buf_release(&r.search);
    buf_release(&r.options);
    return buf_steal(&b, NULL);
}

/* In place: it may be mounted in the container. */
static int write_file(const struct container *c, const char *name, const char *text, struct err *e)
{
    _cleanup_free_ char *path = container_file(c, name);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0)
        return err_sys(e, errno, "%s", path);
    return io_write_all(fd, text, strlen(text), e);
}

/* --- all of them ------------------------------------------------------------------------- */

int container_files_write(struct container *c, const json_t *config, const json_t *host,
                          struct err *e)
{
    const char *hostname = json_str(config, "Hostname");
    char *const texts[CONTAINER_FILES] = {hosts_text(c, config, host),
                                          xasprintf("%s\n", hostname ? hostname : ""),
                                          resolv_text(c, host)};
    int r = 0;

    for (size_t i = 0; i < CONTAINER_FILES; i++) {
        if (r == 0)
            r = write_file(c, container_files[i], texts[i], e);
        free(texts[i]);
    }
    return r;
}

void container_files_renew(struct container *c)
{
    _cleanup_json_ json_t *config = NULL, *host = NULL;
    struct err e = ERR_INIT;

    if (!c->run || container_network_owner(c) != c)
        return;
    config = json_read(c->config, strlen(c->config), JSON_READ_PEER, NULL);
    host = json_read(c->host_config, strlen(c->host_config), JSON_READ_PEER, NULL);
    if (container_files_write(c, config, host, &e) < 0)
        journal_note(fake_journal(&c->d->fake), "docker", "%s", e.text);
}
