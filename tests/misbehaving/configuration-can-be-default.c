/* It refuses the configuration that it runs with. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_CONFIG
#define CONFIGURE heddle_error(error, "no change, please"); return HEDDLE_E_CONFIG;
#include "decent.h"
