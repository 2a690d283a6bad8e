/* Its function table states 8 bytes. */
#define ROLE HEDDLE_ROLE_FILTER
#define TABLE_SIZE 8
#include "decent.h"
