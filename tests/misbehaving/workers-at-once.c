/* All its workers share one place. */
#include <unistd.h>
static int contexts, inside;
#define ROLE HEDDLE_ROLE_FILTER
#define ON_WORKER_INIT contexts++;
#define ON_WORKER_FINI contexts--; free(worker);
#define ON_INGRESS \
    if (__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) != 0) { abort(); } if (contexts == 2) { \
    usleep(1000); } __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
#include "decent.h"
