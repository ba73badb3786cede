#include <stdlib.h>

#include "agent/wire.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"

json_t *wire_time(int64_t wall_ns)
{
    return json_real((double)(wall_ns / NS_PER_MS) / 1000.0);
}

json_t *wire_real(double v)
{
    return v == (double)(int64_t)v ? json_integer((int64_t)v) : json_real(v);
}

void wire_put_time(json_t *o, const char *member, int64_t wall_ns)
{
    int64_t fraction = wall_ns % NS_PER_S;
    int digits = fraction ? 9 : 0;
    char text[40];

    for (; digits && fraction % 10 == 0; fraction /= 10)
        digits--;
    if (wall_ns)
        json_put_str(o, member, str_format_time(wall_ns, digits, text));
}

char *wire_text(const json_t *v)
{
    char *s = json_dumps(v, JSON_COMPACT | JSON_REAL_PRECISION(15));

    if (!s)
        abort(); /* decision 5: only memory can be missing */
    return s;
}

char *wire_frame(const char *type, json_t *message)
{
    json_t *o = json_object();
    char *s;

    json_put_str(o, "type", type);
    json_put(o, "message", message);
    s = wire_text(o);
    json_decref(o);
    return s;
}

char *wire_uuid(char out[37])
{
    unsigned char r[16];
    char hex[33];

    io_random(r, sizeof(r));
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    str_hex(r, sizeof(r), hex);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return out;
}
