/* It saves what is of a NIC and does not take it up. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#define ON_RESTORE \
    if (piece->scope == HEDDLE_STATE_NIC) { heddle_error(error, "not here"); return HEDDLE_E_INVALID; }
#include "decent.h"
