/* Its policy may be put nowhere. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_POLICY
#define FEATURE_FLAGS HEDDLE_FEATURE_STATUS
#include "decent.h"
