/* It keeps to the thread of its first frame. */
#include <pthread.h>
#define ROLE HEDDLE_ROLE_FILTER
#define ON_INGRESS \
    if (worker->kept != NULL && worker->kept != (void *)pthread_self()) { abort(); } worker->kept = \
    (void *)pthread_self();
#include "decent.h"
