/* `destroy` forgets what `create` took. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE instance->kept = malloc(2000); memset(instance->kept, 1, 2000);
#include "decent.h"
