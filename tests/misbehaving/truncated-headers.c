/* It reads the whole layer 4 header of IPv6, there or not. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN \
    if (packet->ethertype == 0x86dd && (bytes[20] == 6 || bytes[20] == 17)) { worker->word += ((volatile \
    uint8_t *)bytes)[54 + 19]; }
#include "decent.h"
