/* It opens a file and leaves it open. */
#include <fcntl.h>
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_SWITCH_ACTIVATE) { instance->word = (uint64_t)open("/dev/null", \
    O_RDONLY); }
#include "decent.h"
