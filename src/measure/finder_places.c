/* SPDX-License-Identifier: MIT */
/* The folders in which allocators are looked for. Layer 4. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attributes.h"
#include "identify/catalog.h"
#include "measure/finder_internal.h"

enum { DEPTH_GIVEN = 8, DEPTH_LOCAL = 1, DEPTH_SYSTEM = 0, INCLUDES_MAX = 4 };

struct walk {
    finder_visit_fn visit;
    void *context;
    enum finder_source source;
};

static int visit_folder(const struct walk *walk, const char *folder, int depth);

static bool is_folder(const char *path, const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR; /* not through links: they may lead in circles */
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int visit_entry(const struct walk *walk, const char *folder, const struct dirent *entry,
                       int depth)
{
    char path[PATH_MAX];
    if (entry->d_name[0] == '.')
        return 0;
    int wanted = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (wanted < 0 || (size_t)wanted >= sizeof path)
        return 0;
    if (is_folder(path, entry))
        return depth > 0 ? visit_folder(walk, path, depth - 1) : 0;
    const struct identify_allocator *known = identify_allocator_by_file(entry->d_name);
    if (!known || known == &identify_allocators[0])
        return 0;
    if (walk->source == FINDER_OWN && strncmp(known->name, "shale", strlen("shale")) != 0)
        return 0; /* PREFIX/lib may be the system's folder, too */
    return walk->visit(path, walk->source, walk->context);
}

/* A folder that cannot be read holds nothing for us. */
static int visit_folder(const struct walk *walk, const char *folder, int depth)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return 0;
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(directory));)
        result = visit_entry(walk, folder, entry, depth);
    closedir(directory);
    return result;
}

static int visit_list(struct walk *walk, const char *list, int depth)
{
    int result = 0;
    for (const char *folder = list; folder && *folder && result == 0;) {
        char path[PATH_MAX];
        size_t length = strcspn(folder, ":");
        snprintf(path, sizeof path, "%.*s", (int)length, folder);
        if (length)
            result = visit_folder(walk, path, depth);
        folder = folder[length] ? folder + length + 1 : NULL;
    }
    return result;
}

static int visit_pattern(struct walk *walk, const char *pattern, int depth)
{
    glob_t found;
    int result = 0;
    if (glob(pattern, GLOB_ONLYDIR, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc && result == 0; i++)
        result = visit_folder(walk, found.gl_pathv[i], depth);
    globfree(&found);
    return result;
}

/* The source that a folder of the linker's configuration stands for. */
static enum finder_source source_of_folder(const char *folder)
{
    bool local = strncmp(folder, "/usr/local", 10) == 0 || strncmp(folder, "/opt", 4) == 0;
    return local ? FINDER_LOCAL : FINDER_SYSTEM;
}

static int visit_linker_config(struct walk *walk, const char *file, int includes_left);

static int visit_includes(struct walk *walk, const char *pattern, int includes_left)
{
    glob_t found;
    int result = 0;
    if (glob(pattern, 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc && result == 0; i++)
        result = visit_linker_config(walk, found.gl_pathv[i], includes_left - 1);
    globfree(&found);
    return result;
}

static int visit_config_line(struct walk *walk, char *line, int includes_left)
{
    line[strcspn(line, "#\n")] = '\0';
    char *word = line + strspn(line, " \t");
    word[strcspn(word, "\t")] = '\0';
    if (strncmp(word, "include ", 8) == 0)
        return visit_includes(walk, word + 8 + strspn(word + 8, " \t"), includes_left);
    if (*word != '/')
        return 0;
    walk->source = source_of_folder(word);
    return visit_folder(walk, word, DEPTH_SYSTEM);
}

/* ld.so.conf(5): a folder per line, `include PATTERN`, comments. */
static int visit_linker_config(struct walk *walk, const char *file, int includes_left)
{
    char line[PATH_MAX];
    int result = 0;
    FILE *config = includes_left > 0 ? fopen(file, "re") : NULL;
    if (!config)
        return 0;
    while (result == 0 && fgets(line, sizeof line, config))
        result = visit_config_line(walk, line, includes_left);
    fclose(config);
    return result;
}

/* Beside this program: PREFIX/bin has PREFIX/lib, the build tree's src/cli has src/preload. */
static int visit_own(struct walk *walk)
{
    static const char *const folders[] = {"lib", "lib64", "lib/*-linux-*", "preload"};
    char program[PATH_MAX];
    char pattern[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return 0;
    program[length] = '\0';
    *strrchr(program, '/') = '\0';
    walk->source = FINDER_OWN;
    int result = 0;
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(folders) && result == 0; i++) {
        int used = snprintf(pattern, sizeof pattern, "%s/../%s", program, folders[i]);
        if (used < (int)sizeof pattern)
            result = visit_pattern(walk, pattern, DEPTH_SYSTEM);
    }
    return result;
}

/* Where the C library of this very process lies: the distribution's own folder. */
static int visit_libc_folder(struct walk *walk)
{
    Dl_info info;
    char path[PATH_MAX];
    if (!dladdr((void *)(uintptr_t)gnu_get_libc_version, &info) || !info.dli_fname ||
        info.dli_fname[0] != '/')
        return 0;
    snprintf(path, sizeof path, "%s", info.dli_fname);
    *strrchr(path, '/') = '\0';
    return visit_folder(walk, path, DEPTH_SYSTEM);
}

static int visit_system(struct walk *walk)
{
    static const char *const patterns[] = {"/usr/lib64", "/usr/lib",
                                           "/usr/lib/llvm-*/lib/clang/*/lib/linux"};
    walk->source = FINDER_SYSTEM;
    int result = visit_libc_folder(walk);
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(patterns) && result == 0; i++)
        result = visit_pattern(walk, patterns[i], DEPTH_SYSTEM);
    return result ? result : visit_linker_config(walk, "/etc/ld.so.conf", INCLUDES_MAX);
}

static int visit_local(struct walk *walk)
{
    walk->source = FINDER_LOCAL;
    int result = visit_pattern(walk, "/usr/local/lib*", DEPTH_LOCAL);
    return result ? result : visit_pattern(walk, "/opt/*/lib*", DEPTH_LOCAL);
}

char *finder_peers_dir(void)
{
    const char *given = getenv("SHALE_PEERS");
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char *path = NULL;
    int length = -1;
    if (given && *given)
        return strdup(given);
    if (cache && *cache)
        length = asprintf(&path, "%s/shale/peers", cache);
    else if (home && *home)
        length = asprintf(&path, "%s/.cache/shale/peers", home);
    return length < 0 ? NULL : path;
}

static int visit_peers(struct walk *walk)
{
    char *folder = finder_peers_dir();
    walk->source = FINDER_PEERS;
    int result = folder ? visit_folder(walk, folder, DEPTH_GIVEN) : 0;
    free(folder);
    return result;
}

int finder_walk(finder_visit_fn visit, void *context)
{
    struct walk walk = {.visit = visit, .context = context, .source = FINDER_PATH};
    int result = visit_list(&walk, getenv("SHALE_ALLOCATOR_PATH"), DEPTH_GIVEN);
    if (result == 0)
        result = visit_own(&walk);
    if (result == 0)
        result = visit_system(&walk);
    if (result == 0)
        result = visit_local(&walk);
    return result ? result : visit_peers(&walk);
}
