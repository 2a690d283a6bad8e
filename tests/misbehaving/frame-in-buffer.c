/* It makes a frame longer than its buffer. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_MODIFY
#define ON_IN if (IS_ARP && host->make_writable(batch->call, index) == HEDDLE_OK) { packet->length += 70000; }
#include "decent.h"
