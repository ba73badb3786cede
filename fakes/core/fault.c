#include "fakes/core/fault.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"

static const char *const kind_names[] = {
    [FAULT_DELAY] = "delay",
    [FAULT_HANG] = "hang",
    [FAULT_REFUSE] = "refuse",
    [FAULT_RESET_BEFORE] = "reset-before",
    [FAULT_RESET_AFTER] = "reset-after",
    [FAULT_CLOSE] = "close",
    [FAULT_CUT] = "cut",
    [FAULT_STATUS] = "status",
    [FAULT_ERROR] = "error",
    [FAULT_REPLY] = "reply",
    [FAULT_GARBAGE] = "garbage",
    [FAULT_SLOW] = "slow",
    [FAULT_WSCLOSE] = "wsclose",
    [FAULT_BADFRAME] = "badframe",
};

int fault_kind_from(const char *word)
{
    return strtab_value(kind_names, ARRAY_SIZE(kind_names), word);
}

const char *fault_kind_name(enum fault_kind kind)
{
    return kind_names[kind];
}

void fault_table_init(struct fault_table *t, uint64_t seed)
{
    list_init(&t->faults);
    t->rng = seed;
}

static void fault_free(struct fault *f)
{
    list_del(&f->link);
    free(f->name);
    free(f->peer);
    free(f->what);
    free(f->type);
    free(f->text);
    json_decref(f->headers);
    free(f);
}

void fault_table_release(struct fault_table *t)
{
    struct list *pos, *tmp;

    list_for_each_safe (pos, tmp, &t->faults)
        fault_free(container_of(pos, struct fault, link));
}

struct fault *fault_table_add(struct fault_table *t, const char *name, const char *peer,
                              const char *what, enum fault_kind kind)
{
    struct fault *f = new0(struct fault);

    f->name = xstrdup(name);
    f->peer = xstrdup(peer);
    f->what = xstrdup(what);
    f->kind = kind;
    f->chance = 1;
    list_add_tail(&t->faults, &f->link);
    return f;
}

/* splitmix64: one word of state, so that a seed in a report is enough to repeat a run */
uint64_t fault_table_random(struct fault_table *t, uint64_t n)
{
    uint64_t z = (t->rng += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    return n ? z % n : 0;
}

static bool hits(struct fault_table *t, struct fault *f)
{
    uint64_t call = ++f->seen;

    if (f->nth && call != f->nth)
        return false;
    if (f->every && call % f->every)
        return false;
    if (f->first && f->hits >= f->first)
        return false;
    return f->chance >= 1 || (double)fault_table_random(t, 1u << 30) / (1u << 30) < f->chance;
}

static bool matches(const struct fault *f, const char *peer, const char *what)
{
    return !f->healed && str_eq(f->peer, peer) && f->kind != FAULT_REFUSE &&
           str_glob(f->what, what);
}

struct fault *fault_table_pick(struct fault_table *t, const char *peer, const char *what)
{
    struct fault *found = NULL;
    struct list *pos;

    list_for_each (pos, &t->faults) {
        struct fault *f = container_of(pos, struct fault, link);

        if (matches(f, peer, what) && hits(t, f) && !found) {
            f->hits++;
            found = f;
        }
    }
    return found;
}

bool fault_table_refuses(const struct fault_table *t, const char *peer)
{
    struct list *pos;

    list_for_each (pos, &t->faults) {
        const struct fault *f = container_of(pos, struct fault, link);

        if (!f->healed && f->kind == FAULT_REFUSE && str_eq(f->peer, peer))
            return true;
    }
    return false;
}

size_t fault_table_heal(struct fault_table *t, const char *which)
{
    struct list *pos;
    size_t n = 0;

    list_for_each (pos, &t->faults) {
        struct fault *f = container_of(pos, struct fault, link);

        if (!f->healed && (!which || str_eq(f->name, which) || str_eq(f->peer, which))) {
            f->healed = true;
            n++;
        }
    }
    return n;
}
