/* It counts the batch down. */
#define ROLE HEDDLE_ROLE_FILTER
#define AFTER_INGRESS batch->count = 0;
#include "decent.h"
