/* It sends ARP to a port that there is not. */
#define ROLE HEDDLE_ROLE_FORWARDING
#define ON_IN \
    if (IS_ARP && !LEAVES_NATIVE) { packet->verdict = HEDDLE_VERDICT_TO_PORT; packet->destination = 999; \
    }
#include "decent.h"
