#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define MINUTE (60 * NS_PER_S)
#define HOUR   (60 * MINUTE)

/* After the table of Go's time package (time_test.go, TestParseDuration). */
static void durations_are_read_as_go_reads_them(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"+0", 0},
        {"5s", 5 * NS_PER_S},
        {"30s", 30 * NS_PER_S},
        {"1478s", 1478 * NS_PER_S},
        {"-5s", -5 * NS_PER_S},
        {"+5s", 5 * NS_PER_S},
        {"5.0s", 5 * NS_PER_S},
        {"5.6s", 5600 * NS_PER_MS},
        {"5.s", 5 * NS_PER_S},
        {".5s", 500 * NS_PER_MS},
        {"1.004s", 1004 * NS_PER_MS},
        {"1.0040s", 1004 * NS_PER_MS},
        {"100.00100s", 100 * NS_PER_S + NS_PER_MS},
        {"1.000000001s", NS_PER_S + 1},
        {"10ns", 10},
        {"11us", 11 * NS_PER_US},
        {"12\xc2\xb5s", 12 * NS_PER_US},
        {"12\xce\xbcs", 12 * NS_PER_US},
        {"13ms", 13 * NS_PER_MS},
        {"14s", 14 * NS_PER_S},
        {"15m", 15 * MINUTE},
        {"16h", 16 * HOUR},
        {"3h30m", 3 * HOUR + 30 * MINUTE},
        {"10.5s4m", 4 * MINUTE + 10 * NS_PER_S + 500 * NS_PER_MS},
        {"-2m3.4s", -(2 * MINUTE + 3 * NS_PER_S + 400 * NS_PER_MS)},
        {"1h2m3s4ms5us6ns", HOUR + 2 * MINUTE + 3 * NS_PER_S + 4 * NS_PER_MS + 5 * NS_PER_US + 6},
        {"39h9m14.425s", 39 * HOUR + 9 * MINUTE + 14 * NS_PER_S + 425 * NS_PER_MS},
        {"52763797000ns", 52763797000},
        {"0.3333333333333333333h", 20 * MINUTE},
        {"0.100000000000000000000h", 6 * MINUTE},
        {"9007199254740993ns", 9007199254740993},
        {"9223372036854775807ns", INT64_MAX},
        {"2562047h47m16.854775807s", INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t ns = -77;

        if (str_duration(cases[i].text, &ns) < 0 || ns != cases[i].ns)
            fail_msg("%s gave %lld", cases[i].text, (long long)ns);
    }
}

static void what_is_no_duration_is_refused_and_sets_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "3",
        "-",
        "s",
        ".",
        "-.",
        ".s",
        "+.s",
        "1d",
        "1 s",
        " 1s",
        "1s ",
        "--1s",
        "1s2",
        "\x85\x85",
        "1S",
        "9223372036854775808ns",
        "9223372036.9s", /* only the fraction passes the end */
        "99999999999999999999s",
        "2562048h",
        "2562047h48m",
        "infinity",
    };
    int64_t ns = 42;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (!str_duration(bad[i], &ns))
            fail_msg("%s gave %lld", bad[i], (long long)ns);
    assert_int_equal(str_duration(NULL, &ns), -1);
    assert_int_equal(ns, 42);
}

static void a_duration_is_written_in_its_shortest_exact_form(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1ns"},
        {1100, "1.1us"},
        {2200 * NS_PER_US, "2.2ms"},
        {500 * NS_PER_MS, "500ms"},
        {NS_PER_S, "1s"},
        {3300 * NS_PER_MS, "3.3s"},
        {90 * NS_PER_S, "1m30s"},
        {HOUR, "1h"},
        {4 * MINUTE + 5 * NS_PER_S + NS_PER_MS, "4m5.001s"},
        {5 * HOUR + 6 * MINUTE + 7 * NS_PER_S + NS_PER_MS, "5h6m7.001s"},
        {8 * MINUTE + 1, "8m1ns"},
        {-90 * NS_PER_S, "-1m30s"},
        {INT64_MAX, "2562047h47m16.854775807s"},
        {INT64_MIN, "-2562047h47m16.854775808s"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char out[48];
        int64_t back;

        assert_string_equal(str_format_duration(cases[i].ns, out), cases[i].text);
        if (cases[i].ns == INT64_MIN)
            continue; /* its absolute value is no int64_t */
        assert_int_equal(str_duration(out, &back), 0);
        assert_true(back == cases[i].ns);
    }
}

/* 2026-11-24T07:00:00Z */
#define MOMENT (1795503600 * NS_PER_S)

static void times_are_written_in_utc_with_as_many_digits_as_asked(void **state)
{
    char out[40];

    (void)state;
    assert_string_equal(str_format_time(MOMENT, 0, out), "2026-11-24T07:00:00Z");
    assert_string_equal(str_format_time(MOMENT + 123456789, 3, out), "2026-11-24T07:00:00.123Z");
    assert_string_equal(str_format_time(MOMENT + 123456789, 9, out),
                        "2026-11-24T07:00:00.123456789Z");
    assert_string_equal(str_format_time(MOMENT + 5, 12, out), "2026-11-24T07:00:00.000000005Z");
    assert_string_equal(str_format_time(0, -1, out), "1970-01-01T00:00:00Z");
    assert_string_equal(str_format_time(-1, 9, out), "1969-12-31T23:59:59.999999999Z");
    assert_string_equal(str_format_time(INT64_MAX, 9, out), "2262-04-11T23:47:16.854775807Z");
}

static void times_are_read_with_z_or_an_offset(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"2026-11-24T07:00:00Z", MOMENT},
        {"2026-11-24t07:00:00z", MOMENT},
        {"2026-11-24 07:00:00Z", MOMENT},
        {"2026-11-24T07:00:00.5Z", MOMENT + 500 * NS_PER_MS},
        {"2026-11-24T07:00:00.123456789Z", MOMENT + 123456789},
        {"2026-11-24T07:00:00.1234567899Z", MOMENT + 123456789},
        {"2026-11-24T07:00:00+00:00", MOMENT},
        {"2026-11-24T08:30:00+01:30", MOMENT},
        {"2026-11-23T23:00:00.000000001-08:00", MOMENT + 1},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999999999Z", -1},
        {"2024-02-29T00:00:00Z", 1709164800 * NS_PER_S},
        {"2000-02-29T00:00:00Z", 951782400 * NS_PER_S},
        {"2016-12-31T23:59:60Z", 1483228800 * NS_PER_S}, /* a leap second is the next one */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t ns = -77;

        if (str_parse_time(cases[i].text, &ns) < 0 || ns != cases[i].ns)
            fail_msg("%s gave %lld", cases[i].text, (long long)ns);
    }
}

static void what_is_no_time_is_refused_and_sets_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-11-24",
        "2026-11-24T07:00:00",
        "2026-11-24T07:00:00.Z",
        "2026-11-24T07:00:00.5",
        "2026-11-24T07:00:00ZZ",
        "2026-11-24T07:00:00+0100",
        "2026-11-24T07:00:00+24:00",
        "2026-11-24T07:00:00+01:60",
        "2026-11-24T07:00:00+0x:00",
        "2026-13-24T07:00:00Z",
        "2026-00-24T07:00:00Z",
        "2026-02-29T07:00:00Z",
        "2100-02-29T07:00:00Z",
        "2026-04-31T07:00:00Z",
        "2026-11-00T07:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T07:60:00Z",
        "2026-11-24T07:00:61Z",
        "2026-11-24X07:00:00Z",
        "2026/11/24T07:00:00Z",
        "2026-11-24T07-00-00Z",
        "20x6-11-24T07:00:00Z",
        "0001-01-01T00:00:00Z", /* Go's zero time does not fit 64 bits of nanoseconds */
        "2300-01-01T00:00:00Z",
    };
    int64_t ns = 42;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (!str_parse_time(bad[i], &ns))
            fail_msg("%s gave %lld", bad[i], (long long)ns);
    assert_int_equal(ns, 42);
}

static void the_date_of_sigv4_is_written_and_read(void **state)
{
    static const char *const bad[] = {"",
                                      "20261124T070000",
                                      "20261124X070000Z",
                                      "20261324T070000Z",
                                      "2026112aT070000Z",
                                      "20261124T070000Zx",
                                      "x0261124T070000Z"};
    char out[17];
    int64_t ns = 0;

    (void)state;
    assert_string_equal(str_format_amz_date(MOMENT + 999, out), "20261124T070000Z");
    assert_int_equal(str_parse_amz_date(out, &ns), 0);
    assert_true(ns == MOMENT);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(str_parse_amz_date(bad[i], &ns), -1);
}

static void the_date_of_http_names_day_and_month(void **state)
{
    char out[30];

    (void)state;
    assert_string_equal(str_format_http_date(MOMENT, out), "Tue, 24 Nov 2026 07:00:00 GMT");
    assert_string_equal(str_format_http_date(784111777 * NS_PER_S, out),
                        "Sun, 06 Nov 1994 08:49:37 GMT"); /* RFC 9110, 5.6.7 */
    assert_string_equal(str_format_http_date(0, out), "Thu, 01 Jan 1970 00:00:00 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_as_go_reads_them),
        cmocka_unit_test(what_is_no_duration_is_refused_and_sets_nothing),
        cmocka_unit_test(a_duration_is_written_in_its_shortest_exact_form),
        cmocka_unit_test(times_are_written_in_utc_with_as_many_digits_as_asked),
        cmocka_unit_test(times_are_read_with_z_or_an_offset),
        cmocka_unit_test(what_is_no_time_is_refused_and_sets_nothing),
        cmocka_unit_test(the_date_of_sigv4_is_written_and_read),
        cmocka_unit_test(the_date_of_http_names_day_and_month),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
