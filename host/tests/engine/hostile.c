/*
 * A filter that does harm when it meets a frame whose first byte is 0xee: what, the configuration says (`sin=NAME`).
 * Other frames pass.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fcntl.h>
#include <errno.h>
#include <pthread.h>

#include "heddle_extension.h"

struct instance {
    const heddle_host_t *host;
    char sin[32];
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL || config.length < 5 || config.length > 32) {
        heddle_error(error, "sin=NAME is needed");
        free(instance);
        return HEDDLE_E_CONFIG;
    }
    instance->host = host;
    memcpy(instance->sin, config.data + 4, config.length - 5);
    if (strcmp(instance->sin, "create") == 0) {
        abort();
    }
    *out = instance;
    return HEDDLE_OK;
}

static void destroy(void *instance)
{
    free(instance);
}

static int32_t worker_init(void *instance, uint32_t worker, void **out)
{
    (void)worker;
    *out = instance;
    return HEDDLE_OK;
}

static void worker_fini(void *instance, void *context)
{
    (void)instance;
    (void)context;
}

/* Writes garbage over all memory that is shared with the switch, again and again. */
static void scribble(uint64_t seed)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned long from = 0, to = 0;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        if (strstr(line, "heddle-child") != NULL && sscanf(line, "%lx-%lx", &from, &to) == 2) {
            for (int round = 0; round < 20; round++) {
                for (unsigned long at = from; at + 8 <= to; at += 8) {
                    seed = seed * 6364136223846793005u + 1442695040888963407u;
                    /* Small numbers, too: they look more like the truth. */
                    *(volatile uint64_t *)at = (seed >> 60) == 0 ? seed % 70 : seed;
                }
            }
        }
    }
}

static void try(struct instance *self, const char *what, long result)
{
    char text[96];
    int length = snprintf(text, sizeof text, "%s: %s", what, result < 0 ? strerror(errno) : "allowed");
    self->host->log(self->host->context, HEDDLE_LOG_INFO, (heddle_bytes_t){(const uint8_t *)text, (uint64_t)length});
}

static volatile int zero;

/* Without end; what it returns needs what is below. */
static __attribute__((noinline)) int recurse(int level)
{
    volatile char room[4096];
    room[level & 4095] = (char)level;
    const int below = zero == 0 ? recurse(level + 1) : 0;
    return below + room[level & 4095];
}

static void *wait_for_ever(void *nothing)
{
    for (;;) {
        sleep(1000);
    }
    return nothing;
}

static void threads(struct instance *self)
{
    pthread_attr_t small;
    pthread_t one;
    long started = 0;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 32768);
    while (started < 20000 && pthread_create(&one, &small, wait_for_ever, NULL) == 0) {
        started++;
    }
    self->host->log(self->host->context, HEDDLE_LOG_INFO,
                    started < 200 ? HEDDLE_TEXT("few were started") : HEDDLE_TEXT("many were started"));
}

static void do_harm(struct instance *self, heddle_batch_t *batch, uint32_t index)
{
    const char *name = self->sin;
    heddle_packet_t *packet = &batch->packets[index];
    if (strcmp(name, "segv") == 0) {
        *(volatile int *)8 = 1;
    } else if (strcmp(name, "abort") == 0) {
        abort();
    } else if (strcmp(name, "exit") == 0) {
        _exit(3);
    } else if (strcmp(name, "loop") == 0) {
        for (volatile int forever = 1; forever;) {
        }
    } else if (strcmp(name, "sleep") == 0) {
        for (;;) {
            sleep(1000);
        }
    } else if (strcmp(name, "memory") == 0) {
        for (;;) {
            memset(malloc(1 << 24), 1, 1 << 24);
        }
    } else if (strcmp(name, "descriptors") == 0) {
        long opened = 0;
        while (open("/proc/self/stat", O_RDONLY) >= 0) {
            opened++;
        }
        try(self, "descriptors", -1);
        self->host->log(self->host->context, HEDDLE_LOG_INFO,
                        opened < 1000 ? HEDDLE_TEXT("few were opened") : HEDDLE_TEXT("many were opened"));
    } else if (strcmp(name, "stack") == 0) {
        zero = recurse(0);
    } else if (strcmp(name, "threads") == 0) {
        threads(self);
    } else if (strcmp(name, "forks") == 0) {
        for (int round = 0; round < 10000; round++) {
            if (fork() == 0) {
                _exit(0);
            }
        }
    } else if (strcmp(name, "socket") == 0) {
        for (int fd = 0; fd < 256; fd++) {
            close(fd);
        }
    } else if (strcmp(name, "escape") == 0) {
        try(self, "socket", socket(AF_INET, SOCK_DGRAM, 0));
        try(self, "unix socket", socket(AF_UNIX, SOCK_STREAM, 0));
        try(self, "fork", fork());
        char *const arguments[] = {"sh", NULL};
        try(self, "exec", execve("/bin/sh", arguments, NULL));
        try(self, "passwd", open("/etc/passwd", O_RDONLY));
        try(self, "write", open("/tmp/heddle-escape", O_WRONLY | O_CREAT, 0600));
        try(self, "environment of the host", open("/proc/1/environ", O_RDONLY));
        try(self, "root", setuid(0));
    } else if (strcmp(name, "scribble") == 0) {
        scribble(batch->now_ns);
    } else if (strcmp(name, "verdict") == 0) {
        packet->verdict = 99;
    } else if (strcmp(name, "length") == 0) {
        self->host->make_writable(batch->call, index);
        packet->length = 60000;
    } else if (strcmp(name, "source") == 0) {
        packet->source_port = 77;
        packet->buffer = 1u << 31;
    } else if (strcmp(name, "handle") == 0) {
        if (self->host->release(batch->call, batch->now_ns) != HEDDLE_E_GONE) {
            abort();
        }
    }
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        if (heddle_packet_bytes(batch, &batch->packets[i])[0] == 0xee) {
            do_harm(context, batch, i);
        }
    }
    return HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_FILTER, 0, "org.heddle.test.hostile", "Test: hostile", "The Heddle developers", "1");

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
};
