/* It gives back what it never took. */
#define ROLE HEDDLE_ROLE_FILTER
#define HOST_MINOR 4
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_NIC_UPDATED) { host->port_dereference(host->context, event->port); }
#include "decent.h"
