/* It looks at the first packet of a periodic call. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_WORKER_TICK \
    if (__atomic_load_n(&all_seen, __ATOMIC_RELAXED) == 0) { worker->word += ((volatile heddle_packet_t \
    *)batch->packets)[0].length; }
#include "decent.h"
