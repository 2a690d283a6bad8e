/* It dies when a port goes that never had a NIC. */
#include <stdint.h>
static uint32_t had_a_nic[4096];
static unsigned had;
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_NIC_CONNECT) { had_a_nic[had++ % 4096] = event->port; } if \
    (event->kind == HEDDLE_EVENT_PORT_DELETE) { unsigned at = 0; while (had_a_nic[at] != event->port) { \
    if (++at == 4096) { abort(); } } }
#include "decent.h"
