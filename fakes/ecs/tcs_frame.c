/* The header block in front of what an agent publishes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fakes/ecs/tcs.h"

static int add_line(struct tcs_frame *f, char *line, struct err *e)
{
    char *colon = strchr(line, ':');

    if (!colon || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
        return err_set(e, ERR_PARSE, "a header line of a frame has no name");
    if (f->n_headers == TCS_FRAME_HEADERS_MAX)
        return err_set(e, ERR_PARSE, "a frame has more than %d headers", TCS_FRAME_HEADERS_MAX);
    *colon++ = '\0';
    colon += strspn(colon, " \t");
    f->headers[f->n_headers++] = (struct http_header){line, colon};
    return 0;
}

int tcs_frame_split(struct tcs_frame *f, const char *p, size_t n, struct err *e)
{
    const char *end;
    char *line;

    memset(f, 0, sizeof(*f));
    f->json = p;
    f->json_len = n;
    if (n && *p == '{')
        return 0;
    end = memmem(p, n, "\r\n\r\n", 4);
    if (!end)
        return err_set(e, ERR_PARSE, "a frame has neither JSON nor a header block");
    if ((size_t)(end - p) > HTTP_HEADER_BYTES_MAX || memchr(p, '\0', (size_t)(end - p)))
        return err_set(e, ERR_PARSE, "the header block of a frame is too large or holds a NUL");
    f->json = end + 4;
    f->json_len = n - (size_t)(f->json - p);
    f->block = xstrndup(p, (size_t)(end - p));
    for (line = f->block; line;) {
        char *next = strstr(line, "\r\n");

        if (next)
            *next = '\0';
        if (add_line(f, line, e) < 0)
            return -1;
        line = next ? next + 2 : NULL;
    }
    return 0;
}

void tcs_frame_release(struct tcs_frame *f)
{
    free(f->block);
    f->block = NULL;
}
