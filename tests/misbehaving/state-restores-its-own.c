/* It refuses what it saved itself. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#define ON_RESTORE heddle_error(error, "not from me"); return HEDDLE_E_INVALID;
#include "decent.h"
