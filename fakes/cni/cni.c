#include "fakes/cni/cni.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

#define TYPE         "application/json"
#define CNI_VERSION  "0.3.0" /* when the configuration says none */
#define CODE_GENERIC 100     /* from here on codes are a plugin's own */

static const char *const plugins[] = {
    "ecs-eni",     "vpc-eni",        "ecs-bridge",         "ecs-ipam",
    "aws-appmesh", "vpc-branch-eni", "ecs-serviceconnect", NULL};

const char *const *cni_plugins(void)
{
    return plugins;
}

static bool is_plugin(const char *name)
{
    for (size_t i = 0; plugins[i]; i++)
        if (str_eq(plugins[i], name))
            return true;
    return false;
}

/* --- addresses --------------------------------------------------------------------------- */

static bool taken(const struct cni *c, unsigned int n)
{
    const char *key;
    void *v;

    for (size_t i = 0; map_next(&c->addresses, &i, &key, &v);)
        if ((uintptr_t)v == n)
            return true;
    return false;
}

/* 0: all are given. */
static unsigned int take_address(struct cni *c, const char *container)
{
    for (unsigned int tries = 0; tries < CNI_ADDRESSES_MAX; tries++) {
        c->last = c->last % CNI_ADDRESSES_MAX + 1;
        if (taken(c, c->last))
            continue;
        map_set(&c->addresses, container, (void *)(uintptr_t)c->last);
        return c->last;
    }
    return 0;
}

/* --- results ----------------------------------------------------------------------------- */

static json_t *interface(const char *name, const char *mac, const char *netns)
{
    json_t *o = json_object();

    json_put_str(o, "name", name);
    json_put_str(o, "mac", mac);
    if (netns)
        json_put_str(o, "sandbox", netns);
    return o;
}

static json_t *address(const char *text, int interface, const char *gateway)
{
    json_t *o = json_object();

    json_put_str(o, "version", strchr(text, ':') ? "6" : "4");
    if (interface >= 0)
        json_put_int(o, "interface", interface);
    json_put_str(o, "address", text);
    json_put_str(o, "gateway", gateway);
    return o;
}

static json_t *result(const json_t *config, json_t *interfaces, json_t *ips)
{
    const char *version = json_str(config, "cniVersion");
    json_t *o = json_object();

    json_put_str(o, "cniVersion", version && *version ? version : CNI_VERSION);
    json_put(o, "interfaces", interfaces);
    json_put(o, "ips", ips);
    json_put(o, "dns", json_object());
    return o;
}

static json_t *eni_result(const json_t *config)
{
    static const char *const macs[] = {"eniMACAddress", "branchMACAddress", "mac"};
    static const char *const lists[] = {"eniIPAddresses", "ipAddresses", "ip-addresses"};
    json_t *interfaces = json_array(), *ips = json_array(), *v;
    const char *mac = NULL;
    size_t k;

    for (size_t i = 0; i < ARRAY_SIZE(macs) && !mac; i++)
        mac = json_str(config, macs[i]);
    json_array_append_new(interfaces, interface("eth1", mac ? mac : "", NULL));
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        json_array_foreach (json_object_get(config, lists[i]), k, v)
            if (json_is_string(v))
                json_array_append_new(ips, address(json_string_value(v), -1, NULL));
    return result(config, interfaces, ips);
}

/* NULL: there is no address left. */
static json_t *bridge_result(struct cni *c, const json_t *env, const json_t *config)
{
    const json_t *ipam = json_object_get(config, "ipam");
    const char *container = json_str(env, "CNI_CONTAINERID");
    json_t *interfaces = json_array(), *ips = json_array(), *o;
    unsigned int n = take_address(c, container ? container : "");
    char text[24];

    json_array_append_new(interfaces, interface("ecs-bridge", "0a:58:a9:fe:ac:01", NULL));
    json_array_append_new(interfaces, interface("vethcni0", "0a:58:00:00:00:01", NULL));
    json_array_append_new(interfaces, interface(json_str(env, "CNI_IFNAME"), "0a:58:a9:fe:ac:02",
                                                json_str(env, "CNI_NETNS")));
    snprintf(text, sizeof(text), "169.254.%u.%u/22", 172 + (n + 1) / 256, (n + 1) % 256);
    json_array_append_new(ips, address(text, 2, "169.254.172.1"));
    o = result(config, interfaces, ips);
    json_put(o, "routes",
             json_is_array(json_object_get(ipam, "ipv4-routes"))
                 ? json_deep_copy(json_object_get(ipam, "ipv4-routes"))
                 : NULL);
    if (n)
        return o;
    json_decref(o);
    return NULL;
}

/* --- requests ---------------------------------------------------------------------------- */

/* /PLUGIN/WORD; NULL when it is none. The plugin's name is to be freed. */
static const char *word_of(const struct exchange *x, char **ret_plugin)
{
    const char *slash = *x->path == '/' ? strchr(x->path + 1, '/') : NULL;

    *ret_plugin = NULL;
    if (!slash)
        return NULL;
    *ret_plugin = xstrndup(x->path + 1, (size_t)(slash - x->path) - 1);
    return is_plugin(*ret_plugin) ? slash + 1 : NULL;
}

static bool is_command(const char *word)
{
    return str_eq(word, "ADD") || str_eq(word, "DEL") || str_eq(word, "CHECK") ||
           str_eq(word, "VERSION");
}

static void cni_classify(struct fake *f, struct exchange *x)
{
    char *plugin;
    const char *word = word_of(x, &plugin);

    (void)f;
    x->what = xasprintf("%s %s", x->method, x->path);
    if (word && str_eq(x->method, "GET") &&
        (str_eq(word, "version") || str_eq(word, "capabilities")))
        x->group = "questions";
    else if (word && str_eq(x->method, "POST") && is_command(word))
        x->group = "networks";
    free(plugin);
}

static void cni_refuse(struct fake *f, struct exchange *x, int status, const char *type,
                       const char *message)
{
    json_t *o = json_object();

    (void)f;
    (void)type;
    json_put_str(o, "cniVersion", CNI_VERSION);
    json_put_int(o, "code", CODE_GENERIC);
    json_put_str(o, "msg", message ? message : "the plugin failed");
    exchange_answer_json(x, status ? status : 500, TYPE, o, true);
}

static void answer_question(struct exchange *x, const char *plugin, const char *word)
{
    json_t *o = json_object(), *list = json_array();

    if (str_eq(word, "version")) {
        json_put_str(o, "version", "2024.09.0");
        json_put_bool(o, "dirty", false);
        json_put_str(o, "gitShortHash", "1b2c3d4e");
        json_decref(list);
    } else {
        /* App Mesh has nothing to say to it (app/agent_unix.go asks nothing of it) */
        if (!str_eq(plugin, "aws-appmesh"))
            json_array_append_new(list, json_string("awsvpc-network-mode"));
        json_put(o, "capabilities", list);
    }
    exchange_answer_json(x, 200, TYPE, o, true);
}

static void run_add(struct cni *c, struct exchange *x, const char *plugin, const json_t *body)
{
    const json_t *config = json_object_get(body, "config"), *env = json_object_get(body, "env");
    json_t *o;

    if (str_eq(plugin, "ecs-bridge") || str_eq(plugin, "ecs-ipam"))
        o = bridge_result(c, env, config);
    else if (strstr(plugin, "-eni"))
        o = eni_result(config);
    else
        o = result(config, NULL, NULL);
    if (o)
        exchange_answer_json(x, 200, TYPE, o, true);
    else
        cni_refuse(&c->fake, x, 0, NULL, "getIPV4Address commands: failed to get available ip");
}

static void run_command(struct cni *c, struct exchange *x, const char *plugin, const char *word)
{
    struct err e = ERR_INIT;
    const json_t *body = exchange_json(x, &e);
    const char *container = json_str(json_object_get(body, "env"), "CNI_CONTAINERID");
    json_t *o;

    if (!body) {
        cni_refuse(&c->fake, x, 400, NULL, e.text);
    } else if (str_eq(word, "ADD")) {
        run_add(c, x, plugin, body);
    } else if (str_eq(word, "VERSION")) {
        o = result(NULL, NULL, NULL);
        json_put(o, "supportedVersions", json_pack("[s,s]", "0.3.0", "0.3.1"));
        exchange_answer_json(x, 200, TYPE, o, true);
    } else {
        if (str_eq(word, "DEL") && str_eq(plugin, "ecs-bridge") && container)
            map_remove(&c->addresses, container);
        exchange_answer(x, 200, TYPE, "", 0);
    }
}

static void cni_handle(struct fake *f, struct exchange *x)
{
    char *plugin;
    const char *word = word_of(x, &plugin);

    if (!x->group)
        cni_refuse(f, x, 404, NULL, "there is no such plugin, or it does not do this");
    else if (str_eq(x->group, "questions"))
        answer_question(x, plugin, word);
    else
        run_command((struct cni *)f, x, plugin, word);
    free(plugin);
}

/* --- life -------------------------------------------------------------------------------- */

static int cni_init(struct fake *f, struct err *e)
{
    struct cni *c = (struct cni *)f;

    (void)e;
    map_init(&c->addresses);
    return 0;
}

static void cni_release(struct fake *f)
{
    map_release(&((struct cni *)f)->addresses);
}

static void cni_reset(struct fake *f)
{
    struct cni *c = (struct cni *)f;

    map_release(&c->addresses);
    map_init(&c->addresses);
    c->last = 0;
}

static int cni_control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                       struct err *e)
{
    (void)f;
    (void)args;
    (void)ret;
    return err_set(e, ERR_USAGE, "cni: there is no command '%s'", command);
}

static void cni_pending(struct fake *f, struct buf *out)
{
    const char *key;
    void *v;

    for (size_t i = 0; map_next(&((struct cni *)f)->addresses, &i, &key, &v);)
        buf_addf(out, "cni: container %.12s has an address that was not given back\n", key);
}

static const char *const groups[] = {"questions", "networks", NULL};

const struct fake_ops cni_ops = {
    .name = "cni",
    .doc = "network plugins of tasks (CNI)",
    .size = sizeof(struct cni),
    .init = cni_init,
    .reset = cni_reset,
    .release = cni_release,
    .classify = cni_classify,
    .handle = cni_handle,
    .refuse = cni_refuse,
    .control = cni_control,
    .pending = cni_pending,
    .groups = groups,
};
