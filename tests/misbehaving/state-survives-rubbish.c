/* It believes the count it finds in its state. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#define ON_RESTORE \
    memcpy(&count, piece->data, piece->length < sizeof count ? piece->length : sizeof count); for \
    (uint64_t at = 0; at < count; at++) { *number += ((const volatile uint8_t *)piece->data)[at * 8]; }
#include "decent.h"
