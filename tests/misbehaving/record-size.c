/* Its metadata states another length. */
#define ROLE HEDDLE_ROLE_FILTER
#define RECORD_SIZE 380
#include "decent.h"
