/* It sends datagrams to nowhere. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_TICK host->send_datagram(host->context, HEDDLE_TEXT("nowhere"), HEDDLE_TEXT("hello"));
#include "decent.h"
