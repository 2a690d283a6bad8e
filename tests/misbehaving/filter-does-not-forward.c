/* A filter that gives a destination. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if (IS_ARP) { packet->verdict = HEDDLE_VERDICT_TO_PORT; }
#include "decent.h"
