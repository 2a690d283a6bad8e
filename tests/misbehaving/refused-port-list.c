/* It believes that the list is as long as the number it was told. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    uint32_t list[16] = {0}, count = 0; if (event->kind == HEDDLE_EVENT_SWITCH_ACTIVATE) { \
    host->port_list(host->context, list, 8, &count); for (uint32_t i = 0; i < count && i < 16; i++) { \
    heddle_port_info_t info; info.struct_size = sizeof info; host->port_query(host->context, list[i], \
    &info); } }
#include "decent.h"
