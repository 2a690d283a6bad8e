/* It refuses a configuration without a word. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE if (config.length != 0) { free(instance); return HEDDLE_E_CONFIG; }
#include "decent.h"
