/* It references a port that is being torn down. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_PORT_TEARDOWN && host->port_reference != NULL && \
    host->port_reference(host->context, event->port) == HEDDLE_OK) { \
    host->port_dereference(host->context, event->port); }
#include "decent.h"
