/* All its instances share one pointer, which the first that ends takes away. */
#include <stdint.h>
static uint64_t *volatile shared;
static uint64_t place;
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT shared = &place;
#define ON_DESTROY shared = NULL;
#define ON_INGRESS (*shared)++;
#include "decent.h"
