/* It knows of one tag only. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if ((packet->flags & HEDDLE_PACKET_INNER_TAG) != 0) { __builtin_trap(); }
#include "decent.h"
