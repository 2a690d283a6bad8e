/* It looks for the end of an ICMP message by the IP length alone. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN \
    if (packet->ethertype == 0x0800 && packet->ip_protocol == 1) { worker->word += ((volatile uint8_t \
    *)bytes)[13 + bytes[16] * 256 + bytes[17]]; }
#include "decent.h"
