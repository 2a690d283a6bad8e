/* `worker_fini` forgets what `worker_init` took. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_WORKER_INIT worker->kept = malloc(2000); memset(worker->kept, 1, 2000);
#include "decent.h"
