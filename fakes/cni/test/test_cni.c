#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/cni/cni.h"
#include "fakes/core/test/peer.c"

static struct world world;
static struct cni *cni;
static char *got;

static int begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(world_init(&world, 7, &e), 0);
    cni = (struct cni *)world_add(&world, &cni_ops, &e);
    assert_non_null(cni);
    assert_int_equal(fake_listen_tcp(&cni->fake, "127.0.0.1", 0, false, &e), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_release(&world);
    free(got);
    got = NULL;
    return 0;
}

static const char *ask(const char *method, const char *path, const char *body)
{
    struct peer p;
    char *text = xasprintf("%s %s HTTP/1.1\r\nHost: cni\r\nConnection: close\r\n"
                           "Content-Length: %zu\r\n\r\n%s",
                           method, path, strlen(body), body);

    peer_connect(&p, &cni->fake);
    peer_send(&p, text);
    peer_wait_end(&p);
    free(got);
    got = xstrdup(buf_str(&p.got));
    peer_close(&p);
    free(text);
    return got;
}

static void plugins_tell_their_version_and_what_they_can(void **state)
{
    (void)state;
    assert_non_null(strstr(ask("GET", "/vpc-eni/version", ""), "\"gitShortHash\":\"1b2c3d4e\""));
    assert_non_null(strstr(ask("GET", "/ecs-bridge/capabilities", ""), "awsvpc-network-mode"));
    assert_non_null(strstr(ask("GET", "/aws-appmesh/capabilities", ""), "\"capabilities\":[]"));
    assert_non_null(strstr(ask("GET", "/other/version", ""), "404"));
    assert_non_null(strstr(ask("POST", "/vpc-eni/MEND", "{}"), "404"));
}

#define ADD(id)                                                                                    \
    "{\"env\":{\"CNI_CONTAINERID\":\"" id "\",\"CNI_IFNAME\":\"ecs-eth0\",\"CNI_NETNS\":\"/n\"},"  \
    "\"config\":{\"cniVersion\":\"0.3.1\",\"ipam\":{\"ipv4-routes\":[{\"dst\":\"1.2.3.4/32\"}]}}}"

static void each_container_gets_an_address_of_its_own_and_gives_it_back(void **state)
{
    (void)state;
    assert_non_null(strstr(ask("POST", "/ecs-bridge/ADD", ADD("one")), "169.254.172.2/22"));
    assert_non_null(strstr(got, "\"cniVersion\":\"0.3.1\""));
    assert_non_null(strstr(got, "\"routes\":[{\"dst\":\"1.2.3.4/32\"}]"));
    assert_non_null(strstr(ask("POST", "/ecs-bridge/ADD", ADD("two")), "169.254.172.3/22"));
    assert_int_equal(map_count(&cni->addresses), 2);
    assert_non_null(strstr(ask("POST", "/ecs-bridge/DEL", ADD("one")), " 200 "));
    assert_int_equal(map_count(&cni->addresses), 1);
    world_reset(&world);
    assert_int_equal(map_count(&cni->addresses), 0);
}

static void an_interface_is_told_with_its_addresses(void **state)
{
    (void)state;
    ask("POST", "/vpc-eni/ADD",
        "{\"env\":{},\"config\":{\"eniMACAddress\":\"0a:01\",\"eniIPAddresses\":[\"10.0.0.7/"
        "24\"]}}");
    assert_non_null(strstr(got, "\"mac\":\"0a:01\""));
    assert_non_null(strstr(got, "\"address\":\"10.0.0.7/24\""));
    assert_non_null(strstr(ask("POST", "/vpc-eni/VERSION", "{}"), "supportedVersions"));
    assert_non_null(strstr(ask("POST", "/vpc-eni/ADD", "no JSON"), "\"code\":100"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plugins_tell_their_version_and_what_they_can, begin, end),
        cmocka_unit_test_setup_teardown(each_container_gets_an_address_of_its_own_and_gives_it_back,
                                        begin, end),
        cmocka_unit_test_setup_teardown(an_interface_is_told_with_its_addresses, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
