#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"

struct tick {
    struct clock_timer timer;
    struct clock *clock;
    int id;
    int64_t again;
};

static int fired[16];
static size_t n_fired;

static void on_tick(struct clock_timer *t)
{
    struct tick *k = container_of(t, struct tick, timer);

    fired[n_fired++] = k->id;
    if (k->again >= 0)
        clock_timer_start(k->clock, t, k->again, on_tick);
}

static int reset(void **state)
{
    (void)state;
    n_fired = 0;
    return 0;
}

static void due_timers_fire_in_order_of_deadline_then_of_arming(void **state)
{
    struct clock c;
    struct tick k[4] = {{.id = 0}, {.id = 1}, {.id = 2}, {.id = 3}};
    int64_t after[4] = {30, 10, 20, 10};

    (void)state;
    clock_init(&c, 1000);
    for (int i = 0; i < 4; i++) {
        k[i].again = -1;
        clock_timer_start(&c, &k[i].timer, after[i], on_tick);
    }
    assert_int_equal(clock_next(&c), 10);
    clock_set(&c, 25);
    assert_int_equal(clock_run(&c), 3);
    assert_int_equal(fired[0], 1);
    assert_int_equal(fired[1], 3);
    assert_int_equal(fired[2], 2);
    assert_true(clock_timer_armed(&k[0].timer));
    assert_int_equal(clock_wall(&c), 1025);
    clock_release(&c);
    assert_false(clock_timer_armed(&k[0].timer));
}

static void a_timer_that_rearms_itself_for_now_does_not_hang_the_run(void **state)
{
    struct clock c;
    struct tick k = {.clock = &c, .id = 7, .again = 0};

    (void)state;
    clock_init(&c, 0);
    clock_timer_start(&c, &k.timer, 0, on_tick);
    assert_int_equal(clock_run(&c), 1);
    assert_int_equal(clock_run(&c), 1);
    clock_release(&c);
}

static void stopping_any_timer_keeps_the_heap_in_order(void **state)
{
    struct clock c;
    struct tick k[64];
    int64_t last = -1;

    (void)state;
    clock_init(&c, 0);
    for (int i = 0; i < 64; i++) {
        k[i] = (struct tick){.clock = &c, .id = i, .again = -1};
        clock_timer_start(&c, &k[i].timer, (i * 37) % 64, on_tick);
    }
    for (int i = 0; i < 64; i += 3)
        clock_timer_stop(&c, &k[i].timer);
    while (clock_next(&c) >= 0) {
        n_fired = 0;
        assert_true(clock_next(&c) > last);
        last = clock_next(&c);
        clock_set(&c, last);
        assert_int_equal(clock_run(&c), 1);
        assert_int_equal((fired[0] * 37) % 64, last);
        assert_int_not_equal(fired[0] % 3, 0);
    }
    clock_release(&c);
}

static void the_clock_never_goes_back(void **state)
{
    struct clock c;

    (void)state;
    clock_init(&c, 0);
    clock_set(&c, 50);
    clock_set(&c, 20);
    assert_int_equal(clock_mono(&c), 50);
    clock_step_wall(&c, -30);
    assert_int_equal(clock_wall(&c), 20);
    assert_int_equal(clock_mono(&c), 50);
    clock_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(due_timers_fire_in_order_of_deadline_then_of_arming, reset),
        cmocka_unit_test_setup(a_timer_that_rearms_itself_for_now_does_not_hang_the_run, reset),
        cmocka_unit_test_setup(stopping_any_timer_keeps_the_heap_in_order, reset),
        cmocka_unit_test_setup(the_clock_never_goes_back, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
