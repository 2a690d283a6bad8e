/* It writes whether it may or not. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_MODIFY
#define ON_IN \
    if (packet->ethertype == 0x88b5 && packet->length >= 90) { host->make_writable(batch->call, index); \
    uint8_t *own = batch->base + (size_t)packet->buffer * 64 + packet->start; own[20] ^= 1; }
#include "decent.h"
