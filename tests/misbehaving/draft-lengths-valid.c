/* It asks for a frame of five bytes. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define CAPABILITIES HEDDLE_CAPABILITY_INJECT
#define ON_INGRESS heddle_packet_t draft; host->originate(batch->call, 5, &worker->handle, &draft);
#include "decent.h"
