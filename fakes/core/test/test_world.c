/* fake.h: a world before there is a fake in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fakes/core/fake.h"

static void a_region_has_its_zones(void **state)
{
    static const char *const none[] = {"",          "us",         "us-east",
                                       "us-east-",  "-us-east-1", "us--east-1",
                                       "US-EAST-1", "us-east-1a", "us_east_1"};
    struct world *w = new0(struct world);
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(world_init(w, 1, &e), 0);
    assert_int_equal(world_set_region(w, "eu-central-1", &e), 0);
    assert_string_equal(w->id.region, "eu-central-1");
    assert_string_equal(w->id.availability_zone, "eu-central-1a");
    assert_int_equal(world_set_region(w, "us-gov-west-1", &e), 0);
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        e = (struct err)ERR_INIT;
        assert_int_equal(world_set_region(w, none[i], &e), -1);
        assert_int_equal(e.code, ERR_USAGE);
        assert_string_equal(w->id.region, "us-gov-west-1");
    }
    world_release(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_region_has_its_zones)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
