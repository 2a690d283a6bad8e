/* Its state has version 0. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#define STATE_VERSION 0
#include "decent.h"
