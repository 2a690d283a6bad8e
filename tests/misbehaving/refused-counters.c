/* It counts with a counter that it did not get. */
#define ROLE HEDDLE_ROLE_FILTER
#define COUNTER_FAILS instance->counter = 40;
#include "decent.h"
