/* It drops for a reason that it did not get. */
#define ROLE HEDDLE_ROLE_FILTER
#define REASON_FAILS instance->reason = 300;
#define ON_IN if (IS_ARP) { packet->verdict = HEDDLE_VERDICT_DROP; packet->drop_reason = instance->reason; }
#include "decent.h"
