/* SPDX-License-Identifier: MIT */
/* The table of settings, and joining them: see settings.h. Layer 5, pure. */
#include "gate/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "measure/request.h"

struct entry {
    const char *allocator, *name, *text;
    bool for_speed; /* it can mend no figure of memory, and is no remedy */
};

/*
 * Names and meanings from the allocators' own documentation: mimalloc's environment options (2.x
 * calls the delay RESET_DELAY in its oldest versions only), jemalloc's MALLOC_CONF, gperftools'
 * TCMALLOC_ variables, glibc's mallopt(3) and tunables, docs/guide/running.md.
 */
static const struct entry table[] = {
    {"mimalloc", "purge at once", "MIMALLOC_PURGE_DELAY=0", false},
    {"mimalloc", "no huge pages", "MIMALLOC_ALLOW_THP=0", false},
    {"mimalloc", "no huge pages, purge at once", "MIMALLOC_ALLOW_THP=0 MIMALLOC_PURGE_DELAY=0",
     false},
    {"mimalloc", "no eager commit of arenas", "MIMALLOC_ARENA_EAGER_COMMIT=0", false},
    {"mimalloc", "purge after 10 s", "MIMALLOC_PURGE_DELAY=10000", true},
    {"mimalloc", "large pages", "MIMALLOC_ALLOW_LARGE_OS_PAGES=1", true},
    {"jemalloc", "decay in a second", "MALLOC_CONF=dirty_decay_ms:1000,muzzy_decay_ms:0", false},
    {"jemalloc", "purge at once", "MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0", false},
    {"jemalloc", "two arenas", "MALLOC_CONF=narenas:2", false},
    {"jemalloc", "purge in a thread", "MALLOC_CONF=background_thread:true", false},
    {"jemalloc", "never purge", "MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1", true},
    {"jemalloc", "huge pages", "MALLOC_CONF=thp:always,metadata_thp:auto", true},
    {"tcmalloc", "release faster", "TCMALLOC_RELEASE_RATE=10", false},
    {"tcmalloc", "smaller thread caches", "TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES=4194304", false},
    {"tcmalloc", "never release", "TCMALLOC_RELEASE_RATE=0", true},
    {"tcmalloc", "larger thread caches", "TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES=134217728", true},
    {"system", "two arenas", "MALLOC_ARENA_MAX=2", false},
    {"system", "one arena, trim early", "MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536", false},
    {"system", "map from 64 KiB on", "MALLOC_MMAP_THRESHOLD_=65536", false},
    {"system", "grow by 64 MiB, trim late",
     "MALLOC_TOP_PAD_=67108864 MALLOC_TRIM_THRESHOLD_=268435456", true},
    {"system", "huge pages", "GLIBC_TUNABLES=glibc.malloc.hugetlb=1", true},
    {"shale", "give back in a thread", "SHALE_PURGE_THREAD=1", false},
    {"shale", "huge pages", "SHALE_HUGE_PAGES=1", true},
};

size_t settings_of(const char *allocator, bool remedies_only, struct setting *settings, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(table) && count < max; i++) {
        if (strcmp(table[i].allocator, allocator) != 0 || (remedies_only && table[i].for_speed))
            continue;
        struct setting *setting = &settings[count++];
        snprintf(setting->name, sizeof setting->name, "%s", table[i].name);
        snprintf(setting->text, sizeof setting->text, "%s", table[i].text);
    }
    return count;
}

size_t setting_variables(const struct setting *setting, char storage[SETTING_TEXT_MAX],
                         const char *variables[SETTING_VARIABLES_MAX + 1])
{
    size_t count = 0;
    char *rest = NULL;
    snprintf(storage, SETTING_TEXT_MAX, "%s", setting->text);
    for (char *word = strtok_r(storage, " ", &rest); word && count < SETTING_VARIABLES_MAX;
         word = strtok_r(NULL, " ", &rest))
        variables[count++] = word;
    variables[count] = NULL;
    return count;
}

/* ------------------------------------------------------------------------------- parsing */

bool setting_parse(const char *text, struct setting *out)
{
    struct setting made;
    char storage[SETTING_TEXT_MAX];
    const char *variables[SETTING_VARIABLES_MAX + 1];
    if (snprintf(made.text, sizeof made.text, "%s", text) >= (int)sizeof made.text)
        return false;
    snprintf(made.name, sizeof made.name, "%.*s", (int)sizeof made.name - 1, text);
    size_t count = setting_variables(&made, storage, variables);
    for (size_t i = 0; i < count; i++)
        if (!request_is_variable(variables[i]))
            return false;
    if (count == 0 || count == SETTING_VARIABLES_MAX)
        return false;
    *out = made;
    return true;
}

/* ----------------------------------------------------------------------------- combining */

static size_t key_length(const char *text, char end)
{
    const char *at = strchr(text, end);
    return at ? (size_t)(at - text) : strlen(text);
}

static bool same_key(const char *left, const char *right, char end)
{
    size_t length = key_length(left, end);
    return length == key_length(right, end) && strncmp(left, right, length) == 0;
}

/* Do two lists "a:1,b:2" set an option both? */
static bool lists_clash(const char *left, const char *right)
{
    for (const char *l = left; *l; l += strcspn(l, ","), l += *l == ',')
        for (const char *r = right; *r; r += strcspn(r, ","), r += *r == ',')
            if (same_key(l, r, ':'))
                return true;
    return false;
}

/* The variable of `others` that sets the same as this one; NULL. */
static const char *same_variable(const char *variable, const char *const *others)
{
    for (; *others; others++)
        if (same_key(variable, *others, '='))
            return *others;
    return NULL;
}

static bool is_list(const char *variable)
{
    return strncmp(variable, "MALLOC_CONF=", 12) == 0;
}

static bool clash(const char *const *left, const char *const *right)
{
    for (; *left; left++) {
        const char *other = same_variable(*left, right);
        if (other && (!is_list(*left) || lists_clash(*left + 12, other + 12)))
            return true;
    }
    return false;
}

bool setting_combine(const struct setting *left, const struct setting *right, struct setting *out)
{
    char storage[2][SETTING_TEXT_MAX];
    const char *lefts[SETTING_VARIABLES_MAX + 1];
    const char *rights[SETTING_VARIABLES_MAX + 1];
    struct setting made;
    char text[2 * SETTING_TEXT_MAX + 2] = "";
    size_t count = setting_variables(left, storage[0], lefts);
    count += setting_variables(right, storage[1], rights);
    if (clash(lefts, rights) || count > SETTING_VARIABLES_MAX)
        return false;
    size_t used = 0;
    for (size_t i = 0; lefts[i]; i++) {
        const char *more = is_list(lefts[i]) ? same_variable(lefts[i], rights) : NULL;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s%s", i ? " " : "",
                                 lefts[i], more ? "," : "", more ? more + 12 : "");
    }
    for (size_t i = 0; rights[i]; i++)
        if (!is_list(rights[i]) || !same_variable(rights[i], lefts))
            used += (size_t)snprintf(text + used, sizeof text - used, " %s", rights[i]);
    if (used >= sizeof made.text)
        return false;
    snprintf(made.text, sizeof made.text, "%.*s", (int)sizeof made.text - 1, text);
    snprintf(made.name, sizeof made.name, "%.45s, %.45s", left->name, right->name);
    *out = made;
    return true;
}
