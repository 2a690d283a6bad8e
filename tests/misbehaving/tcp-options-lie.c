/* It walks TCP options by their lengths, whatever they are. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN \
    if (packet->ip_protocol == 6 && packet->l4 != 0 && (packet->flags & (HEDDLE_PACKET_TRUNCATED | \
    HEDDLE_PACKET_FRAGMENT)) == 0) { const uint8_t *tcp = bytes + packet->l4; const unsigned end = 4u * \
    (tcp[12] >> 4); for (unsigned at = 20; at + 1 < end; at += ((volatile const uint8_t *)tcp)[at] == 1 \
    ? 1 : tcp[at + 1]) { worker->word++; } }
#include "decent.h"
