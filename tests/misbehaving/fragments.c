/* It takes for granted that IPv4 is followed by a header of layer 4. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN \
    if (packet->ethertype == 0x0800 && (packet->flags & HEDDLE_PACKET_FRAGMENT) != 0 && packet->l4 == 0) \
    { __builtin_trap(); }
#include "decent.h"
