/* It gives a reference back, whether it was given one or not. */
#define ROLE HEDDLE_ROLE_FILTER
#define HOST_MINOR 4
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_NIC_CONNECT) { host->port_reference(host->context, event->port); \
    host->port_dereference(host->context, event->port); }
#include "decent.h"
