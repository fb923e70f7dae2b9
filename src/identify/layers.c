/* SPDX-License-Identifier: MIT */
/* Recognising run-time systems with heaps of their own. Layer 1; part of the self-check. */
#include "identify/layers.h"

#include <string.h>

/* A run-time system: a symbol it exports, and what it keeps from malloc. */
static const struct {
    const char *symbol;
    const char *text;
} runtimes[] = {
    {"_ZN2v82V810GetVersionEv",
     "V8 heap: JavaScript objects live in the engine's own heap (mmap), not in malloc"},
    {"JNI_CreateJavaVM", "JVM heap: Java objects live in the machine's own heap (mmap)"},
    {"coreclr_initialize", ".NET heap: managed objects live in the runtime's own heap (mmap)"},
    {"runtime.mallocgc", "Go heap: Go values live in the runtime's own heap (mmap)"},
    {"lj_alloc_malloc", "LuaJIT heap: Lua values live in its own allocator (mmap)"},
};

static void note_python(const struct identify_module *module, const char *setting,
                        struct identify_report *report)
{
    if (!identify_module_symbol(module, "PyObject_Malloc", NULL))
        return;
    bool plain =
        setting && (strcmp(setting, "malloc") == 0 || strcmp(setting, "malloc_debug") == 0);
    if (plain)
        identify_add_layer(report,
                           "CPython without pymalloc (PYTHONMALLOC=%s): every object is a "
                           "malloc call",
                           setting);
    else
        identify_add_layer(report,
                           "malloc served by %s; small objects (up to 512 bytes) by pymalloc, "
                           "CPython's own allocator: PYTHONMALLOC=malloc switches it off",
                           report->allocator ? report->allocator : "an unknown allocator");
    identify_add_evidence(report, "layer", module->path,
                          "it has 'PyObject_Malloc'; PYTHONMALLOC "
                          "is %s",
                          setting ? setting : "not set");
}

void identify_note_layers(const struct identify_modules *modules, const char *python_malloc,
                          struct identify_report *report)
{
    for (size_t i = 0; i < modules->count; i++) {
        const struct identify_module *module = &modules->items[i];
        note_python(module, python_malloc, report);
        for (size_t j = 0; j < sizeof runtimes / sizeof runtimes[0]; j++) {
            if (!identify_module_symbol(module, runtimes[j].symbol, NULL))
                continue;
            identify_add_layer(report, "%s", runtimes[j].text);
            identify_add_evidence(report, "layer", module->path, "it has '%s'", runtimes[j].symbol);
        }
    }
}

void identify_note_private_allocator(const char *name, const char *evidence, const char *executable,
                                     struct identify_report *report)
{
    identify_add_layer(report,
                       "%s under names of its own, carried by the executable: what it allocates "
                       "through them never reaches malloc, and no preload replaces it",
                       name);
    identify_add_evidence(report, "layer", executable, "it has '%s' and does not export malloc",
                          evidence);
}
