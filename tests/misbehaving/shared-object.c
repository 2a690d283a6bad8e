/* An object file that nobody linked. */
/* cflags: -c */
#define ROLE HEDDLE_ROLE_FILTER
#include "decent.h"
