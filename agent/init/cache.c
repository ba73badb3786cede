#include "agent/init/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define BLANKS " \t\r\n"

struct filling {
    agent_image_fn done;
    void *user;
};

enum cache_state cache_state_of(const char *text)
{
    text += strspn(text, BLANKS);
    if ((*text != '1' && *text != '2') || text[1 + strspn(text + 1, BLANKS)])
        return CACHE_NONE;
    return *text == '1' ? CACHE_CACHED : CACHE_RELOAD;
}

enum cache_state cache_state_read(void)
{
    _cleanup_buf_ struct buf text = BUF_INIT(4096);
    struct stat st;

    if (stat(CACHE_TARBALL, &st) < 0 || !st.st_size || io_read_file(CACHE_STATE, &text, NULL) < 0)
        return CACHE_NONE;
    return cache_state_of(buf_str(&text));
}

void cache_state_write(struct init *in, enum cache_state state)
{
    static const char *const words[] = {"0", "1", "2"};
    struct err e = ERR_INIT;

    if (io_write_file(CACHE_STATE, words[state], 1, 0644, &e) < 0)
        log_event(&in->log, LOG_WARN, "The state of the cache cannot be written", "error", e.text,
                  NULL);
}

static void filled(struct init *in, const char *error, void *user)
{
    struct filling f = *(struct filling *)user;

    free(user);
    cache_state_write(in, error ? CACHE_NONE : CACHE_CACHED);
    f.done(in, error, f.user);
}

static void downloaded(struct init *in, const char *error, void *user)
{
    if (error)
        filled(in, error, user);
    else
        agent_image_load(in, CACHE_TARBALL, filled, user);
}

static void fill(struct init *in, bool reload, agent_image_fn done, void *user)
{
    struct filling *f = new0(struct filling);
    enum cache_state state = cache_state_read();

    *f = (struct filling){done, user};
    if (state == CACHE_NONE)
        cache_download(in, downloaded, f);
    else if (reload || state == CACHE_RELOAD)
        agent_image_load(in, CACHE_TARBALL, filled, f);
    else
        agent_image_need(in, filled, f);
}

void cache_fill(struct init *in, agent_image_fn done, void *user)
{
    fill(in, false, done, user);
}

void cache_reload(struct init *in, agent_image_fn done, void *user)
{
    fill(in, true, done, user);
}

char *cache_md5_of(const char *text)
{
    text += strspn(text, BLANKS);
    if (strspn(text, "0123456789abcdef") != 32 || text[32 + strspn(text + 32, BLANKS)])
        return NULL;
    return xstrndup(text, 32);
}
