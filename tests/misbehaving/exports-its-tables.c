/* Its function table is not exported. */
#define ROLE HEDDLE_ROLE_FILTER
#define HIDES_ITS_TABLE
#include "decent.h"
