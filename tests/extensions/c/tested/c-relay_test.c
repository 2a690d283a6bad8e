/* The test kit in C on what an extension may since ABI 1.4: references, destinations, policies, state. */
#include "heddle_test.h"

#define FEATURE "org.heddle.test.c-relay.mirror"

uint64_t frames_of(const void *worker);
uint64_t completed_of(const void *instance);

static void references_and_destinations(heddle_test_t *test)
{
    heddle_test_add_port(test, 1, "web");
    heddle_test_add_port(test, 2, "db");
    heddle_test_add_port(test, 3, "mirror");
    HEDDLE_EXPECT(heddle_test_references(test) == 6);
    HEDDLE_EXPECT(completed_of(test->instance) == 6);
    HEDDLE_EXPECT(heddle_test_property(test, HEDDLE_PROPERTY_ADD, 3, FEATURE, "", NULL) == HEDDLE_OK);
    heddle_test_udp(test, 1, 0, 60);
    heddle_test_ingress(test);
    HEDDLE_EXPECT(heddle_test_flooded_to(test, 0, 2) && test->injected_count == 1);
    HEDDLE_EXPECT(test->injected[0].to.verdict == HEDDLE_VERDICT_TO_PORT && test->injected[0].to.target == 3);
    HEDDLE_EXPECT(test->injected[0].port == 1 && test->injected[0].length == 60);
    heddle_test_clear(test);
}

static void policies(heddle_test_t *test)
{
    char error[513], text[64], little[4];
    HEDDLE_EXPECT(heddle_test_property(test, HEDDLE_PROPERTY_ADD, 2, FEATURE, "", error) == HEDDLE_E_VETO);
    HEDDLE_EXPECT(strcmp(error, "another port is the mirror already") == 0);
    HEDDLE_EXPECT(heddle_test_status(test, FEATURE, 3, text, sizeof text) == HEDDLE_OK && strcmp(text, "ports=3\n") == 0);
    HEDDLE_EXPECT(heddle_test_status(test, FEATURE, 2, text, sizeof text) == HEDDLE_E_GONE);
    HEDDLE_EXPECT(heddle_test_status(test, FEATURE, 3, little, sizeof little) == HEDDLE_E_FULL);
}

static void state(heddle_test_t *test)
{
    heddle_test_udp(test, 2, 0, 60);
    heddle_test_ingress(test);
    heddle_test_clear(test);
    HEDDLE_EXPECT(frames_of(test->context) == 2);
    HEDDLE_EXPECT(!heddle_test_upgrade(test, "bad"));
    HEDDLE_EXPECT(frames_of(test->context) == 2 && heddle_test_references(test) == 6);
    HEDDLE_EXPECT(heddle_test_upgrade(test, ""));
    HEDDLE_EXPECT(frames_of(test->context) == 2 && heddle_test_references(test) == 6);
    /* The policy is the operator's: the host puts it on the new one, as this test does. */
    HEDDLE_EXPECT(heddle_test_property(test, HEDDLE_PROPERTY_ADD, 3, FEATURE, "", NULL) == HEDDLE_OK);
    HEDDLE_EXPECT(heddle_test_property(test, HEDDLE_PROPERTY_DELETE, 3, FEATURE, "", NULL) == HEDDLE_OK);
}

int main(void)
{
    heddle_test_t *test = heddle_test_start("");
    references_and_destinations(test);
    policies(test);
    state(test);
    heddle_test_remove_port(test, 2);
    HEDDLE_EXPECT(heddle_test_references(test) == 4);
    return heddle_test_stop(test);
}
