/* It looks for the end of a datagram by the UDP length alone. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN \
    if (packet->ip_protocol == 17 && packet->l4 != 0 && (packet->flags & (HEDDLE_PACKET_TRUNCATED | \
    HEDDLE_PACKET_FRAGMENT)) == 0) { const uint8_t *udp = bytes + packet->l4; worker->word += ((volatile \
    const uint8_t *)udp)[udp[4] * 256 + udp[5] - 1]; }
#include "decent.h"
