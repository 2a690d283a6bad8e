/* It follows extension headers out of the frame. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN \
    if (packet->ethertype == 0x86dd) { unsigned at = 54; for (uint8_t next = bytes[20]; next == 0 || \
    next == 43 || next == 60; ) { next = ((volatile uint8_t *)bytes)[at]; at += 8u * (((volatile uint8_t \
    *)bytes)[at + 1] + 1u); worker->word += ((volatile uint8_t *)bytes)[at]; } }
#include "decent.h"
