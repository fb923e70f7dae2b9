/* SPDX-License-Identifier: MIT */
/*
 * What a library file is, and whether this machine can preload it. Layer 4.
 *
 * No code of the library runs: its version is read from the file, and the dynamic linker is asked
 * to list what the library would need (`ld.so --preload LIBRARY --list PROGRAM`).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "identify/identify.h"
#include "measure/finder_internal.h"
#include "measure/launch.h"

static const char wrong_machine[] = "it is made for another kind of processor than this machine's";

enum { REASON_SIZE = 640, LISTING_SIZE = 16384, LIST_TIMEOUT_MS = 5000 };

static char *copy_or_null(const char *text)
{
    return text ? strdup(text) : NULL;
}

static int append(struct finder_list *list, const struct finder_allocator *wanted)
{
    struct finder_allocator *larger =
        reallocarray(list->items, list->count + 1, sizeof *list->items);
    if (!larger)
        return SHALE_ENOMEM;
    list->items = larger;
    struct finder_allocator *added = &larger[list->count++];
    *added = (struct finder_allocator){
        .name = strdup(wanted->name),
        .version = strdup(wanted->version),
        .path = copy_or_null(wanted->path),
        .reason = copy_or_null(wanted->reason),
        .rank = wanted->rank,
        .source = wanted->source,
    };
    bool whole = added->name && added->version && (added->path || !wanted->path) &&
                 (added->reason || !wanted->reason);
    return whole ? 0 : SHALE_ENOMEM;
}

int finder_add_system(struct finder_list *list)
{
    const struct finder_allocator entry = {
        .name = "system", .version = gnu_get_libc_version(), .source = FINDER_BUILT_IN};
    return append(list, &entry);
}

/* The dynamic linker that loaded us. */
static const char *linker_path(void)
{
    Dl_info info;
    const void *base = (const void *)getauxval(AT_BASE); // NOLINT(performance-no-int-to-ptr)
    return base && dladdr(base, &info) ? info.dli_fname : NULL;
}

/* What ld.so says about preloading the library; `text` is empty when it cannot be asked here. */
static void list_needs(const char *library, char *text, size_t size)
{
    char self[PATH_MAX];
    const char *linker = linker_path();
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    int output = memfd_create("shale-listing", MFD_CLOEXEC);
    *text = '\0';
    if (!linker || length < 0 || output < 0) {
        if (output >= 0)
            close(output);
        return;
    }
    self[length] = '\0';
    const char *const argv[] = {linker, "--preload", library, "--list", self, NULL};
    const char *const environment[] = {"LD_PRELOAD", "LC_ALL=C", NULL};
    const struct launch_spec spec = {
        .argv = argv, .environment = environment, .stdio = {-1, output, output}};
    struct launch_process process;
    struct launch_failure failure;
    if (launch_start(&spec, &process, &failure) == 0) {
        launch_wait(&process, LIST_TIMEOUT_MS);
        launch_end(&process, 0);
        launch_close(&process);
        length = pread(output, text, size - 1, 0);
        text[length < 0 ? 0 : length] = '\0';
    }
    close(output);
}

static bool needs_file(const char *name, char *reason)
{
    snprintf(reason, REASON_SIZE, "needs %.200s, which is not installed",
             name + strspn(name, " \t"));
    return true;
}

/* Cuts the line where `mark` begins and gives what follows it, or NULL. */
static char *cut_at(char *line, const char *mark)
{
    char *found = strstr(line, mark);
    if (!found)
        return NULL;
    *found = '\0';
    return found + strlen(mark);
}

/* One line of the listing: does it say that something is missing? */
static bool is_unmet(char *line, char *reason)
{
    char *rest;
    if (cut_at(line, " => not found"))
        return needs_file(line, reason);
    rest = cut_at(line, "error while loading shared libraries: ");
    if (rest && cut_at(rest, ": cannot open shared object file"))
        return needs_file(rest, reason);
    if (!rest)
        rest = cut_at(line, ": version `");
    if (!rest)
        rest = cut_at(line, "cannot be preloaded (");
    if (!rest)
        return false;
    snprintf(reason, REASON_SIZE, "ld.so cannot preload it: %.400s", rest);
    return true;
}

static bool unmet_need(char *listing, char *reason)
{
    char *rest;
    for (char *line = strtok_r(listing, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (is_unmet(line, reason))
            return true;
    return false;
}

/* Why this machine cannot preload the library; false: it can. */
static bool cannot_load(const char *path, char *reason)
{
    struct identify_obstacle obstacle;
    char listing[LISTING_SIZE];
    if (path[strcspn(path, ": \t\n")]) {
        snprintf(reason, REASON_SIZE,
                 "its path has a colon or a blank in it, which LD_PRELOAD cannot say");
        return true;
    }
    if (identify_preload_obstacle("/proc/self/exe", path, &obstacle) < 0)
        return false;
    if (obstacle.kind == IDENTIFY_OBSTACLE_ARCHITECTURE) {
        snprintf(reason, REASON_SIZE, "%s", wrong_machine);
        return true;
    }
    /* A malloc in our own program (a sanitizer's) says nothing about the library. */
    if (obstacle.kind != IDENTIFY_OBSTACLE_NONE &&
        obstacle.kind != IDENTIFY_OBSTACLE_DEFINES_MALLOC) {
        snprintf(reason, REASON_SIZE, "%s", obstacle.reason);
        return true;
    }
    list_needs(path, listing, sizeof listing);
    return unmet_need(listing, reason);
}

/* The place of its soname in the catalog's list, best first. */
static unsigned rank_of(const struct identify_allocator *known, const char *soname)
{
    unsigned rank = 0;
    while (known && known->sonames[rank] && strcmp(known->sonames[rank], soname) != 0)
        rank++;
    return rank;
}

int finder_inspect(const char *path, enum finder_source source, struct finder_list *list)
{
    struct identify_library library = {.allocator = NULL};
    char reason[REASON_SIZE] = "";
    int error = identify_library_file(path, &library);
    const struct identify_allocator *by_name = identify_allocator_by_file(path);
    const struct identify_allocator *known = library.allocator ? library.allocator : by_name;
    bool given = source == FINDER_GIVEN;
    if (error == SHALE_ENOMEM)
        return error;
    if (error == 0 && !library.defines_malloc && !given)
        return 0; /* libtbbmalloc.so.2 beside its proxy, a build without the override */
    struct finder_allocator entry = {
        .name = known && known != &identify_allocators[0] ? known->name : "unknown",
        .version = library.version,
        .path = path,
        .rank = rank_of(known, library.soname),
        .source = source,
    };
    bool bad = cannot_load(path, reason);
    if (strcmp(reason, wrong_machine) == 0 && source == FINDER_SYSTEM)
        return 0; /* a compiler's libraries for its other targets */
    if (!bad && error < 0) {
        snprintf(reason, sizeof reason, "cannot be read: %s", shale_strerror(error));
        bad = true;
    }
    if (bad)
        entry.reason = reason;
    return append(list, &entry);
}
