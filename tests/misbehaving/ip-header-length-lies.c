/* It finds the layer 4 header by the IP header length alone. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN \
    if (packet->ethertype == 0x0800) { worker->word += ((volatile uint8_t *)bytes)[14 + 4 * (bytes[14] & \
    15) + 3]; }
#include "decent.h"
