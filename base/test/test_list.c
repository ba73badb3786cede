#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/list.h"

struct item {
    char name;
    struct list link;
};

static const char *names_of(struct list *head)
{
    static char names[16];
    struct list *pos;
    size_t n = 0;

    list_for_each (pos, head)
        names[n++] = container_of(pos, struct item, link)->name;
    names[n] = '\0';
    return names;
}

static void items_keep_their_order_at_both_ends(void **state)
{
    struct list head;
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};

    (void)state;
    list_init(&head);
    assert_true(list_empty(&head));
    assert_string_equal(names_of(&head), "");
    list_add_tail(&head, &b.link);
    list_add_tail(&head, &c.link);
    list_add_head(&head, &a.link);
    assert_false(list_empty(&head));
    assert_string_equal(names_of(&head), "abc");
    list_del(&b.link);
    assert_string_equal(names_of(&head), "ac");
    list_del(&b.link); /* a link that is in no list may be deleted again */
    assert_string_equal(names_of(&head), "ac");
    list_add_tail(&head, &b.link);
    assert_string_equal(names_of(&head), "acb");
}

static void the_current_item_may_go_while_walking(void **state)
{
    struct list head, *pos, *tmp;
    struct item items[4] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};

    (void)state;
    list_init(&head);
    for (int i = 0; i < 4; i++)
        list_add_tail(&head, &items[i].link);
    list_for_each_safe (pos, tmp, &head) {
        char name = container_of(pos, struct item, link)->name;

        if (name == 'b' || name == 'd')
            list_del(pos);
    }
    assert_string_equal(names_of(&head), "ac");
    list_for_each_safe (pos, tmp, &head)
        list_del(pos);
    assert_true(list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_keep_their_order_at_both_ends),
        cmocka_unit_test(the_current_item_may_go_while_walking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
