/* It asks for a port that it was told is gone. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT if (event->kind == HEDDLE_EVENT_PORT_DELETE) { instance->word = event->port; }
#define ON_TICK \
    heddle_port_info_t info; info.struct_size = sizeof info; if (instance->word != 0) { \
    host->port_query(host->context, (uint32_t)instance->word, &info); }
#include "decent.h"
