/* It changes the EtherType and tells nobody. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_MODIFY
#define ON_IN \
    if (IS_ARP && host->make_writable(batch->call, index) == HEDDLE_OK) { uint8_t *own = batch->base + \
    (size_t)packet->buffer * 64 + packet->start; own[13] = 0xb6; own[12] = 0x88; }
#include "decent.h"
