/* It finishes a checksum in a frame that is not writable. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN \
    if ((packet->flags & (HEDDLE_PACKET_PARTIAL_CHECKSUM | HEDDLE_PACKET_GSO)) == \
    HEDDLE_PACKET_PARTIAL_CHECKSUM) { bytes[packet->l4 + 6] ^= 0x55; }
#include "decent.h"
