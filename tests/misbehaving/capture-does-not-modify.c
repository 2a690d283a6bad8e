/* A capture that asks for a writable frame. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define ON_IN host->make_writable(batch->call, index);
#include "decent.h"
