/* SPDX-License-Identifier: MIT */
/* Facts about ELF files, read with libelf, and a file's image as memory. Layer 1. */
#ifndef SHALE_IDENTIFY_ELF_FILE_H
#define SHALE_IDENTIFY_ELF_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>

#include "identify/catalog.h"
#include "identify/modules.h"

struct identify_elf {
    int fd;
    Elf *elf;
    GElf_Ehdr header;
    Elf64_Phdr segments[IDENTIFY_SEGMENTS_MAX]; /* PT_LOAD */
    size_t segment_count;
    char interpreter[256]; /* empty: none */
    bool has_dynamic;
    bool pie; /* DF_1_PIE: a program, even without interpreter */
    struct identify_memory image;
};

/* What the full symbol table (.symtab) tells beyond the exported symbols. */
struct identify_symtab {
    bool present;
    bool defines_malloc;
    const struct identify_allocator *allocator; /* identified by a symbol, or NULL */
    const char *evidence;                       /* that symbol */
    uint64_t version_symbol;                    /* address of mi_version in the file, or 0 */
    bool go_runtime;
};

/*
 * Opens an ELF file.
 *
 * @return 0; SHALE_ENOENT, SHALE_EPERM, SHALE_EIO; SHALE_EFORMAT: no ELF file, or a broken one.
 * Ownership: identify_elf_close. The struct must not move while it is open.
 */
SHALE_NODISCARD int identify_elf_open(const char *path, struct identify_elf *file);
void identify_elf_close(struct identify_elf *file);

/* Is it for this machine: 64 bit, same byte order and instruction set? */
bool identify_elf_is_native(const struct identify_elf *file);

/* "32-bit x86", "64-bit AArch64", ...: for messages. */
void identify_elf_describe(const struct identify_elf *file, char *out, size_t size);

/* A program, not a library: it names an interpreter or is static. */
bool identify_elf_is_static(const struct identify_elf *file);
bool identify_elf_is_library(const struct identify_elf *file);

/* The build-id in hex; empty: none. */
void identify_elf_build_id(const struct identify_elf *file, char *out, size_t size);

/* Looks through .symtab once. */
void identify_elf_symtab(const struct identify_elf *file, struct identify_symtab *symtab);

/* Fills a module (added with the file's path) from the file's image, at its own addresses. */
SHALE_NODISCARD int identify_elf_module(struct identify_elf *file, struct identify_module *module);

#endif
