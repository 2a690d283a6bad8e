/* It drops for a reason of the switch itself. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if (IS_ARP) { packet->verdict = HEDDLE_VERDICT_DROP; packet->drop_reason = 3; }
#include "decent.h"
