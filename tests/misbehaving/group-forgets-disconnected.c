/* Its group keeps ports whose connection ended. */
#define ROLE HEDDLE_ROLE_FORWARDING
#define FORGET
#include "decent.h"
