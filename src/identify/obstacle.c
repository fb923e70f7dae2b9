/* SPDX-License-Identifier: MIT */
/* What stands between a preloaded library and a program. Layer 1. */
#define _GNU_SOURCE
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "identify/elf_file.h"
#include "identify/functions.h"
#include "identify/identify.h"
#include "identify/program.h"

/* A program or library, opened and loaded. */
struct opened {
    struct identify_elf file;
    struct identify_modules modules;
};

static void block(struct identify_obstacle *obstacle, enum identify_obstacle_kind kind,
                  const char *reason, const char *remedy)
{
    obstacle->kind = kind;
    snprintf(obstacle->reason, sizeof obstacle->reason, "%s", reason);
    snprintf(obstacle->remedy, sizeof obstacle->remedy, "%s", remedy);
}

/* The kernel marks such a start AT_SECURE, and the dynamic linker then drops LD_PRELOAD. */
static bool gains_privilege(const char *path, char *why, size_t size)
{
    struct stat facts;
    struct statvfs mount;
    if (stat(path, &facts) != 0 || (statvfs(path, &mount) == 0 && (mount.f_flag & ST_NOSUID)))
        return false;
    if ((facts.st_mode & S_ISUID) && facts.st_uid != getuid())
        snprintf(why, size, "it is setuid (owner %ld)", (long)facts.st_uid);
    else if ((facts.st_mode & S_ISGID) && (facts.st_mode & S_IXGRP) && facts.st_gid != getgid())
        snprintf(why, size, "it is setgid (group %ld)", (long)facts.st_gid);
    else if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
        snprintf(why, size, "it has file capabilities");
    else
        return false;
    return true;
}

static int open_target(const char *path, struct opened *opened)
{
    int status = identify_elf_open(path, &opened->file);
    if (status != 0)
        return status;
    struct identify_module *module = identify_modules_add(&opened->modules, path);
    if (!module)
        return SHALE_ENOMEM;
    if (!identify_elf_is_native(&opened->file))
        return 0;
    status = identify_elf_module(&opened->file, module);
    return status == SHALE_ENOTSUP ? 0 : status;
}

static void close_target(struct opened *opened)
{
    identify_modules_free(&opened->modules);
    identify_elf_close(&opened->file);
}

static bool is_musl(const struct opened *program)
{
    return strstr(program->file.interpreter, "ld-musl") != NULL;
}

static void check_program(const struct opened *program, struct identify_obstacle *obstacle)
{
    char why[128], text[256];
    if (identify_elf_is_static(&program->file))
        block(obstacle, IDENTIFY_OBSTACLE_STATIC,
              "it is linked statically, so no dynamic linker reads LD_PRELOAD",
              "link it dynamically, or link the allocator into it");
    else if (gains_privilege(obstacle->program, why, sizeof why)) {
        snprintf(text, sizeof text, "%s, so the dynamic linker drops LD_PRELOAD", why);
        block(obstacle, IDENTIFY_OBSTACLE_PRIVILEGED, text,
              "run a copy of it without these rights, or start it as the user who owns it");
    } else if (identify_elf_is_native(&program->file) &&
               program->modules.items[0].defines[IDENTIFY_MALLOC])
        block(obstacle, IDENTIFY_OBSTACLE_DEFINES_MALLOC,
              "it carries a malloc of its own, which comes before every library's",
              "build it without the allocator it carries");
}

static void check_libc(const struct opened *program, const struct opened *library,
                       struct identify_obstacle *obstacle)
{
    int major = 0, minor = 0;
    char text[256];
    bool for_glibc = identify_module_needs(&library->modules.items[0], "libc.so.6");
    bool for_musl = identify_module_needs(&library->modules.items[0], "libc.musl") ||
                    (!for_glibc && identify_module_needs(&library->modules.items[0], "libc.so"));
    if (is_musl(program) && for_glibc)
        block(obstacle, IDENTIFY_OBSTACLE_OTHER_LIBC,
              "it runs on musl, and the library was built for glibc",
              "use a library built with musl-gcc, or a program built for glibc");
    else if (!is_musl(program) && for_musl)
        block(obstacle, IDENTIFY_OBSTACLE_OTHER_LIBC,
              "it runs on glibc, and the library was built for musl",
              "use a library built for glibc");
    int needed = identify_needed_glibc(&library->file);
    if (obstacle->kind == IDENTIFY_OBSTACLE_NONE && for_glibc &&
        sscanf(gnu_get_libc_version(), "%d.%d", &major, &minor) == 2 &&
        needed > major * 1000 + minor) {
        snprintf(text, sizeof text, "the library needs glibc %d.%d, and this is %d.%d",
                 needed / 1000, needed % 1000, major, minor);
        block(obstacle, IDENTIFY_OBSTACLE_OLD_LIBC, text,
              "use a build of the library for this system");
    }
}

static void check_pair(const struct opened *program, const struct opened *library,
                       struct identify_obstacle *obstacle)
{
    char ours[64], theirs[64], text[256];
    const struct identify_elf *one = &program->file, *other = &library->file;
    if (one->header.e_machine != other->header.e_machine ||
        one->header.e_ident[EI_CLASS] != other->header.e_ident[EI_CLASS]) {
        identify_elf_describe(one, ours, sizeof ours);
        identify_elf_describe(other, theirs, sizeof theirs);
        snprintf(text, sizeof text, "it is a %s program, and the library is for %s", ours, theirs);
        block(obstacle, IDENTIFY_OBSTACLE_ARCHITECTURE, text,
              "use a library built for the program's architecture");
        return;
    }
    if (!identify_elf_is_native(other))
        return;
    if (!library->modules.items[0].defines[IDENTIFY_MALLOC])
        block(obstacle, IDENTIFY_OBSTACLE_NOT_AN_ALLOCATOR,
              "the library defines no malloc, so preloading it replaces nothing",
              "name an allocator's own library: 'shale run --list' shows those found");
    else
        check_libc(program, library, obstacle);
}

static void check_library(const struct opened *program, const char *path,
                          struct identify_obstacle *obstacle)
{
    struct opened library = {.file = {.fd = -1}};
    int status = open_target(path, &library);
    if (status == SHALE_EFORMAT)
        block(obstacle, IDENTIFY_OBSTACLE_NOT_ELF, "the library is no ELF file, or broken",
              "check the path of the library");
    else if (status != 0)
        block(obstacle, IDENTIFY_OBSTACLE_UNREADABLE, "the library cannot be read",
              "check its path and permissions");
    else
        check_pair(program, &library, obstacle);
    close_target(&library);
}

int identify_preload_obstacle(const char *program, const char *library,
                              struct identify_obstacle *obstacle)
{
    if (!program || !obstacle)
        return SHALE_EINVAL;
    *obstacle = (struct identify_obstacle){.kind = IDENTIFY_OBSTACLE_NONE};
    char path[PATH_MAX];
    struct opened target = {.file = {.fd = -1}};
    int status = identify_follow_script(program, path, sizeof path);
    snprintf(obstacle->program, sizeof obstacle->program, "%.*s", (int)sizeof obstacle->program - 1,
             path);
    if (status == 0)
        status = open_target(path, &target);
    if (status == SHALE_EFORMAT)
        block(obstacle, IDENTIFY_OBSTACLE_NOT_ELF, "it is neither an ELF program nor a script",
              "name the program itself");
    else if (status != 0 && status != SHALE_ENOMEM)
        block(obstacle, IDENTIFY_OBSTACLE_UNREADABLE, "it or its interpreter cannot be read",
              "check its path and permissions");
    else if (status == 0)
        check_program(&target, obstacle);
    if (status == 0 && obstacle->kind == IDENTIFY_OBSTACLE_NONE && library)
        check_library(&target, library, obstacle);
    close_target(&target);
    return status == SHALE_ENOMEM ? SHALE_ENOMEM : 0;
}
