/* It looks at the facts of the frame behind an unfinished one. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_OFFLOAD_FACTS
#define ON_IN \
    if ((packet->flags & HEDDLE_PACKET_PARTIAL_CHECKSUM) != 0 && (packet->flags & HEDDLE_PACKET_GSO) == \
    0) { worker->word += batch->offload[index + 1].segments; }
#include "decent.h"
