/* SPDX-License-Identifier: MIT */
/*
 * Judging. Layer 1; part of the self-check.
 *
 *     modules + bindings -> servers (who serves each function) -> deviations -> verdict
 *
 * The verdict rests on what is bound. A slot that waits for its first call counts as an import:
 * it will go to the first definer of the global scope, unless its object was opened with a scope
 * of its own, which shows when it is bound.
 */
#include "identify/analyze.h"

#include <stdio.h>
#include <string.h>

#include "identify/bindings.h"
#include "identify/expectation.h"
#include "identify/functions.h"
#include "identify/layers.h"
#include "identify/recognize.h"

struct analysis {
    const struct identify_subject *subject;
    struct identify_report *report;
    struct identify_bindings bindings;
    struct identify_expectation expectation;
    int server[IDENTIFY_FUNCTION_COUNT]; /* module that comes first in the scope, or -1 */
    bool called[IDENTIFY_FUNCTION_COUNT];
    size_t unbound;        /* slots that wait for their first call */
    size_t unbound_later;  /* of those, in objects that were opened by dlopen */
    bool serves_somewhere; /* an object is bound to the expected allocator's core functions */
};

static struct identify_module *module_at(const struct analysis *analysis, int index)
{
    return &analysis->subject->modules->items[index];
}

static const char *server_name(const struct identify_module *module)
{
    return module->allocator ? module->allocator->name : identify_module_name(module);
}

static bool same_allocator(const struct identify_module *one, const struct identify_module *other)
{
    return one == other || (one->allocator && one->allocator == other->allocator);
}

static bool is_allocator(const struct identify_module *module)
{
    return module->defines[IDENTIFY_MALLOC];
}

static void find_servers(struct analysis *analysis)
{
    const struct identify_modules *modules = analysis->subject->modules;
    for (int function = 0; function < IDENTIFY_FUNCTION_COUNT; function++) {
        analysis->server[function] = -1;
        for (size_t i = 0; i < modules->count && analysis->server[function] < 0; i++)
            if (modules->items[i].startup && modules->items[i].defines[function])
                analysis->server[function] = (int)i;
    }
}

static void note_servers(struct analysis *analysis)
{
    const struct identify_module *malloc_server =
        module_at(analysis, analysis->server[IDENTIFY_MALLOC]);
    for (int i = 0; i < IDENTIFY_FUNCTION_COUNT; i++) {
        if (analysis->server[i] < 0)
            continue;
        const struct identify_function *function = &identify_functions[i];
        const struct identify_module *server = module_at(analysis, analysis->server[i]);
        bool follows = function->class == IDENTIFY_CLASS_FOLLOWS &&
                       (!is_allocator(server) || server->allocator == identify_allocators);
        identify_add_server(analysis->report, function->label,
                            server_name(follows ? malloc_server : server), server->path,
                            analysis->called[i]);
    }
}

/* Whether a call that goes to `target` is a deviation from who serves malloc. */
static bool deviates(const struct analysis *analysis, int function,
                     const struct identify_module *target)
{
    const struct identify_module *server = module_at(analysis, analysis->server[IDENTIFY_MALLOC]);
    switch (identify_functions[function].class) {
    case IDENTIFY_CLASS_CORE:
    case IDENTIFY_CLASS_FAMILY:
        return !same_allocator(target, server);
    case IDENTIFY_CLASS_FOLLOWS:
        return is_allocator(target) && target->allocator != identify_allocators &&
               !same_allocator(target, server);
    default:
        return false;
    }
}

static void note_deviation(struct analysis *analysis, const struct identify_module *caller,
                           int function, const char *allocator, const char *server)
{
    identify_add_deviation(analysis->report, caller->path, identify_functions[function].label,
                           allocator, server);
}

/* An allocator's calls among its own functions are its own business. */
static bool is_inner_call(const struct analysis *analysis, const struct identify_binding *binding)
{
    const struct identify_module *caller = module_at(analysis, (int)binding->module);
    return (int)binding->module == binding->target_module && is_allocator(caller) &&
           !caller->executable && identify_allocator_by_file(caller->path);
}

static void judge_binding(struct analysis *analysis, const struct identify_binding *binding)
{
    const struct identify_module *caller = module_at(analysis, (int)binding->module);
    int function = binding->function;
    int target = binding->target_module;
    if (binding->state == IDENTIFY_BINDING_MISSING || is_inner_call(analysis, binding))
        return;
    analysis->called[function] = true;
    if (binding->state == IDENTIFY_BINDING_LAZY) {
        analysis->unbound++;
        analysis->unbound_later += !caller->startup;
        target = caller->startup ? analysis->server[function] : -1;
        if (target >= 0 && deviates(analysis, function, module_at(analysis, target)))
            note_deviation(analysis, caller, function, server_name(module_at(analysis, target)),
                           module_at(analysis, target)->path);
        return;
    }
    if (target < 0) {
        note_deviation(analysis, caller, function, "unknown code", "no loaded object");
        return;
    }
    const struct identify_module *server = module_at(analysis, target);
    if (identify_functions[function].class == IDENTIFY_CLASS_CORE &&
        identify_is_expected(&analysis->expectation, server))
        analysis->serves_somewhere = true;
    if (deviates(analysis, function, server))
        note_deviation(analysis, caller, function, server_name(server), server->path);
}

/* Objects that carry an allocator and call it past every slot. */
static void judge_private_mallocs(struct analysis *analysis)
{
    const struct identify_modules *modules = analysis->subject->modules;
    for (size_t i = 0; i < modules->count; i++) {
        const struct identify_module *module = &modules->items[i];
        if (module->dynamic.symbolic && is_allocator(module) &&
            (int)i != analysis->server[IDENTIFY_MALLOC] &&
            !identify_allocator_by_file(module->path) &&
            deviates(analysis, IDENTIFY_MALLOC, module))
            note_deviation(analysis, module, IDENTIFY_MALLOC, server_name(module), module->path);
    }
    if (analysis->subject->hidden_malloc)
        identify_add_deviation(analysis->report, modules->items[0].path, "malloc",
                               analysis->subject->embedded ? analysis->subject->embedded->name
                                                           : "its own malloc",
                               modules->items[0].path);
}

static void note_evidence(struct analysis *analysis)
{
    struct identify_report *report = analysis->report;
    const struct identify_modules *modules = analysis->subject->modules;
    for (size_t i = 0; i < modules->count; i++) {
        const struct identify_module *module = &modules->items[i];
        if (is_allocator(module) || module->preloaded)
            identify_add_evidence(report, "object", module->path, "%s%s%s%s%s%s",
                                  module->preloaded ? "preloaded; " : "",
                                  module->startup ? "in the global scope" : "opened later",
                                  is_allocator(module) ? "; defines malloc" : "",
                                  module->allocator ? "; recognised as " : "",
                                  module->allocator ? module->allocator->name : "",
                                  module->allocator ? " by its symbols or texts" : "");
        if (module->allocator_evidence && is_allocator(module))
            identify_add_evidence(report, "recognition", module->path, "it has '%s'",
                                  module->allocator_evidence);
    }
    if (analysis->unbound_later > 0)
        identify_add_evidence(report, "binding", "objects opened later",
                              "%zu of their slots wait for their first call: with RTLD_DEEPBIND "
                              "they could go elsewhere",
                              analysis->unbound_later);
    size_t bound = analysis->bindings.count - analysis->unbound;
    if (!analysis->subject->image)
        identify_add_evidence(report, "binding", "global offset tables",
                              "%zu slots for the malloc family are bound, %zu wait for their "
                              "first call",
                              bound, analysis->unbound);
}

static void note_server(struct analysis *analysis)
{
    struct identify_report *report = analysis->report;
    const struct identify_module *server = module_at(analysis, analysis->server[IDENTIFY_MALLOC]);
    char version[64] = "";
    identify_set(report, &report->allocator, "%s", server_name(server));
    identify_set(report, &report->object, "%s", server->path);
    if (server->allocator)
        identify_recognize_version(server, server->allocator,
                                   server->executable ? analysis->subject->version_symbol : 0,
                                   version, sizeof version);
    if (version[0]) {
        identify_set(report, &report->version, "%s", version);
        identify_add_evidence(report, "version", server->path, "%s, read from its code", version);
    }
    identify_add_evidence(report, "resolution", "malloc",
                          "the first object in scope order that defines it is %s", server->path);
}

static void decide(struct identify_report *report, enum shale_verdict verdict)
{
    report->verdict = verdict;
}

static void describe_deviations(struct analysis *analysis)
{
    struct identify_report *report = analysis->report;
    const struct identify_deviation *first = &report->deviations[0];
    decide(report, SHALE_VERDICT_PARTIAL);
    char more[64] = "";
    if (report->deviation_count > 1)
        snprintf(more, sizeof more, " (and %zu more)", report->deviation_count - 1);
    identify_set(report, &report->reason, "%s serves malloc, but %s in %s goes to %s%s",
                 report->allocator, first->function, first->object, first->allocator, more);
}

/* All four core functions are the expected allocator's: version, then deviations. */
static void judge_serving(struct analysis *analysis)
{
    struct identify_report *report = analysis->report;
    const char *wanted = analysis->expectation.version;
    if (wanted && !report->version) {
        decide(report, SHALE_VERDICT_UNKNOWN);
        identify_set(report, &report->reason,
                     "%s serves malloc, but its version cannot be read, so %s is not proven",
                     report->allocator, wanted);
    } else if (wanted && !identify_version_fits(report->version, wanted)) {
        decide(report, SHALE_VERDICT_ABSENT);
        identify_set(report, &report->reason, "%s %s serves malloc, not %s", report->allocator,
                     report->version, wanted);
    } else if (report->deviation_count > 0) {
        describe_deviations(analysis);
    } else if (analysis->subject->modules->trouble || analysis->bindings.trouble) {
        decide(report, SHALE_VERDICT_UNKNOWN);
        identify_set(report, &report->reason, "%s serves malloc as far as can be seen, but %s",
                     report->allocator,
                     analysis->subject->modules->trouble ? analysis->subject->modules->trouble
                                                         : analysis->bindings.trouble);
    } else {
        decide(report, SHALE_VERDICT_ACTIVE);
        identify_set(report, &report->reason,
                     analysis->subject->image
                         ? "the first object in scope order that defines malloc is %s, and nothing "
                           "goes elsewhere"
                         : "malloc, calloc, realloc and free resolve to %s, and nothing is bound "
                           "elsewhere",
                     report->object);
    }
}

static const struct identify_module *find_expected(const struct analysis *analysis)
{
    const struct identify_modules *modules = analysis->subject->modules;
    for (size_t i = 0; i < modules->count; i++)
        if (identify_is_expected(&analysis->expectation, &modules->items[i]))
            return &modules->items[i];
    return NULL;
}

/* A function beside the four that the expected allocator serves all the same, or NULL. */
static const struct identify_deviation *stray(const struct analysis *analysis)
{
    const struct identify_report *report = analysis->report;
    for (size_t i = 0; i < report->deviation_count; i++)
        if (report->deviations[i].allocator &&
            strcmp(report->deviations[i].allocator, analysis->expectation.name) == 0)
            return &report->deviations[i];
    return NULL;
}

static void judge_inert(struct analysis *analysis, const struct identify_module *mapped)
{
    struct identify_report *report = analysis->report;
    const struct identify_deviation *taken = stray(analysis);
    decide(report, SHALE_VERDICT_MAPPED_BUT_INERT);
    identify_set(report, &report->reason,
                 "%s %s, but %s comes first and serves malloc, calloc, realloc and "
                 "free%s%s%s",
                 mapped->path, analysis->subject->image ? "would be loaded" : "is in the process",
                 report->object, taken ? "; but it serves " : "", taken ? taken->function : "",
                 taken ? ", so free gets memory that is not its own: expect a crash" : "");
    identify_set(report, &report->remedy, "%s",
                 module_at(analysis, analysis->server[IDENTIFY_MALLOC])->executable
                     ? "the executable carries an allocator of its own: no preload can replace it; "
                       "build it without"
                     : "put it first: in LD_PRELOAD, or before every other library when linking");
}

static void judge_absent(struct analysis *analysis)
{
    struct identify_report *report = analysis->report;
    const struct identify_expectation *expectation = &analysis->expectation;
    bool preload = strcmp(expectation->from, "LD_PRELOAD") == 0 ||
                   strcmp(expectation->from, "/etc/ld.so.preload") == 0;
    decide(report, SHALE_VERDICT_ABSENT);
    identify_set(report, &report->reason, "%s %s; %s serves malloc", expectation->name,
                 preload && analysis->subject->image
                     ? "is in LD_PRELOAD, but the dynamic linker would not load it"
                 : preload ? "was to be preloaded, but the dynamic linker did not load it"
                 : analysis->subject->image ? "is not among the libraries it is linked with"
                                            : "is not in the process",
                 report->allocator);
    if (report->remedy)
        return;
    identify_set(report, &report->remedy, "%s",
                 preload ? "check the path in LD_PRELOAD, the library's architecture and what it "
                           "needs: ldd LIBRARY"
                         : "start it with shale run --allocator, or link with the library behind "
                           "-Wl,--no-as-needed: the linker drops a library whose functions the C "
                           "library has too");
}

static void judge(struct analysis *analysis)
{
    int served = 0;
    for (int i = 0; i < 4; i++)
        served +=
            analysis->server[i] >= 0 &&
            identify_is_expected(&analysis->expectation, module_at(analysis, analysis->server[i]));
    const struct identify_module *mapped = find_expected(analysis);
    if (served == 4) {
        judge_serving(analysis);
    } else if (served > 0 || analysis->serves_somewhere) {
        decide(analysis->report, SHALE_VERDICT_PARTIAL);
        identify_set(analysis->report, &analysis->report->reason,
                     "%s serves malloc; %s serves only some functions or objects",
                     analysis->report->allocator, analysis->expectation.name);
    } else if (mapped) {
        judge_inert(analysis, mapped);
    } else {
        judge_absent(analysis);
    }
}

static void note_expectation(struct analysis *analysis)
{
    struct identify_report *report = analysis->report;
    identify_set(report, &report->expected, "%s", analysis->expectation.name);
    identify_set(report, &report->expected_from, "%s", analysis->expectation.from);
    if (analysis->expectation.version)
        identify_set(report, &report->expected_version, "%s", analysis->expectation.version);
}

static void recognize_all(const struct identify_subject *subject)
{
    for (size_t i = 0; i < subject->modules->count; i++) {
        struct identify_module *module = &subject->modules->items[i];
        if (module->executable && subject->embedded && module->defines[IDENTIFY_MALLOC]) {
            module->allocator = subject->embedded;
            module->allocator_evidence = subject->embedded_evidence;
            module->identified = true;
        }
        identify_recognize(module);
    }
}

static void judge_all(struct analysis *analysis)
{
    for (size_t i = 0; i < analysis->bindings.count; i++)
        judge_binding(analysis, &analysis->bindings.items[i]);
    judge_private_mallocs(analysis);
    note_server(analysis);
    note_servers(analysis);
    note_evidence(analysis);
    judge(analysis);
}

int identify_analyze(const struct identify_subject *subject, const struct identify_options *options,
                     struct identify_report *report)
{
    struct analysis analysis = {.subject = subject, .report = report};
    recognize_all(subject);
    int status = identify_expectation(subject, options, report, &analysis.expectation);
    if (status != 0)
        return status;
    note_expectation(&analysis);
    status = identify_bindings_read(subject->modules, subject->image, &analysis.bindings);
    if (status != 0)
        return status;
    find_servers(&analysis);
    if (analysis.server[IDENTIFY_MALLOC] >= 0) {
        judge_all(&analysis);
        identify_note_layers(subject->modules, subject->python_malloc, report);
        if (subject->embedded && subject->embedded != identify_allocators &&
            !subject->hidden_malloc && !subject->modules->items[0].defines[IDENTIFY_MALLOC])
            identify_note_private_allocator(subject->embedded->name, subject->embedded_evidence,
                                            subject->modules->items[0].path, report);
    } else {
        identify_set(report, &report->reason, "no loaded object defines malloc");
    }
    identify_bindings_free(&analysis.bindings);
    return report->out_of_memory ? SHALE_ENOMEM : 0;
}
