/* SPDX-License-Identifier: MIT */
/* Code mappings, from /proc/self/maps: see modules.h. */
#define _GNU_SOURCE
#include "profile/modules.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { BUFFER = 8192, PAUSE_MS = 100 };

/* One line of the maps. */
struct mapping {
    uint64_t start, end, offset;
    char access[4]; /* "r-xp" */
    const char *path;
    size_t path_bytes;
};

static const char *read_hex(const char *text, uint64_t *number)
{
    *number = 0;
    for (;; text++) {
        if (*text >= '0' && *text <= '9')
            *number = *number << 4 | (uint64_t)(*text - '0');
        else if (*text >= 'a' && *text <= 'f')
            *number = *number << 4 | (uint64_t)(*text - 'a' + 10);
        else
            return text;
    }
}

/* "start-end access offset device inode   path" */
static bool read_line(const char *line, const char *end, struct mapping *mapping)
{
    const char *text = read_hex(line, &mapping->start);
    if (*text != '-')
        return false;
    text = read_hex(text + 1, &mapping->end);
    if (end - text < 6)
        return false;
    memcpy(mapping->access, text + 1, sizeof(mapping->access));
    text = read_hex(text + 6, &mapping->offset);
    for (unsigned fields = 0; fields < 2; fields++) {
        text = memchr(text + 1, ' ', (size_t)(end - text - 1));
        if (text == NULL)
            return false;
    }
    while (text < end && *text == ' ')
        text++;
    mapping->path = text;
    mapping->path_bytes = (size_t)(end - text);
    return true;
}

/* The note with the build id, in the mapping of an ELF file's start. */
static void copy_build_id(const struct mapping *mapping, struct profile_file_module *module)
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

static uint64_t name_of(const struct mapping *mapping)
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
static void note_code(struct profile_modules *modules, const struct mapping *code,
                      const struct mapping *head)
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
    struct mapping head;
    uint64_t head_name;
};

static void look_at(struct scan *scan, const char *line, const char *end)
{
    struct mapping mapping;
    if (!read_line(line, end, &mapping) || mapping.path_bytes == 0)
        return;
    struct mapping whole = mapping;
    whole.offset = 0;
    uint64_t name = name_of(&whole);
    if (mapping.offset == 0 && mapping.access[0] == 'r' && mapping.path[0] == '/') {
        scan->head = mapping;
        scan->head_name = name;
    }
    if (scan->head_name != name)
        scan->head = (struct mapping){.start = 0};
    if (mapping.access[2] == 'x')
        note_code(scan->modules, &mapping, &scan->head);
}

/* Whole lines of the buffer; the rest moves to its front. Returns how much that is. */
static size_t look_at_lines(struct scan *scan, char *buffer, size_t filled)
{
    char *line = buffer, *end;
    while ((end = memchr(line, '\n', filled - (size_t)(line - buffer))) != NULL) {
        *end = '\0';
        look_at(scan, line, end);
        line = end + 1;
    }
    size_t rest = filled - (size_t)(line - buffer);
    memmove(buffer, line, rest);
    return rest < BUFFER / 2 ? rest : 0; /* a path longer than that is no file's */
}

static void scan_maps(struct profile_modules *modules)
{
    char buffer[BUFFER];
    struct scan scan = {.modules = modules};
    size_t filled = 0;
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    for (;;) {
        ssize_t got = read(file, buffer + filled, sizeof(buffer) - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        filled = look_at_lines(&scan, buffer, filled + (size_t)got);
    }
    close(file);
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
