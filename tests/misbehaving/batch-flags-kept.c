/* It writes the flag that says that all frames have one source. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_INGRESS batch->flags ^= HEDDLE_BATCH_SINGLE_SOURCE;
#include "decent.h"
