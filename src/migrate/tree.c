/* SPDX-License-Identifier: MIT */
/* Listing the files of the given paths. Layer 1. */
#include "migrate/tree.h"

#include <errno.h>
#include <fnmatch.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shale/error.h>

static bool has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path);
    size_t size = strlen(suffix);
    return length > size && strcmp(path + length - size, suffix) == 0;
}

static bool is_one_of(const char *path, const char *const *suffixes)
{
    for (; *suffixes; suffixes++)
        if (has_suffix(path, *suffixes))
            return true;
    return false;
}

static const char *const c_suffixes[] = {".c", ".h", NULL};
static const char *const other_suffixes[] = {".cc",  ".cpp", ".cxx", ".c++", ".C",   ".hh",  ".hpp",
                                             ".hxx", ".h++", ".m",   ".mm",  ".inc", ".ipp", NULL};

static bool has_part(const char *path, const char *const *names)
{
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "/");
        for (size_t i = 0; names[i]; i++)
            if (strlen(names[i]) == length && strncmp(at, names[i], length) == 0 && at[length])
                return true;
        at += length;
        at += *at == '/';
    }
    return false;
}

static bool is_third_party(const char *path)
{
    static const char *const names[] = {"vendor",      "vendored", "third_party", "third-party",
                                        "thirdparty",  "3rdparty", "3rd_party",   "external",
                                        "externals",   "deps",     "contrib",     "node_modules",
                                        "subprojects", NULL};
    return has_part(path, names);
}

static bool is_build_folder(const char *path)
{
    static const char *const names[] = {".git",       ".hg",   ".svn",   ".shale-migrate", ".pc",
                                        "CMakeFiles", ".libs", "_build", "autom4te.cache", NULL};
    return has_part(path, names);
}

static bool is_excluded(const struct migrate_options *options, const char *path)
{
    for (const char *const *glob = options->excludes; glob && *glob; glob++) {
        const char *base = strrchr(path, '/');
        if (fnmatch(*glob, path, 0) == 0 || fnmatch(*glob, base ? base + 1 : path, 0) == 0)
            return true;
        size_t length = strlen(*glob);
        if (strncmp(path, *glob, length) == 0 && path[length] == '/')
            return true;
    }
    return false;
}

/* `given`: what of the path the user gave; only the folders below it speak against a file. */
static void add_file(const struct migrate_options *options, struct tree *tree, const char *path,
                     size_t given)
{
    bool c = is_one_of(path, c_suffixes);
    bool other = is_one_of(path, other_suffixes) || path[given] == '\0';
    if ((!c && !other) || is_build_folder(path + given) || is_excluded(options, path))
        return;
    struct source *source = must_alloc(sizeof *source);
    source->path = must_copy(path);
    source->real = must_format("%s/%s", tree->root, path);
    source->state = c ? FILE_ANALYSED : FILE_NOT_C;
    if (is_third_party(path + given))
        source->state = FILE_THIRD_PARTY;
    source_list_add(&tree->sources, source);
}

static const char *below_root(const char *root, const char *path)
{
    if (!path)
        return NULL;
    size_t length = strlen(root);
    if (strcmp(root, "/") == 0)
        return path + 1;
    if (strncmp(root, path, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    return path[length] ? path + length + 1 : "";
}

static bool is_regular(const char *root, const char *path)
{
    char *whole = must_format("%s/%s", root, path);
    struct stat status;
    bool regular = lstat(whole, &status) == 0 && S_ISREG(status.st_mode);
    free(whole);
    return regular;
}

/* What git tracks, and what it would track: not ignored. */
static bool list_by_git(const struct migrate_options *options, struct tree *tree, const char *path)
{
    const char *below = below_root(tree->root, path);
    const char *const arguments[] = {"ls-files",
                                     "-z",
                                     "--cached",
                                     "--others",
                                     "--exclude-standard",
                                     "--",
                                     below && *below ? below : ".",
                                     NULL};
    size_t length = 0;
    char *output = git_output(tree->root, arguments, &length);
    for (const char *at = output; at && at < output + length; at += strlen(at) + 1)
        if ((is_one_of(at, c_suffixes) || is_one_of(at, other_suffixes)) &&
            is_regular(tree->root, at))
            add_file(options, tree, at, below ? strlen(below) : 0);
    free(output);
    return output != NULL;
}

static void list_by_walking(const struct migrate_options *options, struct tree *tree, char *path)
{
    char *const starts[] = {path, NULL};
    FTS *walk = fts_open(starts, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (!walk)
        return;
    const char *given = below_root(tree->root, path);
    for (FTSENT *entry; (entry = fts_read(walk));) {
        const char *below = below_root(tree->root, entry->fts_path);
        if (entry->fts_info == FTS_F && below)
            add_file(options, tree, below, given ? strlen(given) : 0);
        if (entry->fts_info == FTS_D && entry->fts_level > 0 && below) {
            char *inside = must_format("%s/x", below + (given ? strlen(given) : 0));
            if (is_build_folder(inside))
                fts_set(walk, entry, FTS_SKIP);
            free(inside);
        }
    }
    fts_close(walk);
}

static int cannot_open(const char *path, char **message)
{
    int error = errno == EACCES || errno == EPERM ? SHALE_EPERM : SHALE_ENOENT;
    *message = must_format("cannot open '%s': %s; give files or folders of C sources", path,
                           strerror(errno));
    return error;
}

/* Cuts `root` to the folder that also holds `path`. */
static void common_folder(char *root, const char *path)
{
    while (!below_root(root, path)) {
        char *slash = strrchr(root, '/');
        if (slash == root)
            root[1] = '\0';
        else
            *slash = '\0';
    }
}

static char *folder_of(const char *path)
{
    struct stat status;
    char *folder = must_copy(path);
    if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        char *slash = strrchr(folder, '/');
        slash[slash == folder] = '\0';
    }
    return folder;
}

int tree_root(const struct migrate_options *options, char **root, bool *in_git, char **message)
{
    char *common = NULL;
    for (const char *const *path = options->paths; *path; path++) {
        char *real = realpath(*path, NULL);
        if (!real) {
            free(common);
            return cannot_open(*path, message);
        }
        char *folder = folder_of(real);
        free(real);
        if (!common) {
            common = folder;
            continue;
        }
        common_folder(common, folder);
        free(folder);
    }
    if (!common) {
        *message = must_copy("no path given");
        return SHALE_EINVAL;
    }
    static const char *const arguments[] = {"rev-parse", "--show-toplevel", NULL};
    size_t length = 0;
    char *top = git_output(common, arguments, &length);
    *in_git = top && length > 1;
    if (*in_git) {
        top[strcspn(top, "\n")] = '\0';
        free(common);
        common = top;
    } else {
        free(top);
    }
    *root = common;
    return 0;
}

static int compare_paths(const void *left, const void *right)
{
    return strcmp((*(struct source *const *)left)->path, (*(struct source *const *)right)->path);
}

static void drop_doubles(struct tree *tree)
{
    if (tree->sources.count == 0)
        return;
    qsort((void *)tree->sources.at, tree->sources.count, sizeof(void *), compare_paths);
    size_t kept = 1;
    for (size_t i = 1; i < tree->sources.count; i++) {
        if (strcmp(tree->sources.at[i]->path, tree->sources.at[kept - 1]->path) != 0) {
            tree->sources.at[kept++] = tree->sources.at[i];
            continue;
        }
        source_finish(tree->sources.at[i]);
        free(tree->sources.at[i]);
    }
    tree->sources.count = kept;
}

int tree_list(const struct migrate_options *options, struct tree *tree, char **message)
{
    *tree = (struct tree){0};
    int error = tree_root(options, &tree->root, &tree->in_git, message);
    for (const char *const *path = options->paths; error == 0 && *path; path++) {
        char *real = realpath(*path, NULL);
        struct stat status;
        if (!real || stat(real, &status) != 0 ||
            access(real, S_ISDIR(status.st_mode) ? R_OK | X_OK : R_OK) != 0) {
            error = cannot_open(*path, message);
        } else if (!S_ISDIR(status.st_mode)) {
            const char *below = below_root(tree->root, real);
            add_file(options, tree, below, strlen(below));
        } else if (!tree->in_git || !list_by_git(options, tree, real)) {
            list_by_walking(options, tree, real);
        }
        free(real);
    }
    drop_doubles(tree);
    return error;
}
