/* It makes drafts and forgets them. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define CAPABILITIES HEDDLE_CAPABILITY_INJECT
#define ON_IN \
    heddle_packet_t draft; if (IS_ARP) { host->originate(batch->call, 100, &worker->handle, &draft); }
#include "decent.h"
