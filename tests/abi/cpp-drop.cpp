// A filter extension in C++: drops every nth frame of one leg. Keys: `n` (default 10), `leg` = ingress (default) or egress.
#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>

#include "heddle_extension.h"

namespace {

struct Instance {
    const heddle_host_t *host;
    uint64_t n;
    bool egress;
    uint16_t every_nth;
    uint32_t dropped;
};

struct Worker {
    const Instance *instance;
    uint64_t seen;
};

bool configure(Instance &instance, const std::string &text)
{
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        if (line.compare(0, 2, "n=") == 0) {
            instance.n = std::strtoull(line.c_str() + 2, nullptr, 10);
        } else if (line == "leg=egress" || line == "leg=ingress") {
            instance.egress = line == "leg=egress";
        } else if (!line.empty()) {
            return false;
        }
        at = end + 1;
    }
    return instance.n != 0;
}

int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    auto *instance = new (std::nothrow) Instance{host, 10, false, 0, 0};
    if (instance == nullptr) {
        return HEDDLE_E_FULL;
    }
    const char *text = reinterpret_cast<const char *>(config.data);
    if (!configure(*instance, config.length == 0 ? std::string() : std::string(text, config.length))) {
        heddle_error(error, "the keys are n, a number above 0, and leg, ingress or egress");
        delete instance;
        return HEDDLE_E_CONFIG;
    }
    if (host->drop_reason_register(host->context, HEDDLE_TEXT("cpp-every-nth"),
                                   HEDDLE_TEXT("a test extension in C++ drops every nth frame"),
                                   &instance->every_nth) != HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("dropped"), HEDDLE_TEXT("frames"), &instance->dropped) !=
            HEDDLE_OK) {
        heddle_error(error, "the host registers no more drop reasons or counters");
        delete instance;
        return HEDDLE_E_FAILED;
    }
    *out = instance;
    return HEDDLE_OK;
}

void destroy(void *instance)
{
    delete static_cast<Instance *>(instance);
}

int32_t worker_init(void *instance, uint32_t, void **out)
{
    *out = new (std::nothrow) Worker{static_cast<Instance *>(instance), 0};
    return *out == nullptr ? HEDDLE_E_FULL : HEDDLE_OK;
}

void worker_fini(void *, void *worker)
{
    delete static_cast<Worker *>(worker);
}

int32_t run(Worker &worker, heddle_batch_t &batch)
{
    const Instance &instance = *worker.instance;
    uint64_t dropped = 0;
    for (uint32_t i = 0; i < batch.count; i++) {
        if (++worker.seen % instance.n == 0) {
            batch.packets[i].verdict = HEDDLE_VERDICT_DROP;
            batch.packets[i].drop_reason = instance.every_nth;
            dropped++;
        }
    }
    return instance.host->counter_add(instance.host->context, instance.dropped, dropped);
}

int32_t ingress(void *context, heddle_batch_t *batch)
{
    auto *worker = static_cast<Worker *>(context);
    return worker->instance->egress ? HEDDLE_OK : run(*worker, *batch);
}

int32_t egress(void *context, heddle_batch_t *batch)
{
    auto *worker = static_cast<Worker *>(context);
    return worker->instance->egress ? run(*worker, *batch) : HEDDLE_OK;
}

} // namespace

HEDDLE_EXTENSION(HEDDLE_ROLE_FILTER, 0, "org.heddle.test.cpp-drop", "Test in C++: drop", "The Heddle developers", "0.1.0");

const heddle_extension_v1_t heddle_extension_v1 = {
    sizeof(heddle_extension_v1_t), 0, create, destroy, worker_init, worker_fini, ingress, egress, nullptr, nullptr, nullptr,
    nullptr, nullptr,
};
