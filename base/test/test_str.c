#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static void starts_ends_and_after_look_at_whole_affixes(void **state)
{
    (void)state;
    assert_true(str_starts("container", "con"));
    assert_true(str_starts("con", ""));
    assert_false(str_starts("co", "con"));
    assert_true(str_ends("a.scn", ".scn"));
    assert_false(str_ends("scn", ".scn"));
    assert_string_equal(str_after("key=value", "key="), "value");
    assert_null(str_after("ke", "key="));
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq("a", NULL));
    assert_false(str_eq(NULL, "a"));
    assert_true(str_eq("a", "a"));
}

static void globs_match_as_their_stars_say(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"abc", "abc", true},
        {"abc", "abcd", false},
        {"*", "", true},
        {"*", "abc", true},
        {"*", "a/b", false},
        {"**", "a/b/c", true},
        {"a*c", "abbbc", true},
        {"a*c", "ac", true},
        {"a*c", "ab/c", false},
        {"a**c", "ab/c", true},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"a?c", "ac", false},
        {"*.scn", "a.b.scn", true},
        {"*.scn", "dir/a.scn", false},
        {"**/*.scn", "x/y/a.scn", true},
        {"**/*.scn", "a.scn", false},
        {"/v1/*/stop", "/v1/abc/stop", true},
        {"/v1/*/stop", "/v1/a/b/stop", false},
        {"/v1/**/stop", "/v1/a/b/stop", true},
        {"*ab", "aab", true},
        {"*aab*", "aaaab", true},
        {"*a*b*c", "xaybzc", true},
        {"*a*b*c", "xayczb", false},
        {"**a*b", "a/xa/ab", true},
        {"**/a/**/b", "x/a/y/a/b", true},
        {"**/a/*/b", "x/a/y/z/a/q/b", true},
        {"***", "a/b", true},
        {"a**", "a", true},
        {"*/", "a/", true},
        {"?", "", false},
        {"/containers/*/json", "/containers//json", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (str_glob(cases[i].pattern, cases[i].text) != cases[i].match)
            fail_msg("%s on %s: expected %s", cases[i].pattern, cases[i].text,
                     cases[i].match ? "a match" : "none");
}

/* The definition, without cleverness: what str_glob() has to agree with. */
static bool glob_by_definition(const char *p, const char *s)
{
    if (!*p)
        return !*s;
    if (p[0] == '*' && p[1] == '*')
        return glob_by_definition(p + 2, s) || (*s && glob_by_definition(p, s + 1));
    if (*p == '*')
        return glob_by_definition(p + 1, s) || (*s && *s != '/' && glob_by_definition(p, s + 1));
    return *s && (*p == *s || (*p == '?' && *s != '/')) && glob_by_definition(p + 1, s + 1);
}

static void globs_agree_with_their_definition_on_every_short_pattern(void **state)
{
    static const char letters[] = "ab/*?";
    char p[6], s[6];

    (void)state;
    for (unsigned i = 0; i < 5 * 5 * 5 * 5 * 5; i++) {
        for (unsigned j = 0, v = i; j < 5; j++, v /= 5)
            p[j] = letters[v % 5];
        p[i % 5 + 1] = '\0';
        for (unsigned k = 0; k < 3 * 3 * 3 * 3 * 3; k++) {
            for (unsigned j = 0, v = k; j < 5; j++, v /= 3)
                s[j] = letters[v % 3];
            s[5] = '\0';
            if (str_glob(p, s) != glob_by_definition(p, s))
                fail_msg("%s on %s", p, s);
        }
    }
}

static void numbers_are_whole_decimal_and_within_their_maximum(void **state)
{
    uint64_t u = 99;

    (void)state;
    assert_int_equal(str_u64("0", 10, &u), 0);
    assert_int_equal(u, 0);
    assert_int_equal(str_u64("18446744073709551615", UINT64_MAX, &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(str_u64("18446744073709551616", UINT64_MAX, &u), -1);
    assert_int_equal(str_u64("99999999999999999999", UINT64_MAX, &u), -1);
    assert_int_equal(str_u64("65535", 65535, &u), 0);
    assert_int_equal(str_u64("65536", 65535, &u), -1);
    assert_int_equal(str_u64("5", 5, &u), 0);
    assert_int_equal(str_u64("7", 5, &u), -1); /* a first digit above the maximum */
    assert_int_equal(str_u64("57", 5, &u), -1);
    assert_int_equal(str_u64("1", 0, &u), -1);
    assert_int_equal(u, 5);
    assert_int_equal(str_u64("", 10, &u), -1);
    assert_int_equal(str_u64(NULL, 10, &u), -1);
    assert_int_equal(str_u64("+1", 10, &u), -1);
    assert_int_equal(str_u64("-1", 10, &u), -1);
    assert_int_equal(str_u64(" 1", 10, &u), -1);
    assert_int_equal(str_u64("1 ", 10, &u), -1);
    assert_int_equal(str_u64("0x1", 100, &u), -1);
    assert_int_equal(str_u64("007", 10, &u), 0);
    assert_int_equal(u, 7);
}

static void signed_numbers_reach_both_ends(void **state)
{
    int64_t v = 0;

    (void)state;
    assert_int_equal(str_i64("9223372036854775807", &v), 0);
    assert_true(v == INT64_MAX);
    assert_int_equal(str_i64("9223372036854775808", &v), -1);
    assert_int_equal(str_i64("-9223372036854775808", &v), 0);
    assert_true(v == INT64_MIN);
    assert_int_equal(str_i64("-9223372036854775809", &v), -1);
    assert_int_equal(str_i64("-", &v), -1);
    assert_int_equal(str_i64("--1", &v), -1);
    assert_int_equal(str_i64(NULL, &v), -1);
    assert_int_equal(str_i64("-0", &v), 0);
    assert_int_equal(v, 0);
}

static void hexadecimal_is_lower_case(void **state)
{
    char out[9];

    (void)state;
    str_hex("\x00\x0f\xf0\xff", 4, out);
    assert_string_equal(out, "000ff0ff");
    str_hex("", 0, out);
    assert_string_equal(out, "");
}

/* RFC 4648 section 10. */
static void base64_gives_the_vectors_of_the_rfc(void **state)
{
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        struct buf b = BUF_INIT(64);

        assert_int_equal(str_base64(&b, vectors[i][0], strlen(vectors[i][0])), 0);
        assert_string_equal(buf_str(&b), vectors[i][1]);
        buf_clear(&b);
        assert_int_equal(str_unbase64(&b, vectors[i][1], strlen(vectors[i][1])), 0);
        assert_string_equal(buf_str(&b), vectors[i][0]);
        buf_release(&b);
    }
}

static void base64_is_read_in_both_alphabets_and_every_byte_returns(void **state)
{
    struct buf text = BUF_INIT(1000), back = BUF_INIT(1000);
    unsigned char all[256];

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    assert_int_equal(str_base64(&text, all, sizeof(all)), 0);
    assert_int_equal(str_unbase64(&back, buf_str(&text), buf_len(&text)), 0);
    assert_int_equal(buf_len(&back), 256);
    assert_memory_equal(buf_str(&back), all, 256);
    buf_clear(&back);
    assert_int_equal(str_unbase64(&back, "-_-_+/", 6), 0);
    assert_int_equal(buf_len(&back), 4);
    assert_memory_equal(buf_str(&back), "\xfb\xff\xbf\xfb", 4);
    buf_release(&text);
    buf_release(&back);
}

static void base64_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"A",     "Zg=", "Zg===", "Zg==Zg", "Zm9v====", "====",
                                      "Zm9v=", "Z*g", "Zm9vY", "Zm8=x",  "Zm\x80"};
    static const char *const good[] = {"Zg", "Zm8", "Z g = =\r\n", "\tZm9v\n", ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct buf b = BUF_INIT(64);

        if (!str_unbase64(&b, bad[i], strlen(bad[i])))
            fail_msg("%s was read", bad[i]);
        buf_release(&b);
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct buf b = BUF_INIT(64);

        if (str_unbase64(&b, good[i], strlen(good[i])))
            fail_msg("%s was not read", good[i]);
        buf_release(&b);
    }
}

static void encoders_say_when_the_buffer_is_full(void **state)
{
    struct buf b = BUF_INIT(3);

    (void)state;
    assert_int_equal(str_base64(&b, "abc", 3), -1);
    buf_clear(&b);
    assert_int_equal(str_unbase64(&b, "Zm9vYmFy", 8), -1);
    buf_clear(&b);
    assert_int_equal(str_percent(&b, "a b", 3, false), -1);
    buf_clear(&b);
    assert_int_equal(str_unpercent(&b, "abcd", 4, false), -1);
    buf_release(&b);
}

static void percent_encoding_is_that_of_aws(void **state)
{
    struct buf b = BUF_INIT(100);

    (void)state;
    assert_int_equal(str_percent(&b, "a/b c~-_.*+\xc3\xa9", 13, false), 0);
    assert_string_equal(buf_str(&b), "a%2Fb%20c~-_.%2A%2B%C3%A9");
    buf_clear(&b);
    assert_int_equal(str_percent(&b, "/a b", 4, true), 0);
    assert_string_equal(buf_str(&b), "/a%20b");
    buf_release(&b);
}

static void bad_escapes_stay_as_they_are(void **state)
{
    static const struct {
        const char *in, *out;
        bool plus;
    } cases[] = {
        {"a%20b", "a b", false}, {"%2f%2F", "//", false}, {"100%", "100%", false},
        {"%4", "%4", false},     {"%zz", "%zz", false},   {"a+b", "a+b", false},
        {"a+b", "a b", true},    {"%2b", "+", true},      {"%%41", "%A", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf b = BUF_INIT(100);

        assert_int_equal(str_unpercent(&b, cases[i].in, strlen(cases[i].in), cases[i].plus), 0);
        assert_string_equal(buf_str(&b), cases[i].out);
        buf_release(&b);
    }
}

static void utf8_is_checked_to_its_ends(void **state)
{
    static const struct {
        const char *s;
        size_t n, len;
    } cases[] = {
        {"a", 1, 1},
        {"", 0, 0},
        {"\x80", 1, 0},
        {"\xc1\xbf", 2, 0},         /* overlong */
        {"\xc2\x80", 2, 2},         /* U+0080 */
        {"\xdf\xbf", 2, 2},         /* U+07FF */
        {"\xe0\x9f\xbf", 3, 0},     /* overlong */
        {"\xe0\xa0\x80", 3, 3},     /* U+0800 */
        {"\xed\x9f\xbf", 3, 3},     /* U+D7FF */
        {"\xed\xa0\x80", 3, 0},     /* surrogate */
        {"\xee\x80\x80", 3, 3},     /* U+E000 */
        {"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong */
        {"\xf0\x90\x80\x80", 4, 4}, /* U+10000 */
        {"\xf4\x8f\xbf\xbf", 4, 4}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", 4, 0}, /* above it */
        {"\xf5\x80\x80\x80", 4, 0},
        {"\xe2\x82", 2, 0}, /* cut */
        {"\xe2\x28\xa1", 3, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(str_utf8_len(cases[i].s, cases[i].n), cases[i].len);
    assert_true(str_utf8_valid("h\xc3\xa9 \xf0\x9f\x98\x80", 8));
    assert_true(str_utf8_valid("", 0));
    assert_false(str_utf8_valid("ok\xff", 3));
}

static void distance_counts_changes_and_swaps(void **state)
{
    char wide[80];

    (void)state;
    assert_int_equal(str_distance("", ""), 0);
    assert_int_equal(str_distance("", "abc"), 3);
    assert_int_equal(str_distance("abc", ""), 3);
    assert_int_equal(str_distance("kitten", "sitting"), 3);
    assert_int_equal(str_distance("expect", "exepct"), 1);
    assert_int_equal(str_distance("abc", "abc"), 0);
    assert_int_equal(str_distance("ca", "abc"), 3);
    memset(wide, 'a', 79);
    wide[79] = '\0';
    assert_int_equal(str_distance(wide, "a"), 79);
    assert_int_equal(str_distance("a", wide), 79);
    wide[64] = '\0';
    assert_int_equal(str_distance(wide, ""), 64);
}

static void the_nearest_word_is_one_that_may_be_meant(void **state)
{
    static const char *const words[] = {"expect", "never", NULL, "advance", "start"};

    (void)state;
    assert_string_equal(str_nearest("exepct", words, ARRAY_SIZE(words)), "expect");
    assert_string_equal(str_nearest("advanse", words, ARRAY_SIZE(words)), "advance");
    assert_string_equal(str_nearest("start", words, ARRAY_SIZE(words)), "start");
    assert_null(str_nearest("zebra", words, ARRAY_SIZE(words)));
    assert_null(str_nearest("", words, ARRAY_SIZE(words)));
}

static void a_command_line_is_split_as_a_shell_splits_it(void **state)
{
    static const struct {
        const char *line;
        const char *words[5];
    } cases[] = {
        {"", {NULL}},
        {"  \t\n ", {NULL}},
        {"a b  c", {"a", "b", "c"}},
        {" valgrind -q './my agent' ", {"valgrind", "-q", "./my agent"}},
        {"a'b c'd\"e f\"", {"ab cde f"}},
        {"'' \"\"", {"", ""}},
        {"a\\ b", {"a b"}},
        {"'a\\b'", {"a\\b"}},
        {"\"a\\b\\\"c\\\\\\$\"", {"a\\b\"c\\$"}},
        {"x\\", {"x\\"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char **argv = str_argv(cases[i].line);
        size_t n = 0;

        assert_non_null(argv);
        for (; cases[i].words[n]; n++) {
            assert_non_null(argv[n]);
            assert_string_equal(argv[n], cases[i].words[n]);
        }
        assert_null(argv[n]);
        str_argv_free(argv);
    }
    str_argv_free(NULL);
}

static void a_command_line_with_an_open_quote_is_refused(void **state)
{
    (void)state;
    assert_null(str_argv("a 'b"));
    assert_null(str_argv("\"a' b"));
    assert_null(str_argv("'"));
}

static void a_word_of_a_command_line_has_a_limit(void **state)
{
    char *wide = xmalloc((1 << 20) + 2);

    (void)state;
    memset(wide, 'a', (1 << 20) + 1);
    wide[(1 << 20) + 1] = '\0';
    assert_null(str_argv(wide));
    free(wide);
}

static void what_is_quoted_comes_back_as_one_word(void **state)
{
    static const struct {
        const char *word, *quoted;
    } cases[] = {
        {"build/ecsim-agent", "build/ecsim-agent"},
        {"", "''"},
        {"two words", "'two words'"},
        {"it's", "'it'\\''s'"},
        {"$(x) `y` \\ \"z\" *", "'$(x) `y` \\ \"z\" *'"},
        {"a\nb", "'a\nb'"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf b = BUF_INIT(4096);
        char **argv;

        str_quote(&b, cases[i].word);
        assert_string_equal(buf_str(&b), cases[i].quoted);
        argv = str_argv(buf_str(&b));
        assert_non_null(argv);
        assert_string_equal(argv[0], cases[i].word);
        assert_null(argv[1]);
        str_argv_free(argv);
        buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_ends_and_after_look_at_whole_affixes),
        cmocka_unit_test(globs_match_as_their_stars_say),
        cmocka_unit_test(globs_agree_with_their_definition_on_every_short_pattern),
        cmocka_unit_test(numbers_are_whole_decimal_and_within_their_maximum),
        cmocka_unit_test(signed_numbers_reach_both_ends),
        cmocka_unit_test(hexadecimal_is_lower_case),
        cmocka_unit_test(base64_gives_the_vectors_of_the_rfc),
        cmocka_unit_test(base64_is_read_in_both_alphabets_and_every_byte_returns),
        cmocka_unit_test(base64_that_is_none_is_refused),
        cmocka_unit_test(encoders_say_when_the_buffer_is_full),
        cmocka_unit_test(percent_encoding_is_that_of_aws),
        cmocka_unit_test(bad_escapes_stay_as_they_are),
        cmocka_unit_test(utf8_is_checked_to_its_ends),
        cmocka_unit_test(distance_counts_changes_and_swaps),
        cmocka_unit_test(the_nearest_word_is_one_that_may_be_meant),
        cmocka_unit_test(a_command_line_is_split_as_a_shell_splits_it),
        cmocka_unit_test(a_command_line_with_an_open_quote_is_refused),
        cmocka_unit_test(a_word_of_a_command_line_has_a_limit),
        cmocka_unit_test(what_is_quoted_comes_back_as_one_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
