/* `worker_init` says that it succeeded and gives nothing. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_WORKER_INIT free(worker); *out = NULL; return HEDDLE_OK;
#include "decent.h"
