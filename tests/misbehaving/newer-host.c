/* It refuses a host table that is longer than it knows. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE \
    if (host->struct_size > sizeof *host) { heddle_error(error, "unknown host"); free(instance); return \
    HEDDLE_E_FAILED; }
#include "decent.h"
