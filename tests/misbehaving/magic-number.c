/* Its metadata begins with something else. */
#define ROLE HEDDLE_ROLE_FILTER
#define MAGIC {'H', 'E', 'D', 'D', 'L', 'E', 0, 9}
#include "decent.h"
