/* A capture that writes into a frame. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define ON_OUT bytes[packet->length - 1] ^= 1;
#include "decent.h"
