/* SPDX-License-Identifier: MIT */
/* A machine made of files: a folder that stands for / in base/system.h, and files put into it. */
#ifndef SHALE_TESTS_FILE_ROOT_H
#define SHALE_TESTS_FILE_ROOT_H

#include <sys/stat.h>

#include "base/system.h"
#include "test.h"

static char root[64];

static int remove_root(void **state)
{
    char command[128];
    shale_system_set_root(NULL);
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command); /* NOLINT: the path is our own mkdtemp's */
}

/* Writes root/path, with the folders above it. */
static void put(const char *path, const char *text)
{
    char whole[256];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#endif
