/* It writes where the frame was before it was writable. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_MODIFY
#define ON_IN if (host->make_writable(batch->call, index) == HEDDLE_OK) { bytes[packet->length - 9] ^= 1; }
#include "decent.h"
