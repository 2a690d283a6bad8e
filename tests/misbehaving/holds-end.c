/* It holds ARP and forgets it. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_HOLD
#define ON_IN if (IS_ARP) { host->hold(batch->call, index, &worker->handle); }
#include "decent.h"
