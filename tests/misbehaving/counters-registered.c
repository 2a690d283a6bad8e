/* It counts what it never registered. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_INGRESS host->counter_add(host->context, instance->counter + 9, 1);
#include "decent.h"
