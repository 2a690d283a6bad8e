/* It has no `create`. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITHOUT_CREATE
#include "decent.h"
