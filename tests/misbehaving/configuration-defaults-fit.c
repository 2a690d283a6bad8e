/* Its key has a default beyond its range. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_CONFIG
#define CONFIG_ROW HEDDLE_CONFIG_INTEGER, "500"
#include "decent.h"
