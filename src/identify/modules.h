/* SPDX-License-Identifier: MIT */
/*
 * The objects of a program (its executable and libraries) in the order in which the dynamic linker
 * searches them, and their symbol tables, read from memory. Layer 1; part of the self-check.
 *
 *     auxv: AT_PHDR -> PT_DYNAMIC -> DT_DEBUG -> r_debug -> link_map -> link_map -> ...
 *                                                              |
 *                           DT_SYMTAB, DT_STRTAB, DT_GNU_HASH, DT_VERSYM, DT_JMPREL, DT_RELA
 *
 * Read from the memory of the process itself, so that files that were deleted, replaced or lie in
 * another mount namespace make no difference. Every number is checked: the target may lie.
 */
#ifndef SHALE_IDENTIFY_MODULES_H
#define SHALE_IDENTIFY_MODULES_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "identify/catalog.h"
#include "identify/memory.h"

/* The most of each that is looked at; what lies beyond is said in the report. */
enum { IDENTIFY_MODULES_MAX = 8192, IDENTIFY_SEGMENTS_MAX = 32, IDENTIFY_NEEDED_MAX = 512 };

/* Of one object: the part of its dynamic section that is used; 0 for what it lacks. */
struct identify_dynamic {
    uint64_t symtab, strtab, strtab_size;
    uint64_t gnu_hash, hash, versym, verdef, verdef_count;
    uint64_t jmprel, jmprel_size, rela, rela_size;
    uint64_t soname, run_path; /* offsets in strtab, plus 1 */
    bool run_path_last;        /* DT_RUNPATH, which LD_LIBRARY_PATH precedes; else DT_RPATH */
    uint64_t debug;
    bool symbolic; /* binds its own symbols to itself (-Bsymbolic) */
    uint64_t needed[IDENTIFY_NEEDED_MAX];
    size_t needed_count;
};

struct identify_segment {
    uint64_t start, size, file_size; /* addresses in memory */
    uint32_t flags;                  /* PF_R, PF_W, PF_X */
};

struct identify_module {
    char *path;       /* as the linker names it; of the executable: what the caller says */
    char soname[128]; /* empty: none */
    uint64_t base;    /* what is added to the addresses in the file */
    uint64_t start, end;
    unsigned space; /* 0: the namespace of the executable; else of a dlmopen */
    bool executable;
    bool startup;   /* in the global scope: loaded with the executable, not by dlopen */
    bool preloaded; /* at startup, and needed by nothing: LD_PRELOAD brought it */
    struct identify_segment segments[IDENTIFY_SEGMENTS_MAX];
    size_t segment_count;
    struct identify_dynamic dynamic;
    const struct identify_memory *memory;       /* its bytes */
    const struct identify_allocator *allocator; /* whose code it holds, once identified */
    const char *allocator_evidence;             /* the symbol or text that showed it */
    bool identified;
    bool defines[64]; /* by the number of the function in functions.h */
    uint64_t defined_at[64];
};

struct identify_modules {
    struct identify_module *items;
    size_t count;
    bool by_linker;      /* started as `ld.so PROGRAM` */
    const char *trouble; /* what was cut short and why, or NULL */
};

/*
 * Reads the objects of a running program.
 *
 * @param phdr, phdr_count  AT_PHDR and AT_PHNUM of its auxiliary vector.
 * @param executable        the path to note for the executable.
 * @return 0; SHALE_ENOTSUP: it has no dynamic linker (static); SHALE_EBUSY: the dynamic linker is
 *         at work or has not begun, for half a second now; SHALE_EFORMAT; SHALE_ENOMEM; a read
 * error. Ownership: identify_modules_free.
 */
SHALE_NODISCARD int identify_modules_read(const struct identify_memory *memory, uint64_t phdr,
                                          uint64_t phdr_count, const char *executable,
                                          struct identify_modules *modules);

/* The same, without waiting for a list in motion to settle. */
SHALE_NODISCARD int identify_modules_read_once(const struct identify_memory *memory, uint64_t phdr,
                                               uint64_t phdr_count, const char *executable,
                                               struct identify_modules *modules);

void identify_modules_free(struct identify_modules *modules);

/* Appends an empty module; NULL without memory. Pointers to earlier ones become invalid. */
struct identify_module *identify_modules_add(struct identify_modules *modules, const char *path);

/* Fills segments, start, end and dynamic of a module from its program headers. */
SHALE_NODISCARD int identify_module_load(struct identify_module *module, const Elf64_Phdr *headers,
                                         size_t count);

/* Notes which functions of the malloc family the module defines, and where. */
void identify_module_find_family(struct identify_module *module);

/* Marks startup and preloaded by following DT_NEEDED from the executable. */
void identify_modules_mark_scope(struct identify_modules *modules);

/*
 * Finds a symbol that the module defines and exports, by the rules of the dynamic linker.
 *
 * @param version  the version asked for; NULL takes the default one.
 * @return the address in memory, or 0.
 */
uint64_t identify_module_symbol(const struct identify_module *module, const char *name,
                                const char *version);

/* The text at an offset of the module's string table; 0 or an error. */
SHALE_NODISCARD int identify_module_string(const struct identify_module *module, uint64_t offset,
                                           char *out, size_t size);

/* The module whose segments hold that address, or -1. */
int identify_modules_at(const struct identify_modules *modules, uint64_t address);

/* The base name of the module's file. */
const char *identify_module_name(const struct identify_module *module);

#endif
