/* A filter that says that it enforces VLANs. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_POLICY
#define POLICY_STANDARD HEDDLE_STANDARD_VLAN
#include "decent.h"
