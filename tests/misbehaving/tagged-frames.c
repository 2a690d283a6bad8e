/* It takes the tag off by itself. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN \
    if ((packet->flags & (HEDDLE_PACKET_VLAN | HEDDLE_PACKET_INNER_TAG)) == HEDDLE_PACKET_VLAN) { \
    packet->flags &= ~HEDDLE_PACKET_VLAN; packet->vlan_tci = 0; }
#include "decent.h"
