/* It writes HOLD and holds nothing. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if (IS_ARP) { packet->verdict = HEDDLE_VERDICT_HOLD; }
#include "decent.h"
