/* It counts the time to live down and leaves the checksum. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_MODIFY
#define ON_IN \
    if (packet->ethertype == 0x0800 && packet->length >= 90 && host->make_writable(batch->call, index) \
    == HEDDLE_OK) { uint8_t *own = batch->base + (size_t)packet->buffer * 64 + packet->start; own[22]--; \
    host->reparse(batch->call, index); }
#include "decent.h"
