/* Its id is a path. */
#define ROLE HEDDLE_ROLE_FILTER
#define ID "../../etc/passwd"
#include "decent.h"
