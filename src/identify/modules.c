/* SPDX-License-Identifier: MIT */
/*
 * Walking link_map and reading dynamic sections in another process's memory. Layer 1; part of the
 * self-check. Symbol tables are in symbols.c.
 */
#define _GNU_SOURCE
#include "identify/modules.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identify/functions.h"

_Static_assert(IDENTIFY_FUNCTION_COUNT <= 64, "struct identify_module has 64 places");

enum { HEADERS_MAX = 512, DYNAMIC_MAX = 4096, SPACES_MAX = 16 };

/* The dynamic linker gets half a second to finish. */
enum { BUSY_ATTEMPTS = 250, DAMAGED_ATTEMPTS = 4, PAUSE_NS = 2000000 };

struct identify_module *identify_modules_add(struct identify_modules *modules, const char *path)
{
    if (modules->count == IDENTIFY_MODULES_MAX) {
        modules->trouble = "more objects are loaded than can be looked at";
        return NULL;
    }
    struct identify_module *items =
        reallocarray(modules->items, modules->count + 1, sizeof *modules->items);
    if (!items)
        return NULL;
    modules->items = items;
    struct identify_module *module = &items[modules->count];
    memset(module, 0, sizeof *module);
    module->path = strdup(path);
    if (!module->path)
        return NULL;
    modules->count++;
    return module;
}

void identify_modules_free(struct identify_modules *modules)
{
    for (size_t i = 0; i < modules->count; i++)
        free(modules->items[i].path);
    free(modules->items);
    *modules = (struct identify_modules){0};
}

/* glibc writes real addresses into the dynamic section in memory, musl and files leave offsets. */
static uint64_t relocated(const struct identify_module *module, uint64_t address)
{
    return address < module->start ? module->base + address : address;
}

static void note_pointer(struct identify_module *module, const Elf64_Dyn *entry)
{
    struct identify_dynamic *dynamic = &module->dynamic;
    uint64_t address = relocated(module, entry->d_un.d_ptr);
    switch (entry->d_tag) {
    case DT_SYMTAB:
        dynamic->symtab = address;
        break;
    case DT_STRTAB:
        dynamic->strtab = address;
        break;
    case DT_GNU_HASH:
        dynamic->gnu_hash = address;
        break;
    case DT_HASH:
        dynamic->hash = address;
        break;
    case DT_VERSYM:
        dynamic->versym = address;
        break;
    case DT_VERDEF:
        dynamic->verdef = address;
        break;
    case DT_JMPREL:
        dynamic->jmprel = address;
        break;
    case DT_RELA:
        dynamic->rela = address;
        break;
    default:
        break;
    }
}

static void note_value(struct identify_dynamic *dynamic, const Elf64_Dyn *entry)
{
    uint64_t value = entry->d_un.d_val;
    switch (entry->d_tag) {
    case DT_STRSZ:
        dynamic->strtab_size = value;
        break;
    case DT_VERDEFNUM:
        dynamic->verdef_count = value;
        break;
    case DT_PLTRELSZ:
        dynamic->jmprel_size = value;
        break;
    case DT_RELASZ:
        dynamic->rela_size = value;
        break;
    case DT_SONAME:
        dynamic->soname = value + 1;
        break;
    case DT_RPATH:
        if (!dynamic->run_path_last)
            dynamic->run_path = value + 1;
        break;
    case DT_RUNPATH:
        dynamic->run_path_last = true;
        dynamic->run_path = value + 1;
        break;
    case DT_DEBUG:
        dynamic->debug = value;
        break;
    case DT_SYMBOLIC:
        dynamic->symbolic = true;
        break;
    case DT_FLAGS:
        dynamic->symbolic |= (value & DF_SYMBOLIC) != 0;
        break;
    case DT_NEEDED:
        if (dynamic->needed_count < IDENTIFY_NEEDED_MAX)
            dynamic->needed[dynamic->needed_count++] = value;
        break;
    default:
        break;
    }
}

static int read_dynamic(struct identify_module *module, uint64_t address, uint64_t size)
{
    size_t count = (size_t)(size / sizeof(Elf64_Dyn));
    if (count > DYNAMIC_MAX)
        count = DYNAMIC_MAX;
    Elf64_Dyn *entries = calloc(count + 1, sizeof *entries);
    if (!entries)
        return SHALE_ENOMEM;
    int status = identify_memory_read(module->memory, address, entries, count * sizeof *entries);
    for (size_t i = 0; status == 0 && i < count && entries[i].d_tag != DT_NULL; i++) {
        note_pointer(module, &entries[i]);
        note_value(&module->dynamic, &entries[i]);
    }
    free(entries);
    if (status == 0 && module->dynamic.soname &&
        identify_module_string(module, module->dynamic.soname - 1, module->soname,
                               sizeof module->soname) == SHALE_EGONE)
        status = SHALE_EGONE;
    return status;
}

static void add_segment(struct identify_module *module, const Elf64_Phdr *header)
{
    uint64_t start = module->base + header->p_vaddr;
    uint64_t size = header->p_memsz;
    if (module->segment_count == IDENTIFY_SEGMENTS_MAX || size == 0 || start + size < start)
        return;
    module->segments[module->segment_count++] =
        (struct identify_segment){.start = start,
                                  .size = size,
                                  .file_size = header->p_filesz < size ? header->p_filesz : size,
                                  .flags = header->p_flags};
    if (module->end == 0 || start < module->start)
        module->start = start;
    if (start + size > module->end)
        module->end = start + size;
}

int identify_module_load(struct identify_module *module, const Elf64_Phdr *headers, size_t count)
{
    const Elf64_Phdr *dynamic = NULL;
    for (size_t i = 0; i < count; i++) {
        if (headers[i].p_type == PT_LOAD)
            add_segment(module, &headers[i]);
        else if (headers[i].p_type == PT_DYNAMIC)
            dynamic = &headers[i];
    }
    if (!dynamic)
        return SHALE_ENOTSUP;
    return read_dynamic(module, module->base + dynamic->p_vaddr, dynamic->p_memsz);
}

/* Where the executable was loaded, told by where its program headers are. */
static uint64_t executable_base(const Elf64_Phdr *headers, size_t count, uint64_t address)
{
    for (size_t i = 0; i < count; i++)
        if (headers[i].p_type == PT_PHDR)
            return address - headers[i].p_vaddr;
    for (size_t i = 0; i < count; i++)
        if (headers[i].p_type == PT_LOAD && headers[i].p_offset == 0)
            return address - sizeof(Elf64_Ehdr) - headers[i].p_vaddr;
    return 0;
}

static int load_from_headers(struct identify_module *module, uint64_t address, uint64_t count)
{
    if (count == 0 || count > HEADERS_MAX)
        return SHALE_EFORMAT;
    Elf64_Phdr *headers = calloc((size_t)count, sizeof *headers);
    if (!headers)
        return SHALE_ENOMEM;
    int status =
        identify_memory_read(module->memory, address, headers, (size_t)count * sizeof *headers);
    if (status == 0 && module->executable)
        module->base = executable_base(headers, (size_t)count, address);
    if (status == 0)
        status = identify_module_load(module, headers, (size_t)count);
    free(headers);
    return status;
}

/* An object other than the executable: its ELF header is where its first segment begins. */
static int load_library(struct identify_module *module)
{
    Elf64_Ehdr header;
    int status = identify_memory_read(module->memory, module->base, &header, sizeof header);
    if (status != 0)
        return status;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof(Elf64_Phdr))
        return SHALE_EFORMAT;
    return load_from_headers(module, module->base + header.e_phoff, header.e_phnum);
}

static bool seen_before(const struct identify_modules *modules, uint64_t base, unsigned space)
{
    for (size_t i = 0; i < modules->count; i++)
        if (modules->items[i].base == base && modules->items[i].space == space &&
            !modules->items[i].executable)
            return true;
    return false;
}

static int add_library(struct identify_modules *modules, const struct identify_memory *memory,
                       const struct link_map *map, unsigned space)
{
    char path[4096] = "";
    if (map->l_name &&
        identify_memory_text(memory, (uintptr_t)map->l_name, path, sizeof path) == SHALE_EGONE)
        return SHALE_EGONE;
    struct identify_module *module = identify_modules_add(modules, path);
    if (!module)
        return SHALE_ENOMEM;
    module->memory = memory;
    module->base = map->l_addr;
    module->space = space;
    int status = load_library(module);
    if (status == 0) {
        identify_module_find_family(module);
        return 0;
    }
    free(module->path);
    modules->count--;
    /* The vdso of some kernels, or a target that lies: go on without it. */
    if (status == SHALE_EGONE || status == SHALE_ENOMEM || status == SHALE_EPERM)
        return status;
    if (!strstr(path, "vdso"))
        modules->trouble = "the headers of a loaded object cannot be read";
    return 0;
}

/* One namespace's list. The count bounds a list that a hostile or broken target made circular. */
static int walk_link_map(struct identify_modules *modules, const struct identify_memory *memory,
                         uint64_t address, unsigned space)
{
    bool first = space == 0 && !modules->by_linker;
    for (int count = 0; address != 0; count++) {
        struct link_map map;
        if (count == IDENTIFY_MODULES_MAX) {
            modules->trouble = "the list of loaded objects does not end";
            return 0;
        }
        int status = identify_memory_read(memory, address, &map, sizeof map);
        if (status != 0)
            return status;
        if (!first && seen_before(modules, map.l_addr, space)) {
            modules->trouble = "the list of loaded objects names one twice";
            return 0;
        }
        if (!first)
            status = add_library(modules, memory, &map, space);
        if (status != 0)
            return status == SHALE_ENOMEM && modules->trouble ? 0 : status;
        first = false;
        address = (uintptr_t)map.l_next;
    }
    return 0;
}

/* glibc 2.35 chains one r_debug per namespace (dlmopen); r_version 2 says that r_next is there. */
struct debug_extended {
    struct r_debug base;
    struct debug_extended *r_next;
};

static int walk_spaces(struct identify_modules *modules, const struct identify_memory *memory,
                       uint64_t address)
{
    for (unsigned space = 0; address != 0 && space < SPACES_MAX; space++) {
        struct debug_extended debug = {0};
        int status = identify_memory_read(memory, address, &debug.base, sizeof debug.base);
        if (status != 0)
            return status;
        if (debug.base.r_version < 1 || !debug.base.r_map)
            return space == 0 ? SHALE_EBUSY : 0;
        if (debug.base.r_state != RT_CONSISTENT)
            return SHALE_EBUSY;
        status = walk_link_map(modules, memory, (uintptr_t)debug.base.r_map, space);
        if (status != 0 || debug.base.r_version < 2)
            return status;
        status = identify_memory_read(memory, address, &debug, sizeof debug);
        if (status != 0)
            return status;
        address = (uintptr_t)debug.r_next;
    }
    return 0;
}

/* `ld.so PROGRAM`: the kernel started the dynamic linker, and the program is the first it lists. */
static int drop_linker(struct identify_modules *modules)
{
    if (modules->count < 2)
        return SHALE_EBUSY;
    free(modules->items[0].path);
    modules->count--;
    memmove(modules->items, modules->items + 1, modules->count * sizeof *modules->items);
    modules->items[0].executable = true;
    return 0;
}

int identify_modules_read_once(const struct identify_memory *memory, uint64_t phdr,
                               uint64_t phdr_count, const char *executable,
                               struct identify_modules *modules)
{
    *modules = (struct identify_modules){0};
    struct identify_module *module = identify_modules_add(modules, executable);
    if (!module)
        return SHALE_ENOMEM;
    module->memory = memory;
    module->executable = true;
    int status = load_from_headers(module, phdr, phdr_count);
    if (status != 0)
        return status;
    identify_module_find_family(module);
    uint64_t debug = module->dynamic.debug;
    if (debug == 0) {
        debug = identify_module_symbol(module, "_r_debug", NULL);
        if (debug == 0)
            return SHALE_EBUSY;
        modules->by_linker = true;
    }
    status = walk_spaces(modules, memory, debug);
    if (status == 0 && modules->by_linker)
        status = drop_linker(modules);
    if (status == 0)
        identify_modules_mark_scope(modules);
    return status;
}

const char *identify_module_name(const struct identify_module *module)
{
    const char *slash = strrchr(module->path, '/');
    return slash ? slash + 1 : module->path;
}

int identify_modules_at(const struct identify_modules *modules, uint64_t address)
{
    for (size_t i = 0; i < modules->count; i++) {
        const struct identify_module *module = &modules->items[i];
        for (size_t j = 0; j < module->segment_count; j++)
            if (address - module->segments[j].start < module->segments[j].size)
                return (int)i;
    }
    return -1;
}

/*
 * A list that another thread changes meanwhile reads as anything. The dynamic linker says that it
 * is at work, but may begin right after it was asked; so what looks damaged is looked at again.
 */
int identify_modules_read(const struct identify_memory *memory, uint64_t phdr, uint64_t phdr_count,
                          const char *executable, struct identify_modules *modules)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int busy = 0, damaged = 0;
    for (;;) {
        int status = identify_modules_read_once(memory, phdr, phdr_count, executable, modules);
        bool again =
            status == SHALE_EBUSY ? ++busy < BUSY_ATTEMPTS
            : status == SHALE_EIO || status == SHALE_EFORMAT || (status == 0 && modules->trouble)
                ? ++damaged < DAMAGED_ATTEMPTS
                : false;
        if (!again)
            return status;
        identify_modules_free(modules);
        nanosleep(&pause, NULL);
    }
}
