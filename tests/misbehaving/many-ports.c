/* It has room for a hundred ports. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT if (event->kind == HEDDLE_EVENT_NIC_CONNECT && instance->ports >= 100) { abort(); }
#include "decent.h"
