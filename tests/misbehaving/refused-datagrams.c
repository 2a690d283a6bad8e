/* It fails when a datagram is not taken. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_TICK \
    if (host->send_datagram(host->context, HEDDLE_TEXT("127.0.0.1:9"), HEDDLE_TEXT("hello")) != \
    HEDDLE_OK) { return HEDDLE_E_FAILED; }
#include "decent.h"
