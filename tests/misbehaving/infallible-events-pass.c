/* It refuses the end of a connection. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_NIC_DISCONNECT) { heddle_error(error, "not now"); return \
    HEDDLE_E_AGAIN; }
#include "decent.h"
