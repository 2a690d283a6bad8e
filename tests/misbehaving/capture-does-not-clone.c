/* A capture that asks for a clone. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define ON_IN heddle_packet_t draft; host->clone_packet(batch->call, index, &worker->handle, &draft);
#include "decent.h"
