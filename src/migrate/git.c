/* SPDX-License-Identifier: MIT */
/* Asking git: which files it knows, which of them have changes. Layer 1. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migrate/tree.h"

enum { GIT_ARGUMENTS_MAX = 16 };

static void read_all(int file, text_buffer *text)
{
    for (;;) {
        vector_reserve(text, 65536);
        ssize_t got = read(file, text->at + text->count, 65535);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        text->count += (size_t)got;
    }
    text->at[text->count] = '\0';
}

static int start_git(const char *const *words, int out, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return -1;
    int failed = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    failed |= posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    failed |= posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawnp(child, "git", &actions, NULL, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed ? -1 : 0;
}

char *git_output(const char *folder, const char *const *arguments, size_t *length)
{
    const char *words[GIT_ARGUMENTS_MAX + 4] = {"git", "-C", folder};
    for (size_t i = 0; arguments[i] && i < GIT_ARGUMENTS_MAX; i++)
        words[i + 3] = arguments[i];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    pid_t child;
    int failed = start_git(words, ends[1], &child);
    close(ends[1]);
    text_buffer text = {0};
    if (!failed)
        read_all(ends[0], &text);
    close(ends[0]);
    int status = -1;
    while (!failed && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (failed || status != 0) {
        vector_free(&text);
        return NULL;
    }
    *length = text.count;
    return text.at;
}

static bool is_changed_by(const struct migrate_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i].old_text && strcmp(plan->changes[i].path, path) == 0)
            return true;
    return false;
}

/*
 * Any change in a file that is to be rewritten: committed text is what makes a rewrite reviewable.
 * (Lines of `git status -z`: two letters, a space, a path; a rename has its old path behind.)
 */
char *tree_first_dirty(const char *root, const struct migrate_plan *plan)
{
    static const char *const arguments[] = {
        "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", NULL};
    size_t length = 0;
    char *output = git_output(root, arguments, &length);
    char *found = NULL;
    for (const char *at = output; at && at < output + length && !found; at += strlen(at) + 1)
        if (strlen(at) > 3 && is_changed_by(plan, at + 3))
            found = must_copy(at + 3);
    free(output);
    return found;
}
