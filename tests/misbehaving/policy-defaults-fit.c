/* A field of its policy has a default beyond its range. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_POLICY
#define FIELD_DEFAULT "500"
#include "decent.h"
