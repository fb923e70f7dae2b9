/* SPDX-License-Identifier: MIT */
/* Programs on disk: scripts and their interpreters, libraries and where the dynamic linker would
 * find them. Layer 1. */
#ifndef SHALE_IDENTIFY_PROGRAM_H
#define SHALE_IDENTIFY_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"
#include "identify/elf_file.h"

/*
 * The file that the kernel loads when `path` is executed: itself, or the interpreter of a script;
 * `#!/usr/bin/env NAME` is looked up in PATH.
 *
 * @param program  gets that file, of at most `size` bytes.
 * @return 0; SHALE_EFORMAT: interpreters of interpreters without end, or a line that names none;
 *         an error of opening the file.
 */
SHALE_NODISCARD int identify_follow_script(const char *path, char *program, size_t size);

/*
 * Finds a library as the dynamic linker of the program would: its run path, LD_LIBRARY_PATH, the
 * configured folders.
 *
 * @param musl  the program's dynamic linker is musl's.
 * @param out   gets the path.
 */
bool identify_find_library(const struct identify_module *user, const char *name, bool musl,
                           char *out, size_t size);

/* Of a library or program: the newest GLIBC_x.y it asks for as major * 1000 + minor; 0: none. */
int identify_needed_glibc(const struct identify_elf *file);

/* Does the file need that library directly? */
bool identify_module_needs(const struct identify_module *module, const char *prefix);

#endif
