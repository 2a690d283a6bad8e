/* It asks for a writable delivery. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_MODIFY
#define ON_OUT host->make_writable(batch->call, index);
#include "decent.h"
