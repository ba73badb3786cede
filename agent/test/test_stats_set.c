#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/stats_set.h"
#include "base/mem.h"
#include "base/str.h"

#define MIB 1048576

/* One sample at second `s` of a minute; cpu in ns. */
static json_t *sample(int s, int64_t cpu, int64_t memory, int64_t rx)
{
    char *text = xasprintf(
        "{\"read\":\"2026-11-24T07:00:%02dZ\",\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":%lld}},"
        "\"memory_stats\":{\"usage\":%lld,\"stats\":{\"inactive_file\":%d}},"
        "\"networks\":{\"eth0\":{\"rx_bytes\":%lld,\"tx_packets\":1},\"eth1\":{\"rx_bytes\":5}},"
        "\"blkio_stats\":{\"io_service_bytes_recursive\":[{\"op\":\"Read\",\"value\":7},"
        "{\"op\":\"write\",\"value\":9},{\"op\":\"Total\",\"value\":100}]}}",
        s, (long long)cpu, (long long)memory, MIB, (long long)rx);
    json_t *v = json_read(text, strlen(text), JSON_READ_STRICT, NULL);

    assert_non_null(v);
    free(text);
    return v;
}

static bool add(struct stats_set *set, int s, int64_t cpu, int64_t memory, int64_t rx)
{
    json_t *v = sample(s, cpu, memory, rx);
    bool taken = stats_set_add(set, v, 2);

    json_decref(v);
    return taken;
}

static double real(const json_t *o, const char *path)
{
    return json_number_value(json_at(o, path));
}

static void page_cache_is_no_memory_of_the_container(void **state)
{
    static const char *const statistics[] = {
        "{\"inactive_file\":3145728}",                   /* cgroup v2 */
        "{\"inactive_file\":1048576,\"cache\":3145728}", /* cgroup v1 */
        "{\"inactive_file\":0,\"cache\":3145728}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(statistics) / sizeof(statistics[0]); i++) {
        struct stats_set set = {0};
        json_t *o = json_object();

        for (int s = 1; s < 3; s++) {
            json_t *v = sample(s, s, 8 * MIB, 0);

            json_object_set_new(json_object_get(v, "memory_stats"), "stats",
                                json_loads(statistics[i], 0, NULL));
            stats_set_add(&set, v, 2);
            json_decref(v);
        }
        assert_true(stats_set_take(&set, true, o));
        assert_float_equal(real(o, "memoryStatsSet.max"), 5.0, 1e-9);
        json_decref(o);
    }
}

static void cpu_is_the_part_of_all_processors(void **state)
{
    struct stats_set set = {0};
    json_t *o = json_object();

    (void)state;
    add(&set, 1, 1000000000, 11 * MIB, 0);
    assert_false(stats_set_take(&set, true, o));
    add(&set, 2, 2000000000, 21 * MIB + 5, 1000); /* half of two processors */
    add(&set, 4, 2000000000, 16 * MIB, 1000);
    assert_true(stats_set_take(&set, true, o));
    assert_float_equal(real(o, "cpuStatsSet.max"), 50.0, 1e-9);
    assert_float_equal(real(o, "cpuStatsSet.min"), 0.0, 1e-9);
    assert_float_equal(real(o, "cpuStatsSet.sum"), 50.0, 1e-9);
    assert_int_equal(real(o, "cpuStatsSet.sampleCount"), 2);
    json_decref(o);
}

static void memory_storage_and_network_are_totals_of_every_sample(void **state)
{
    struct stats_set set = {0};
    json_t *o = json_object();

    (void)state;
    add(&set, 1, 0, 11 * MIB, 0);
    add(&set, 2, 0, 21 * MIB + 5, 2000);
    assert_true(stats_set_take(&set, true, o));
    assert_float_equal(real(o, "memoryStatsSet.min"), 10, 1e-9);
    assert_float_equal(real(o, "memoryStatsSet.max"), 20, 1e-9);
    assert_float_equal(real(o, "memoryStatsSet.sum"), 30, 1e-9);
    assert_int_equal(real(o, "memoryStatsSet.sampleCount"), 2);
    assert_int_equal(real(o, "storageStatsSet.readSizeBytes.sum"), 14);
    assert_int_equal(real(o, "storageStatsSet.writeSizeBytes.max"), 9);
    assert_int_equal(real(o, "networkStatsSet.rxBytes.min"), 5);
    assert_int_equal(real(o, "networkStatsSet.rxBytes.max"), 2005);
    assert_int_equal(real(o, "networkStatsSet.txPackets.sum"), 2);
    assert_int_equal(real(o, "networkStatsSet.rxBytes.overflowSum"), 0);
    assert_float_equal(real(o, "networkStatsSet.rxBytesPerSecond.max"), 2000, 1e-6);
    json_decref(o);
}

static void samples_are_given_out_once(void **state)
{
    struct stats_set set = {0};
    json_t *o = json_object(), *p = json_object();

    (void)state;
    add(&set, 1, 0, MIB, 0);
    add(&set, 2, 1000000000, MIB, 0);
    assert_true(stats_set_take(&set, false, o));
    assert_null(json_object_get(o, "networkStatsSet"));
    assert_false(stats_set_take(&set, false, p));
    assert_int_equal(json_object_size(p), 0);
    add(&set, 3, 2000000000, 3 * MIB, 0); /* counted from the sample before */
    assert_true(stats_set_take(&set, false, p));
    assert_int_equal(real(p, "cpuStatsSet.sampleCount"), 1);
    assert_float_equal(real(p, "cpuStatsSet.sum"), 50.0, 1e-9);
    json_decref(o);
    json_decref(p);
}

static void a_time_that_stands_still_repeats_the_value(void **state)
{
    struct stats_set set = {0};
    json_t *o = json_object();

    (void)state;
    add(&set, 1, 0, MIB, 0);
    add(&set, 1, 500, MIB, 0); /* nothing to repeat yet */
    add(&set, 2, 1000000500, MIB, 0);
    add(&set, 2, 1000000500, MIB, 0);
    assert_true(stats_set_take(&set, false, o));
    assert_int_equal(real(o, "cpuStatsSet.sampleCount"), 2);
    assert_float_equal(real(o, "cpuStatsSet.min"), 50.0, 1e-6);
    json_decref(o);
}

static void numbers_above_a_long_overflow_into_their_own_member(void **state)
{
    struct stats_set set = {0};
    json_t *o = json_object();

    (void)state;
    add(&set, 1, 0, MIB, INT64_MAX - 10);
    add(&set, 2, 0, MIB, INT64_MAX - 10);
    assert_true(stats_set_take(&set, true, o));
    assert_int_equal(json_integer_value(json_at(o, "networkStatsSet.rxBytes.sum")), INT64_MAX);
    assert_int_equal(json_integer_value(json_at(o, "networkStatsSet.rxBytes.overflowSum")),
                     INT64_MAX - 10);
    json_decref(o);
}

static void what_is_no_sample_is_not_counted(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"read\":\"0001-01-01T00:00:00Z\",\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":1}}}",
        "{\"read\":\"2026-11-24T07:00:00Z\",\"cpu_stats\":{}}",
        "{\"read\":\"soon\",\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":1}}}",
    };
    struct stats_set set = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        json_t *v = json_read(texts[i], strlen(texts[i]), JSON_READ_STRICT, NULL);

        assert_false(stats_set_add(&set, v, 1));
        json_decref(v);
    }
    assert_int_equal(set.seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_cache_is_no_memory_of_the_container),
        cmocka_unit_test(cpu_is_the_part_of_all_processors),
        cmocka_unit_test(memory_storage_and_network_are_totals_of_every_sample),
        cmocka_unit_test(samples_are_given_out_once),
        cmocka_unit_test(a_time_that_stands_still_repeats_the_value),
        cmocka_unit_test(numbers_above_a_long_overflow_into_their_own_member),
        cmocka_unit_test(what_is_no_sample_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
