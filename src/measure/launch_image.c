/* SPDX-License-Identifier: MIT */
/* What a launch executes: the file found, the environment with the preload, arguments. Layer 4. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "measure/launch_internal.h"

/* 0, or errno: what executing this file would say before it is read. */
static int executable_error(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    if (!S_ISREG(status.st_mode) || access(path, X_OK) < 0)
        return EACCES;
    return 0;
}

static int resolve_result(int error)
{
    errno = error;
    if (error == 0)
        return 0;
    return error == ENOENT || error == ENOTDIR ? SHALE_ENOENT : SHALE_EPERM;
}

/* The next folder of a colon list into `path` with "/name"; false at its end or when too long. */
static bool next_candidate(const char **list, const char *name, char *path, size_t size)
{
    while (*list) {
        const char *folder = *list;
        size_t length = strcspn(folder, ":");
        *list = folder[length] ? folder + length + 1 : NULL;
        int wanted = length ? snprintf(path, size, "%.*s/%s", (int)length, folder, name)
                            : snprintf(path, size, "./%s", name);
        if (wanted > 0 && (size_t)wanted < size)
            return true;
    }
    return false;
}

int launch_resolve(const char *name, const char *search_path, char *path, size_t size)
{
    if (!*name)
        return resolve_result(ENOENT);
    if (strchr(name, '/')) {
        if ((size_t)snprintf(path, size, "%s", name) >= size)
            return resolve_result(ENAMETOOLONG);
        return resolve_result(executable_error(path));
    }
    if (!search_path)
        search_path = getenv("PATH");
    if (!search_path)
        search_path = "/usr/local/bin:/usr/bin:/bin";
    int first_error = ENOENT;
    while (next_candidate(&search_path, name, path, size)) {
        int error = executable_error(path);
        if (error == 0)
            return 0;
        if (first_error == ENOENT && error != ENOTDIR)
            first_error = error;
    }
    return resolve_result(first_error);
}

/* The index of NAME (of "NAME=..." or "NAME") in environment, or its length. */
static size_t environment_find(char **environment, const char *entry)
{
    size_t length = strcspn(entry, "=");
    size_t i = 0;
    for (; environment[i]; i++)
        if (strncmp(environment[i], entry, length) == 0 && environment[i][length] == '=')
            break;
    return i;
}

static void environment_remove(char **environment, size_t i)
{
    if (!environment[i])
        return;
    free(environment[i]);
    for (; environment[i]; i++)
        environment[i] = environment[i + 1];
}

/* Takes `entry` ("K=V", from malloc; NULL when memory ran out). The array has room. */
static int environment_set(char **environment, char *entry)
{
    if (!entry)
        return SHALE_ENOMEM;
    size_t i = environment_find(environment, entry);
    free(environment[i]);
    environment[i] = entry;
    return 0;
}

static const char *environment_get(char **environment, const char *name)
{
    const char *entry = environment[environment_find(environment, name)];
    return entry ? entry + strlen(name) + 1 : NULL;
}

static char *entry_of(const char *name, const char *value, const char *more)
{
    char *entry = NULL;
    const char *colon = more && *more ? ":" : "";
    if (asprintf(&entry, "%s=%s%s%s", name, value, colon, more ? more : "") < 0)
        return NULL;
    return entry;
}

static size_t length_of(const char *const *words)
{
    size_t count = 0;
    while (words && words[count])
        count++;
    return count;
}

static void environment_free(char **environment)
{
    for (size_t i = 0; environment && environment[i]; i++)
        free(environment[i]);
    free(environment);
}

/* A copy of ours with room for `extra` more; NULL without memory. */
static char **environment_copy(size_t extra)
{
    size_t count = length_of((const char *const *)environ);
    char **copy = calloc(count + extra + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = strdup(environ[i]);
        if (copy[i])
            continue;
        environment_free(copy);
        return NULL;
    }
    return copy;
}

static int environment_make(const struct launch_spec *spec, const char *mark, char ***environment)
{
    size_t additions = length_of(spec->environment);
    char **made = environment_copy(additions + 2);
    *environment = made;
    if (!made)
        return SHALE_ENOMEM;
    int result = 0;
    for (size_t i = 0; i < additions && result == 0; i++) {
        const char *entry = spec->environment[i];
        if (strchr(entry, '='))
            result = environment_set(made, strdup(entry));
        else
            environment_remove(made, environment_find(made, entry));
    }
    if (result == 0 && spec->preload)
        result = environment_set(
            made, entry_of("LD_PRELOAD", spec->preload, environment_get(made, "LD_PRELOAD")));
    if (result == 0 && *mark)
        result = environment_set(made, entry_of("SHALE_LAUNCH", mark, NULL));
    return result;
}

static char **shell_argv_make(const char *path, const char *const *argv)
{
    size_t count = length_of(argv);
    const char **made = calloc(count + 2, sizeof *made);
    if (!made)
        return NULL;
    made[0] = "/bin/sh";
    made[1] = path;
    for (size_t i = 1; i < count; i++)
        made[i + 1] = argv[i];
    return (char **)made;
}

/* A relative name with a slash is looked for where the program starts, as exec will see it. */
static int find_program(const struct launch_spec *spec, struct launch_image *image)
{
    const char *name = spec->argv[0];
    if (!spec->directory || *name == '/' || !strchr(name, '/'))
        return launch_resolve(name, environment_get(image->environment, "PATH"), image->path,
                              sizeof image->path);
    char seen_from_here[PATH_MAX];
    int wanted = snprintf(seen_from_here, sizeof seen_from_here, "%s/%s", spec->directory, name);
    if (wanted < 0 || (size_t)wanted >= sizeof seen_from_here)
        return resolve_result(ENAMETOOLONG);
    snprintf(image->path, sizeof image->path, "%s", name);
    return resolve_result(executable_error(seen_from_here));
}

static int check_preload(const char *preload, struct launch_failure *failure)
{
    if (!preload || !preload[strcspn(preload, ": \t\n")])
        return 0;
    return launch_fail(failure, LAUNCH_STAGE_START, SHALE_EINVAL,
                       "the path '%.150s' has a colon or a blank in it, which LD_PRELOAD cannot "
                       "say",
                       preload);
}

int launch_image_make(const struct launch_spec *spec, const char *mark, struct launch_image *image,
                      struct launch_failure *failure)
{
    *image = (struct launch_image){.path = ""};
    if (!spec->argv || !spec->argv[0])
        return launch_fail(failure, LAUNCH_STAGE_START, SHALE_EINVAL, "no program is named");
    int result = check_preload(spec->preload, failure);
    if (result < 0)
        return result;
    result = environment_make(spec, mark, &image->environment);
    if (result == 0) {
        result = find_program(spec, image);
        if (result < 0) {
            failure->system_error = errno;
            return launch_fail(failure, LAUNCH_STAGE_FIND, result, "%s", strerror(errno));
        }
        image->shell_argv = shell_argv_make(image->path, spec->argv);
        result = image->shell_argv ? 0 : SHALE_ENOMEM;
    }
    if (result < 0)
        return launch_fail(failure, LAUNCH_STAGE_START, result, "%s", shale_strerror(result));
    return 0;
}

void launch_image_free(struct launch_image *image)
{
    environment_free(image->environment);
    free(image->shell_argv);
}
