#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "fakes/docker/pool.h"

static ip_number ip(const char *s)
{
    ip_number a = 0;
    bool six;

    assert_true(ip_read(s, &six, &a));
    return a;
}

static void make(struct pool *p, const char *subnet, const char *range, bool ends)
{
    struct cidr s, r;

    assert_true(cidr_read(subnet, &s));
    assert_true(!range || cidr_read(range, &r));
    pool_init(p, &s, range ? &r : NULL, ends);
}

/* The next free one as text, or "full". */
static const char *any(struct pool *p)
{
    static char t[IP_TEXT_MAX];
    ip_number a;

    return pool_take_any(p, &a) == POOL_TAKEN ? ip_text(a, p->six, t) : "full";
}

static void texts_are_read_and_written(void **state)
{
    char t[IP_TEXT_MAX];
    struct cidr c;
    ip_number a;
    bool six;

    (void)state;
    assert_string_equal(ip_text(ip("10.0.0.255"), false, t), "10.0.0.255");
    assert_string_equal(ip_text(ip("2001:db8::1:0:0:5"), true, t), "2001:db8::1:0:0:5");
    assert_false(ip_read("10.0.0", &six, &a));
    assert_false(ip_read(NULL, &six, &a));
    assert_false(ip_read("10.0.0.256", &six, &a));
    assert_false(cidr_read("10.0.0.0", &c));
    assert_false(cidr_read("10.0.0.0/33", &c));
    assert_false(cidr_read("2001:db8::/129", &c));
    assert_true(cidr_read("2001:db8::5/64", &c));
    assert_true(cidr_contains(&c, ip("2001:db8::ffff:ffff:ffff:ffff"), true));
    assert_false(cidr_contains(&c, ip("2001:db8:0:1::"), true));
    assert_true(cidr_read("::/0", &c));
    assert_true(cidr_contains(&c, ip("ffff::"), true));
}

static void the_lowest_free_address_is_given(void **state)
{
    struct pool p;

    (void)state;
    make(&p, "10.0.0.0/29", NULL, false);
    assert_string_equal(any(&p), "10.0.0.1");
    assert_string_equal(any(&p), "10.0.0.2");
    assert_int_equal(pool_take(&p, ip("10.0.0.3")), POOL_TAKEN);
    assert_int_equal(pool_take(&p, ip("10.0.0.3")), POOL_IN_USE);
    assert_int_equal(pool_take(&p, ip("10.0.1.3")), POOL_OUTSIDE);
    assert_string_equal(any(&p), "10.0.0.4");
    pool_give(&p, ip("10.0.0.2"));
    pool_give(&p, ip("10.0.0.6"));
    assert_string_equal(any(&p), "10.0.0.2");
    assert_string_equal(any(&p), "10.0.0.5");
    assert_string_equal(any(&p), "10.0.0.6");
    assert_string_equal(any(&p), "full");
    pool_release(&p);
}

static void a_range_is_a_part_of_the_subnet(void **state)
{
    struct pool p;

    (void)state;
    make(&p, "10.0.0.0/16", "10.0.4.0/31", false);
    assert_string_equal(any(&p), "10.0.4.0");
    assert_string_equal(any(&p), "10.0.4.1");
    assert_string_equal(any(&p), "full");
    assert_int_equal(pool_take(&p, ip("10.0.9.9")), POOL_TAKEN);
    pool_give(&p, ip("10.0.9.9"));
    assert_string_equal(any(&p), "full");
    pool_release(&p);
    make(&p, "2001:db8::/64", "2001:db8::1:0/112", false);
    assert_string_equal(any(&p), "2001:db8::1:0");
    pool_release(&p);
}

static void the_ends_of_a_subnet_are_nobodys_where_there_is_room(void **state)
{
    struct pool p;

    (void)state;
    make(&p, "10.0.0.0/31", NULL, false);
    assert_string_equal(any(&p), "10.0.0.0");
    assert_string_equal(any(&p), "10.0.0.1");
    pool_release(&p);
    make(&p, "10.0.0.0/31", NULL, true);
    assert_string_equal(any(&p), "full");
    pool_release(&p);
    make(&p, "2001:db8::/127", NULL, false);
    assert_string_equal(any(&p), "2001:db8::1");
    assert_string_equal(any(&p), "full");
    pool_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_and_written),
        cmocka_unit_test(the_lowest_free_address_is_given),
        cmocka_unit_test(a_range_is_a_part_of_the_subnet),
        cmocka_unit_test(the_ends_of_a_subnet_are_nobodys_where_there_is_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
