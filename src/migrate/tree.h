/* SPDX-License-Identifier: MIT */
/* Which files belong to the given paths, and what git knows about them. Layer 1. */
#ifndef SHALE_MIGRATE_TREE_H
#define SHALE_MIGRATE_TREE_H

#include "migrate/migrate.h"
#include "migrate/source.h"
#include "migrate/vector.h"

struct tree {
    char *root; /* absolute: git's top folder, or the deepest folder that holds all paths */
    bool in_git;
    struct source_list sources; /* by path, each file once */
};

/*
 * Finds the root and lists the C files of the paths: what git tracks or would track, else what the
 * folders hold. Symbolic links in folders are not followed; their targets come by their own names.
 *
 * @return 0; SHALE_ENOENT, SHALE_EPERM: a path.
 */
SHALE_NODISCARD int tree_list(const struct migrate_options *options, struct tree *tree,
                              char **message);
/* Only the root: what undo needs. */
SHALE_NODISCARD int tree_root(const struct migrate_options *options, char **root, bool *in_git,
                              char **message);

/* Files with changes that git has not committed, among those given: the first one, or NULL. */
char *tree_first_dirty(const char *root, const struct migrate_plan *plan);

/* Runs git in a folder and gives its output; NULL when it fails or there is none. */
char *git_output(const char *folder, const char *const *arguments, size_t *length);

#endif
