/* It gives a destination to a delivery. */
#define ROLE HEDDLE_ROLE_FORWARDING
#define ON_OUT if (IS_ARP) { packet->verdict = HEDDLE_VERDICT_TO_PORT; }
#include "decent.h"
