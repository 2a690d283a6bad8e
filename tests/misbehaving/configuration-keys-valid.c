/* Its key is of a kind that there is not. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_CONFIG
#define CONFIG_ROW 99, "10"
#include "decent.h"
