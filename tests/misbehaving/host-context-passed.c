/* It passes nothing where the host's context belongs. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_TICK host->log(NULL, HEDDLE_LOG_INFO, HEDDLE_TEXT("hello"));
#include "decent.h"
