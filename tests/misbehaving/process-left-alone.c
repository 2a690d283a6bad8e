/* It takes a signal of the process. */
#include <signal.h>
static void on_signal(int number) { (void)number; }
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT if (event->kind == HEDDLE_EVENT_SWITCH_ACTIVATE) { signal(SIGUSR2, on_signal); }
#include "decent.h"
