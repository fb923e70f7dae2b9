/* SPDX-License-Identifier: MIT */
/* Code mappings, from /proc/self/maps: see modules.h. */
#define _GNU_SOURCE
#include "profile/modules.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "base/clock.h"
#include "profile/lines.h"

enum { PAUSE_MS = 100 };

/* The note with the build id, in the mapping of an ELF file's start. */
static void copy_build_id(const struct profile_mapping *mapping, struct profile_file_module *module)
{
    const ElfW(Ehdr) *header = (const void *)(uintptr_t)mapping->start; /* NOLINT */
    size_t size = mapping->end - mapping->start;
    if (size < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) ||
        header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) > size)
        return;
    const ElfW(Phdr) *parts = (const void *)((const char *)header + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (parts[i].p_type != PT_NOTE || parts[i].p_offset + parts[i].p_filesz > size)
            continue;
        const char *notes = (const char *)header + parts[i].p_offset;
        for (size_t at = 0; at + sizeof(ElfW(Nhdr)) + 4 <= parts[i].p_filesz;) {
            const ElfW(Nhdr) *note = (const void *)(notes + at);
            size_t text = at + sizeof(*note) + SHALE_ALIGN_UP((size_t)note->n_namesz, (size_t)4);
            at = text + SHALE_ALIGN_UP((size_t)note->n_descsz, (size_t)4);
            if (note->n_type != NT_GNU_BUILD_ID || note->n_namesz != 4 ||
                note->n_descsz > PROFILE_FILE_BUILD_ID || at > parts[i].p_filesz)
                continue;
            memcpy(module->build_id, notes + text, note->n_descsz);
            module->build_id_bytes = note->n_descsz;
            return;
        }
    }
}

static uint64_t name_of(const struct profile_mapping *mapping)
{
    uint64_t hash = mapping->offset + 1;
    for (size_t i = 0; i < mapping->path_bytes; i++)
        hash = (hash ^ (unsigned char)mapping->path[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static bool is_known(const struct profile_modules *modules, const struct profile_range *range)
{
    for (uint32_t i = 0; i < modules->count; i++)
        if (memcmp(&modules->ranges[i], range, sizeof(*range)) == 0)
            return true;
    return false;
}

/*
 * Code is written down by its own mapping. Its build id is in the mapping of the file's start,
 * which comes just before it, or is it.
 */
static void note_code(struct profile_modules *modules, const struct profile_mapping *code,
                      const struct profile_mapping *head)
{
    const struct profile_range range = {code->start, code->end, name_of(code)};
    if (modules->count == PROFILE_MODULES_MAX || is_known(modules, &range))
        return;
    struct profile_file_module *module =
        profile_image_take(modules->image, sizeof(*module) + code->path_bytes);
    if (module == NULL)
        return;
    struct profile_file_live *live = &modules->image->header->live;
    module->before_at = shale_atomic_load_relaxed(&live->modules_at);
    module->start = code->start;
    module->end = code->end;
    module->offset = code->offset;
    module->path_bytes = (uint32_t)code->path_bytes;
    memcpy(module->path, code->path, code->path_bytes);
    if (head->start != 0)
        copy_build_id(head, module);
    modules->ranges[modules->count++] = range;
    shale_atomic_store_relaxed(&live->modules_at, profile_image_offset(modules->image, module));
}

/* The file's start, if this mapping is one that can be read. */
struct scan {
    struct profile_modules *modules;
    struct profile_mapping head;
    uint64_t head_name;
};

static void look_at(const char *line, const char *end, void *context)
{
    struct scan *scan = context;
    struct profile_mapping mapping;
    if (!profile_lines_mapping(line, end, &mapping) || mapping.path_bytes == 0)
        return;
    struct profile_mapping whole = mapping;
    whole.offset = 0;
    uint64_t name = name_of(&whole);
    if (mapping.offset == 0 && mapping.access[0] == 'r' && mapping.path[0] == '/') {
        scan->head = mapping;
        scan->head_name = name;
    }
    if (scan->head_name != name)
        scan->head = (struct profile_mapping){.start = 0};
    if (mapping.access[2] == 'x')
        note_code(scan->modules, &mapping, &scan->head);
}

static void scan_maps(struct profile_modules *modules)
{
    struct scan scan = {.modules = modules};
    profile_lines_each("/proc/self/maps", look_at, &scan);
}

void profile_modules_start(struct profile_modules *modules, struct profile_image *image)
{
    modules->image = image;
    modules->lock = (struct shale_lock)SHALE_LOCK_INIT(SHALE_RANK_PROFILE_MODULES);
    modules->count = 0;
    modules->scanned_ns = 0;
    int saved_errno = errno;
    scan_maps(modules);
    errno = saved_errno;
}

static bool is_covered(const struct profile_modules *modules, uint64_t address)
{
    for (uint32_t i = 0; i < modules->count; i++)
        if (address >= modules->ranges[i].start && address < modules->ranges[i].end)
            return true;
    return false;
}

static bool are_covered(const struct profile_modules *modules, const struct profile_stack *stack)
{
    for (uint32_t i = 0; i < stack->depth; i++)
        if (!is_covered(modules, stack->frames[i]))
            return false;
    return true;
}

void profile_modules_cover(struct profile_modules *modules, const struct profile_stack *stack)
{
    int saved_errno = errno;
    shale_lock_acquire(&modules->lock);
    uint64_t now = shale_clock_monotonic_ns();
    if (!are_covered(modules, stack) && now - modules->scanned_ns > (uint64_t)PAUSE_MS * 1000000) {
        scan_maps(modules);
        modules->scanned_ns = now;
    }
    shale_lock_release(&modules->lock);
    errno = saved_errno;
}
