#include <stddef.h>

#include "agent/args.h"
#include "agent/config.h"
#include "agent/version.h"
#include "base/mem.h"
#include "base/str.h"

struct flag {
    const char *name;
    size_t offset;
    bool value; /* takes one */
    const char *help;
};

#define AT(member) offsetof(struct args, member)

static const struct flag flags[] = {
    {"version", AT(version), false, "print the version and exit"},
    {"help", AT(help), false, "print this and exit"},
    {"healthcheck", AT(healthcheck), false, "0 when the agent that runs here answers, else 1"},
    {"license", AT(license), false, "print the licence and exit"},
    {"loglevel", AT(loglevel), true, "debug, info, warn, error, crit or none"},
    {"print-config", AT(print_config), false, "print every setting, where it is from, and exit"},
    {"ecs-attributes", AT(attributes), false, "print the capabilities that would be registered"},
    {"k", AT(insecure), false, "do not verify TLS certificates"},
    {"blackhole-ec2-metadata", AT(no_imds), false, "never ask the instance metadata"},
};

static const struct flag *find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
            return &flags[i];
    return NULL;
}

static int unknown(const char *arg, const char *name, struct err *e)
{
    const char *names[ARRAY_SIZE(flags)];
    const char *near;

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        names[i] = flags[i].name;
    near = str_nearest(name, names, ARRAY_SIZE(names));
    return err_set(e, ERR_USAGE, "there is no flag %s%s%s%s; --help lists them", arg,
                   near ? " (did you mean --" : "", near ? near : "", near ? "?)" : "");
}

int args_parse(struct args *a, int argc, char *const *argv, struct err *e)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        const struct flag *f;
        size_t len;

        if (*name != '-')
            return err_set(e, ERR_USAGE, "unexpected word \"%s\": the agent takes flags only",
                           name);
        name += name[1] == '-' ? 2 : 1;
        len = strcspn(name, "=");
        f = find(name, len);
        if (!f)
            return unknown(argv[i], name, e);
        if (!f->value) {
            if (name[len])
                return err_set(e, ERR_USAGE, "--%s takes no value", f->name);
            *(bool *)((char *)a + f->offset) = true;
            continue;
        }
        if (!name[len] && i + 1 == argc)
            return err_set(e, ERR_USAGE, "--%s needs a value: %s", f->name, f->help);
        *(const char **)((char *)a + f->offset) = name[len] ? name + len + 1 : argv[++i];
    }
    return 0;
}

void args_print_help(FILE *out)
{
    struct config_row row;

    fputs("ecsim-agent: a reference Amazon ECS container agent, configured by its environment.\n"
          "\n"
          "  AWS_DEFAULT_REGION=us-west-2 ECS_BACKEND_HOST=http://127.0.0.1:8080 \\\n"
          "  ECS_CLUSTER=demo ECS_EXTERNAL=true ecsim-agent\n"
          "\n"
          "Flags:\n",
          out);
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        fprintf(out, "  --%-24s %s\n", flags[i].name, flags[i].help);
    fputs("\nEnvironment (default in brackets; * is read, and has no effect in this agent):\n",
          out);
    for (size_t i = 0; config_describe(&i, &row);)
        fprintf(out, "%s %s [%s]%s%s%s%s\n", row.used ? " " : "*", row.name, row.dflt,
                row.since ? " since " : "", row.since ? row.since : "", *row.help ? "\n      " : "",
                row.help);
    fputs("\nExit status: 0 ended by SIGTERM or SIGINT, 1 failed and may be started again,\n"
          "5 failed for good.\n",
          out);
}

void args_print_version(FILE *out)
{
    fputs("Amazon ECS Agent:\n\tVersion: " ECSIM_VERSION "\n\tCommit: " ECSIM_COMMIT "\n"
          "\tecsim-agent behaves as: " AGENT_BEHAVES_AS "\n",
          out);
}

void args_print_license(FILE *out)
{
    fputs(AGENT_LICENSE_TEXT, out);
}
