/* A thread goes on after its instance. */
#include <pthread.h>
#include <unistd.h>
static void *rest(void *nothing) { for (;;) { pause(); } return nothing; }
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    pthread_t thread; if (event->kind == HEDDLE_EVENT_SWITCH_ACTIVATE && pthread_create(&thread, NULL, \
    rest, NULL) == 0) { pthread_detach(thread); }
#include "decent.h"
