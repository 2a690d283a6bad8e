/* It uses a function of a newer host without a look at the table's size. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT \
    if (event->kind == HEDDLE_EVENT_SWITCH_ACTIVATE) { host->vlan_query(host->context, 0, NULL); }
#include "decent.h"
