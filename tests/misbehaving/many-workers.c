/* It has room for sixteen workers. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_WORKER_INIT if (number >= 16) { free(worker); return HEDDLE_E_FULL; }
#include "decent.h"
