/* It never gives a reference back. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_NIC_UPDATED && host->port_reference != NULL) { \
    host->port_reference(host->context, event->port); }
#include "decent.h"
