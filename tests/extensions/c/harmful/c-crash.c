/*
 * Filter in C that ends its process, or does not come back, in the function and the way its configuration names.
 *
 * Keys: `do` = segv, bus, ill, fpe, abort, stack (recursion without end), exit, loop, panic, slow (busy for `us` microseconds),
 * burn (the same in processor time);
 * `at` = create, worker_init, event, tick, thread (one of its own), ingress (default) or egress; `if` = only while this
 * file exists. With TAME it does nothing of that: a version before it. On the data path it waits for a frame whose destination begins with 0xee.
 */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "heddle_extension.h"
#include "../test_config.h"

struct instance {
    char what[16];
    char at[16];
    char file[256];
    uint64_t us;
};

static bool text(heddle_bytes_t config, const char *key, const char *otherwise, char *out, size_t room)
{
    size_t length = 0;
    const char *value = config_get(config, key, &length);
    if (value == NULL) {
        value = otherwise;
        length = strlen(otherwise);
    }
    if (length >= room) {
        return false;
    }
    memcpy(out, value, length);
    out[length] = '\0';
    return true;
}

static volatile int zero;
static volatile char depth;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static __attribute__((noinline)) int recurse(int level)
{
    volatile char room[4096];
    room[level & 4095] = depth;
    const int below = recurse(level + 1);
    return below + room[level & 4095];
}
#pragma GCC diagnostic pop

static void busy(clockid_t clock, uint64_t us)
{
    struct timespec start, now;
    clock_gettime(clock, &start);
    do {
        clock_gettime(clock, &now);
    } while ((uint64_t)((now.tv_sec - start.tv_sec) * 1000000 + (now.tv_nsec - start.tv_nsec) / 1000) < us);
}

static int32_t misbehave(const struct instance *instance)
{
#ifdef TAME
    const char *what = "nothing";
#else
    const char *what = instance->what;
#endif
    if (instance->file[0] != '\0' && access(instance->file, F_OK) != 0) {
        return HEDDLE_OK;
    }
    if (strcmp(what, "segv") == 0) {
        *(volatile int *)(uintptr_t)(8 + zero) = 1;
    } else if (strcmp(what, "bus") == 0) {
        raise(SIGBUS);
    } else if (strcmp(what, "ill") == 0) {
        __builtin_trap();
    } else if (strcmp(what, "fpe") == 0) {
        raise(SIGFPE);
    } else if (strcmp(what, "abort") == 0) {
        abort();
    } else if (strcmp(what, "stack") == 0) {
        zero = recurse(0);
    } else if (strcmp(what, "exit") == 0) {
        exit(0);
    } else if (strcmp(what, "loop") == 0) {
        for (;;) {
            zero = 0;
        }
    } else if (strcmp(what, "slow") == 0) {
        busy(CLOCK_MONOTONIC, instance->us);
    } else if (strcmp(what, "burn") == 0) {
        busy(CLOCK_THREAD_CPUTIME_ID, instance->us);
    } else if (strcmp(what, "panic") == 0) {
        /* What the safe layer in Rust returns after one. */
        return HEDDLE_E_PANIC;
    }
    return HEDDLE_OK;
}

static int32_t misbehave_at(const struct instance *instance, const char *at)
{
    return strcmp(instance->at, at) == 0 ? misbehave(instance) : HEDDLE_OK;
}

static void *thread(void *argument)
{
    const struct instance *instance = argument;
    while (instance->file[0] != '\0' && access(instance->file, F_OK) != 0) {
        usleep(1000);
    }
    misbehave(instance);
    return NULL;
}

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    pthread_t own;
    (void)host;
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    if (!text(config, "do", "", instance->what, sizeof instance->what) ||
        !text(config, "at", "ingress", instance->at, sizeof instance->at) ||
        !text(config, "if", "", instance->file, sizeof instance->file) ||
        !config_number(config, "us", 5000, &instance->us)) {
        heddle_error(error, "a value is too long");
        free(instance);
        return HEDDLE_E_CONFIG;
    }
    if (misbehave_at(instance, "create") != HEDDLE_OK) {
        free(instance);
        return HEDDLE_E_PANIC;
    }
    if (strcmp(instance->at, "thread") == 0 && pthread_create(&own, NULL, thread, instance) == 0) {
        pthread_detach(own);
    }
    *out = instance;
    return HEDDLE_OK;
}

static void destroy(void *instance)
{
    free(instance);
}

static int32_t worker_init(void *instance, uint32_t number, void **out)
{
    (void)number;
    *out = instance;
    return misbehave_at(instance, "worker_init");
}

static void worker_fini(void *instance, void *worker)
{
    (void)instance;
    (void)worker;
}

static int32_t look(const struct instance *instance, const heddle_batch_t *batch, const char *at)
{
    int32_t status = HEDDLE_OK;
    for (uint32_t i = 0; i < batch->count; i++) {
        const heddle_packet_t *packet = &batch->packets[i];
        if (batch->base[(size_t)packet->buffer * 64 + packet->start] == 0xee) {
            status = misbehave_at(instance, at);
        }
    }
    return status;
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    return look(context, batch, "ingress");
}

static int32_t egress(void *context, heddle_batch_t *batch)
{
    return look(context, batch, "egress");
}

static int32_t tick(void *instance, uint64_t now_ns)
{
    (void)now_ns;
    return misbehave_at(instance, "tick");
}

static int32_t event(void *instance, const heddle_event_t *event, heddle_error_text_t *error)
{
    (void)event;
    (void)error;
    return misbehave_at(instance, "event");
}

/* Several of them on one switch, when a test names each. */
#ifndef VERSION
#define VERSION "1"
#endif
#ifndef ID
#define ID "org.heddle.test.c-crash"
#endif

HEDDLE_EXTENSION(HEDDLE_ROLE_FILTER, 0, ID, "Test: crash (C)", "The Heddle developers", VERSION);

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .egress = egress,
    .tick = tick,
    .event = event,
};
