// A service extension in C++: what the header must allow there. It has no data path and counts the events it hears.
#include <new>

#include "heddle_extension.h"

namespace {

struct Instance {
    const heddle_host_t *host;
    uint32_t events;
};

int32_t create(const heddle_host_t *host, heddle_bytes_t, void **out, heddle_error_text_t *error)
{
    auto *instance = new (std::nothrow) Instance{host, 0};
    if (instance == nullptr) {
        return HEDDLE_E_FULL;
    }
    if (host->counter_register(host->context, HEDDLE_TEXT("events"), HEDDLE_TEXT("events"), &instance->events) !=
        HEDDLE_OK) {
        heddle_error(error, "the host registers no more counters");
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

int32_t event(void *context, const heddle_event_t *, heddle_error_text_t *)
{
    const auto *instance = static_cast<const Instance *>(context);
    return instance->host->counter_add(instance->host->context, instance->events, 1);
}

} // namespace

HEDDLE_EXTENSION(HEDDLE_ROLE_SERVICE, 0, "org.heddle.test.cpp-service", "Test in C++: service", "The Heddle developers",
                 "0.1.0");

const heddle_extension_v1_t heddle_extension_v1 = {
    sizeof(heddle_extension_v1_t), 0, create, destroy, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, event,
    nullptr, nullptr,
};
