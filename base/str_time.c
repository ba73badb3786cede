/* Durations and points in time as text: the other half of str.h. */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    {"ns", 1},         {"us", NS_PER_US}, {"\xc2\xb5s", NS_PER_US}, {"\xce\xbcs", NS_PER_US},
    {"ms", NS_PER_MS}, {"s", NS_PER_S},   {"m", 60 * NS_PER_S},     {"h", 3600 * NS_PER_S},
};

/* One "1.5h" of a duration. */
static int duration_part(const char **s, int64_t *ns)
{
    int64_t whole = 0, frac = 0;
    double scale = 1;
    const char *p = *s;
    bool digits = false;
    size_t n;

    for (; *p >= '0' && *p <= '9'; p++, digits = true)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *p - '0', &whole))
            return -1;
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++, digits = true)
            if (frac <= (INT64_MAX - 9) / 10) { /* what follows is below a nanosecond */
                frac = frac * 10 + (*p - '0');
                scale *= 10;
            }
    n = strcspn(p, "0123456789.");
    for (size_t i = 0; digits && i < ARRAY_SIZE(units); i++) {
        int64_t v;

        if (strlen(units[i].name) != n || memcmp(units[i].name, p, n))
            continue;
        if (__builtin_mul_overflow(whole, units[i].ns, &v))
            return -1;
        if (__builtin_add_overflow(v, (int64_t)((double)frac * ((double)units[i].ns / scale)), &v))
            return -1;
        *s = p + n;
        return __builtin_add_overflow(*ns, v, ns) ? -1 : 0;
    }
    return -1;
}

int str_duration(const char *s, int64_t *ret_ns)
{
    int64_t ns = 0;
    bool neg;

    if (!s)
        return -1;
    neg = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    if (str_eq(s, "0")) {
        *ret_ns = 0;
        return 0;
    }
    if (!*s)
        return -1;
    while (*s)
        if (duration_part(&s, &ns) < 0)
            return -1;
    *ret_ns = neg ? -ns : ns;
    return 0;
}

char *str_format_duration(int64_t ns, char out[48])
{
    uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t h = v / (3600 * (uint64_t)NS_PER_S), m = v / (60 * (uint64_t)NS_PER_S) % 60;
    uint64_t rest = v % (60 * (uint64_t)NS_PER_S);
    size_t n = 0;

    if (!v)
        return memcpy(out, "0s", 3);
    if (ns < 0)
        out[n++] = '-';
    if (h)
        n += (size_t)snprintf(out + n, 48 - n, "%lluh", (unsigned long long)h);
    if (m)
        n += (size_t)snprintf(out + n, 48 - n, "%llum", (unsigned long long)m);
    if (rest) {
        uint64_t unit = rest % NS_PER_S == 0 || rest > NS_PER_S ? NS_PER_S
                        : rest >= NS_PER_MS                     ? NS_PER_MS
                        : rest >= NS_PER_US                     ? NS_PER_US
                                                                : 1;
        char frac[24];
        size_t f =
            (size_t)snprintf(frac, sizeof(frac), "%llu", (unsigned long long)(rest % unit + unit));

        while (f > 1 && frac[f - 1] == '0')
            frac[--f] = '\0';
        frac[0] = '.'; /* the leading 1 that kept the zeros */
        snprintf(out + n, 48 - n, "%llu%s%s", (unsigned long long)(rest / unit), f > 1 ? frac : "",
                 unit == NS_PER_S    ? "s"
                 : unit == NS_PER_MS ? "ms"
                 : unit == NS_PER_US ? "us"
                                     : "ns");
    }
    return out;
}

static void split_time(int64_t wall_ns, struct tm *tm, int64_t *ns)
{
    time_t s = (time_t)(wall_ns / NS_PER_S);

    *ns = wall_ns % NS_PER_S;
    if (*ns < 0) {
        *ns += NS_PER_S;
        s--;
    }
    gmtime_r(&s, tm);
}

char *str_format_time(int64_t wall_ns, int digits, char out[40])
{
    struct tm tm;
    int64_t ns;
    size_t n;

    split_time(wall_ns, &tm, &ns);
    n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    if (digits > 0) {
        snprintf(out + n, 40 - n, ".%09lld", (long long)ns);
        n += 1 + (size_t)(digits > 9 ? 9 : digits);
    }
    memcpy(out + n, "Z", 2);
    return out;
}

char *str_format_amz_date(int64_t wall_ns, char out[17])
{
    struct tm tm;
    int64_t ns;

    split_time(wall_ns, &tm, &ns);
    strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm);
    return out;
}

char *str_format_http_date(int64_t wall_ns, char out[30])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    int64_t ns;

    split_time(wall_ns, &tm, &ns);
    snprintf(out, 30, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + tm.tm_wday * 3,
             (unsigned)tm.tm_mday % 100, months + tm.tm_mon * 3,
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
    return out;
}

static int two(const char *s)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return -1;
    return (s[0] - '0') * 10 + (s[1] - '0');
}

static int days_of(int year, int month)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (leap && month == 2);
}

/* Fields that timegm() would silently carry over are refused here, but for a leap second. */
static int join_time(const int f[6], int64_t *ret)
{
    struct tm tm = {.tm_year = f[0] - 1900,
                    .tm_mon = f[1] - 1,
                    .tm_mday = f[2],
                    .tm_hour = f[3],
                    .tm_min = f[4],
                    .tm_sec = f[5]};

    if (f[1] < 1 || f[1] > 12 || f[2] < 1 || f[2] > days_of(f[0], f[1]) || f[3] < 0 || f[3] > 23 ||
        f[4] < 0 || f[4] > 59 || f[5] < 0 || f[5] > 60 || f[0] < 1678 || f[0] > 2261)
        return -1;
    *ret = (int64_t)timegm(&tm) * NS_PER_S;
    return 0;
}

int str_parse_amz_date(const char *s, int64_t *ret)
{
    int f[6];

    if (strlen(s) != 16 || s[8] != 'T' || s[15] != 'Z' || two(s) < 0 || two(s + 2) < 0)
        return -1;
    f[0] = two(s) * 100 + two(s + 2);
    f[1] = two(s + 4);
    f[2] = two(s + 6);
    f[3] = two(s + 9);
    f[4] = two(s + 11);
    f[5] = two(s + 13);
    return join_time(f, ret);
}

int str_parse_time(const char *s, int64_t *ret)
{
    int64_t v, frac = 0, scale = NS_PER_S;
    int f[6], sign, hours, minutes;

    if (strlen(s) < 20 || two(s) < 0 || two(s + 2) < 0 || s[4] != '-' || s[7] != '-' ||
        (s[10] != 'T' && s[10] != 't' && s[10] != ' ') || s[13] != ':' || s[16] != ':')
        return -1;
    f[0] = two(s) * 100 + two(s + 2);
    f[1] = two(s + 5);
    f[2] = two(s + 8);
    f[3] = two(s + 11);
    f[4] = two(s + 14);
    f[5] = two(s + 17);
    if (join_time(f, &v) < 0)
        return -1;
    s += 19;
    if (*s == '.' && (s[1] < '0' || s[1] > '9'))
        return -1;
    if (*s == '.')
        for (s++; *s >= '0' && *s <= '9'; s++)
            if (scale > 1) {
                scale /= 10;
                frac += (*s - '0') * scale;
            }
    v += frac;
    if ((*s == 'Z' || *s == 'z') && !s[1]) {
        *ret = v;
        return 0;
    }
    if ((*s != '+' && *s != '-') || strlen(s) != 6 || s[3] != ':')
        return -1;
    sign = *s == '-' ? 1 : -1;
    hours = two(s + 1);
    minutes = two(s + 4);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return -1;
    *ret = v + sign * (hours * 3600LL + minutes * 60LL) * NS_PER_S;
    return 0;
}
