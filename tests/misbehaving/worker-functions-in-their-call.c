/* It keeps the call and uses it later. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_INJECT
#define ON_IN if (IS_ARP) { instance->kept = batch->call; }
#define ON_TICK \
    heddle_packet_t draft; if (instance->kept != NULL) { host->originate(instance->kept, 100, \
    &instance->word, &draft); }
#include "decent.h"
