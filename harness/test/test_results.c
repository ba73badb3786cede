#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/exitcode.h"
#include "harness/results.h"
#include "harness/suite.h"

static void add(struct results *r, const char *name, size_t column, enum outcome o, int tries)
{
    struct progress_item it = {.path = "scenarios/x.scn",
                               .title = "X",
                               .done = true,
                               .tries = tries,
                               .at_first = tries ? (char *)(uintptr_t) "at first" : NULL,
                               .result = {.outcome = o,
                                          .reason = (char *)(uintptr_t) "for agent >=1.52, this "
                                                                        "is 1.44.4",
                                          .report = (char *)(uintptr_t) "all of it",
                                          .seconds = 1}};

    results_add(r, results_row(r, name, it.path, it.title), column, &it);
}

static void columns(struct results *r, size_t n)
{
    static const char *const labels[] = {"1.44.4", "1.62.2"};

    for (size_t i = 0; i < n; i++)
        results_column(r, &(struct results_column){.label = (char *)(uintptr_t)labels[i]});
}

static void runs_of_a_cell_are_summed_up(void **state)
{
    static const struct {
        enum outcome outcomes[3];
        int tries;
        enum verdict verdict;
        int code;
    } cases[] = {
        {{OUTCOME_PASSED, OUTCOME_PASSED, OUTCOME_PASSED}, 0, VERDICT_PASSED, EXITCODE_PASSED},
        {{OUTCOME_FAILED, OUTCOME_FAILED, OUTCOME_FAILED}, 0, VERDICT_FAILED, EXITCODE_FAILED},
        {{OUTCOME_PASSED, OUTCOME_FAILED, OUTCOME_PASSED}, 0, VERDICT_FLAKY, EXITCODE_FAILED},
        {{OUTCOME_FAILED, OUTCOME_PASSED, OUTCOME_PASSED}, 0, VERDICT_FLAKY, EXITCODE_FAILED},
        /* a retry is there to be forgiven, and to be seen */
        {{OUTCOME_PASSED, OUTCOME_PASSED, OUTCOME_PASSED}, 1, VERDICT_FLAKY, EXITCODE_PASSED},
        {{OUTCOME_KNOWN, OUTCOME_KNOWN, OUTCOME_KNOWN}, 0, VERDICT_KNOWN, EXITCODE_PASSED},
        {{OUTCOME_SKIPPED, OUTCOME_SKIPPED, OUTCOME_SKIPPED}, 0, VERDICT_NOT_APPLICABLE, 0},
        {{OUTCOME_PASSED, OUTCOME_HARNESS, OUTCOME_FAILED}, 0, VERDICT_FLAKY, EXITCODE_HARNESS},
        {{OUTCOME_NO_AGENT, OUTCOME_NO_AGENT, OUTCOME_NO_AGENT}, 0, VERDICT_FAILED, EXITCODE_AGENT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct results r = {0};

        columns(&r, 1);
        for (int k = 0; k < 3; k++)
            add(&r, "a", 0, cases[i].outcomes[k], k ? 0 : cases[i].tries);
        assert_int_equal(r.rows[0].cells[0].verdict, cases[i].verdict);
        assert_int_equal(r.rows[0].cells[0].runs, 3 + cases[i].tries);
        assert_int_equal(results_exit_code(&r), cases[i].code);
        results_release(&r);
    }
}

static char *part(const char *row, size_t column, enum outcome o, size_t k)
{
    struct results r = {0};
    char *text;

    columns(&r, 2);
    add(&r, row, column, o, 0);
    if (k)
        results_shard(&r, k, 2);
    text = results_json(&r);
    results_release(&r);
    return text;
}

static void take(struct results *sum, char *text, int want)
{
    struct results r;
    struct err e = ERR_INIT;

    assert_int_equal(results_read(&r, text, strlen(text), &e), 0);
    assert_int_equal(results_merge(sum, &r, &e), want);
    results_release(&r);
    free(text);
}

static void parts_become_a_whole(void **state)
{
    struct results sum = {0};
    struct buf b = BUF_INIT(1 << 20);

    (void)state;
    take(&sum, part("b", 0, OUTCOME_PASSED, 2), 0);
    assert_int_equal(results_missing(&sum), 1);
    take(&sum, part("a", 1, OUTCOME_SKIPPED, 1), 0);
    assert_int_equal(results_missing(&sum), 0);
    /* the same cell once more, elsewhere: it failed there */
    take(&sum, part("b", 0, OUTCOME_FAILED, 2), 0);
    results_sort(&sum);
    assert_string_equal(sum.rows[0].name, "a");
    assert_int_equal(sum.rows[1].cells[0].verdict, VERDICT_FLAKY);
    assert_int_equal(sum.rows[1].cells[0].runs, 2);
    assert_int_equal(sum.rows[1].cells[1].verdict, VERDICT_NONE);
    assert_int_equal(results_count(&sum, 1, VERDICT_NOT_APPLICABLE), 1);
    results_markdown(&sum, &b);
    assert_non_null(strstr(buf_str(&b), "| a |  | - | for agent >=1.52 |"));
    assert_non_null(strstr(buf_str(&b), "| b | **flaky** |  |  |"));
    /* a part of another whole */
    results_shard(&sum, 1, 2);
    sum.n_shards = 3;
    take(&sum, part("c", 0, OUTCOME_PASSED, 1), -1);
    sum.n_shards = 2;
    buf_release(&b);
    results_release(&sum);
}

static void what_is_no_result_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{\"form\":\"ecsim results 2\",\"columns\":[{\"label\":\"x\"}],\"scenarios\":[]}",
        "{\"form\":\"ecsim results 1\",\"columns\":[],\"scenarios\":[]}",
        "{\"form\":\"ecsim results 1\",\"columns\":[{\"label\":\"x\"},{\"label\":\"x\"}],"
        "\"scenarios\":[]}",
        "{\"form\":\"ecsim results 1\",\"columns\":[{\"label\":\"x\"}],\"scenarios\":[{\"name\":"
        "\"a\",\"path\":\"a\",\"title\":\"a\",\"cells\":[]}]}",
        "{\"form\":\"ecsim results 1\",\"columns\":[{\"label\":\"x\"}],\"scenarios\":[{\"name\":"
        "\"a\",\"path\":\"a\",\"title\":\"a\",\"cells\":[{\"verdict\":\"passed\",\"outcome\":"
        "\"passed\",\"runs\":1,\"failures\":2}]}]}",
        "{\"form\":\"ecsim results 1\",\"shards\":2,\"have\":[3],\"columns\":[{\"label\":\"x\"}],"
        "\"scenarios\":[]}",
        "{\"form\":\"ecsim results 1\",\"shards\":2,\"columns\":[{\"label\":\"x\"}],"
        "\"scenarios\":[]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct results r;
        struct err e = ERR_INIT;

        assert_int_equal(results_read(&r, texts[i], strlen(texts[i]), &e), -1);
        assert_int_not_equal(e.code, ERR_NONE);
    }
}

static void a_scenario_is_in_one_part_and_stays_there(void **state)
{
    size_t count[5] = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        char *name = xasprintf("folder/scenario-%d", i);

        count[suite_shard(name, 4)]++;
        free(name);
    }
    assert_int_equal(count[0], 0);
    for (size_t k = 1; k <= 4; k++)
        assert_true(count[k] > 200 && count[k] < 300);
    /* fleets of other versions of ecsim have to agree: these do not change */
    assert_int_equal(suite_shard("acs/heartbeat", 4), 2);
    assert_int_equal(suite_shard("acs/heartbeat", 1), 1);
}

static void a_scenario_has_one_name_wherever_it_lies(void **state)
{
    static const char *const cases[][2] = {
        {"scenarios/acs/heartbeat.scn", "acs/heartbeat"},
        {"/somewhere/scenarios/acs/heartbeat.scn", "acs/heartbeat"},
        {"./mine/one.scn", "mine/one"},
        {"myscenarios/one.scn", "myscenarios/one"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *name = suite_scenario_name(cases[i][0]);

        assert_string_equal(name, cases[i][1]);
        free(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_a_cell_are_summed_up),
        cmocka_unit_test(parts_become_a_whole),
        cmocka_unit_test(what_is_no_result_is_refused),
        cmocka_unit_test(a_scenario_is_in_one_part_and_stays_there),
        cmocka_unit_test(a_scenario_has_one_name_wherever_it_lies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
