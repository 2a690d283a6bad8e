/* It lets ARP pass without a destination. */
#define ROLE HEDDLE_ROLE_FORWARDING
#define ON_IN if (IS_ARP) { packet->verdict = HEDDLE_VERDICT_PASS; packet->destination = 0; }
#include "decent.h"
