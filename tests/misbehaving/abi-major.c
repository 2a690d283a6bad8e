/* It is built for ABI 7. */
#define ROLE HEDDLE_ROLE_FILTER
#define ABI_MAJOR 7
#include "decent.h"
