/* It references a NIC whose connection has ended. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_NIC_DISCONNECT && host->nic_reference != NULL && \
    host->nic_reference(host->context, event->port, 0) == HEDDLE_OK) { \
    host->nic_dereference(host->context, event->port, 0); }
#include "decent.h"
