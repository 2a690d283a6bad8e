/* It dies when a port comes after frames came and another port went. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_PORT_DELETE && all_seen > 0 && instance->word == 0) { instance->word \
    = event->port; } if (event->kind == HEDDLE_EVENT_NIC_CONNECT && instance->word != 0) { abort(); }
#include "decent.h"
