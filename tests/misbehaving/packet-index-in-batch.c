/* It counts to the number of packets and one more. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_HOLD
#define ON_INGRESS host->hold(batch->call, batch->count, &worker->handle);
#include "decent.h"
