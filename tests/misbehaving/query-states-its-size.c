/* It does not say how large its struct is. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    heddle_port_info_t info; info.struct_size = 0; if (event->kind == HEDDLE_EVENT_NIC_UPDATED) { \
    host->port_query(host->context, event->port, &info); }
#include "decent.h"
