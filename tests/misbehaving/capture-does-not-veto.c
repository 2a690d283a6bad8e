/* A capture that refuses a port. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_PORT_CREATE && memcmp(event->info->name, "late", 4) == 0) { \
    heddle_error(error, "too late"); return HEDDLE_E_VETO; }
#include "decent.h"
