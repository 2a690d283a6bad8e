/* A capture that asks for a hold. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define ON_IN host->hold(batch->call, index, &worker->handle);
#include "decent.h"
