/* Its constructor takes a signal. */
#include <signal.h>
static void on_signal(int number) { (void)number; }
__attribute__((constructor)) static void constructor(void) { signal(SIGUSR2, on_signal); }
#define ROLE HEDDLE_ROLE_FILTER
#include "decent.h"
