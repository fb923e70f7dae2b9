/* SPDX-License-Identifier: MIT */
/* Finding out which allocator was asked for. Layer 1; part of the self-check. */
#include "identify/expectation.h"

#include <stdio.h>
#include <string.h>

#include "identify/functions.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void expect_module(const struct identify_module *module, const char *from,
                          struct identify_expectation *expectation)
{
    expectation->allocator = module->allocator;
    expectation->from = from;
    snprintf(expectation->name, sizeof expectation->name, "%s",
             module->allocator ? module->allocator->name : identify_module_name(module));
}

static int unknown_name(const char *name, struct identify_report *report)
{
    char known[256] = "";
    size_t used = 0;
    for (const struct identify_allocator *entry = identify_allocators; entry->name; entry++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                 entry->name);
    identify_set(report, &report->reason, "'%s' is no allocator that is known here", name);
    identify_set(report, &report->remedy,
                 "give one of %s, or the file name of a library such as libmine.so", known);
    return SHALE_EINVAL;
}

static int expect_option(const char *text, struct identify_report *report,
                         struct identify_expectation *expectation)
{
    expectation->from = "--expect";
    if (strchr(text, '/') || strstr(text, ".so")) {
        snprintf(expectation->name, sizeof expectation->name, "%s", base_name(text));
        expectation->allocator = NULL;
        return 0;
    }
    identify_split_name(text, expectation->name, sizeof expectation->name, &expectation->version);
    expectation->allocator = identify_allocator_by_name(expectation->name);
    if (!expectation->allocator || (expectation->version && !*expectation->version))
        return unknown_name(text, report);
    snprintf(expectation->name, sizeof expectation->name, "%s", expectation->allocator->name);
    return 0;
}

int identify_check_options(const struct identify_options *options, struct identify_report *report)
{
    struct identify_expectation ignored = {0};
    return options && options->expect ? expect_option(options->expect, report, &ignored) : 0;
}

/* The object that the loader took for that entry of a preload list, or NULL. */
static const struct identify_module *preloaded_as(const struct identify_modules *modules,
                                                  const char *word)
{
    for (size_t i = 1; i < modules->count; i++)
        if (strcmp(modules->items[i].path, word) == 0 ||
            strcmp(identify_module_name(&modules->items[i]), base_name(word)) == 0)
            return &modules->items[i];
    return NULL;
}

/* The first entry of a list that is an allocator: by what was loaded, else by the file's name. */
static bool expect_preload(const struct identify_subject *subject, const char *list,
                           const char *from, struct identify_expectation *expectation)
{
    static const char separators[] = ": \t\n";
    const char *word = list ? list + strspn(list, separators) : "";
    for (; *word; word += strspn(word, separators)) {
        char name[4096];
        size_t length = strcspn(word, separators);
        snprintf(name, sizeof name, "%.*s", (int)length, word);
        word += length;
        const struct identify_module *module = preloaded_as(subject->modules, name);
        const struct identify_allocator *by_name = identify_allocator_by_file(name);
        if (module && module->defines[IDENTIFY_MALLOC]) {
            expect_module(module, from, expectation);
            return true;
        }
        if (!module && by_name) {
            expectation->allocator = by_name;
            expectation->from = from;
            snprintf(expectation->name, sizeof expectation->name, "%s", by_name->name);
            return true;
        }
    }
    return false;
}

static bool expect_loaded(const struct identify_subject *subject, bool preloaded,
                          struct identify_expectation *expectation)
{
    for (size_t i = 0; i < subject->modules->count; i++) {
        const struct identify_module *module = &subject->modules->items[i];
        if (!module->defines[IDENTIFY_MALLOC] || module->allocator == identify_allocators ||
            module->space != 0 || !module->startup || (preloaded && !module->preloaded) ||
            strncmp(module->soname, "ld-linux", 8) == 0)
            continue;
        expect_module(module,
                      module->executable  ? "carried by the executable"
                      : module->preloaded ? "a preloaded library"
                                          : "a linked library",
                      expectation);
        return true;
    }
    return false;
}

int identify_expectation(const struct identify_subject *subject,
                         const struct identify_options *options, struct identify_report *report,
                         struct identify_expectation *expectation)
{
    *expectation = (struct identify_expectation){0};
    if (options && options->expect)
        return expect_option(options->expect, report, expectation);
    if (expect_preload(subject, subject->preload, "LD_PRELOAD", expectation) ||
        expect_preload(subject, subject->system_preload, "/etc/ld.so.preload", expectation) ||
        expect_loaded(subject, true, expectation) || expect_loaded(subject, false, expectation))
        return 0;
    expectation->allocator = identify_allocators;
    expectation->from = "nothing else was asked for";
    snprintf(expectation->name, sizeof expectation->name, "%s", identify_allocators->name);
    return 0;
}

bool identify_is_expected(const struct identify_expectation *expectation,
                          const struct identify_module *module)
{
    if (expectation->allocator)
        return module->allocator == expectation->allocator;
    return strcmp(identify_module_name(module), expectation->name) == 0 ||
           strcmp(module->soname, expectation->name) == 0;
}
