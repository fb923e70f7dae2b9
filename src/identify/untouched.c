/* SPDX-License-Identifier: MIT */
/* Reading the untouched pages of a process from the files they are mapped from. Layer 1. */
#define _GNU_SOURCE
#include "identify/untouched.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "identify/procfs.h"

#define PAGE_IS_THERE (UINT64_C(3) << 62) /* present, or swapped out */

struct identify_mapping {
    uint64_t start, end, offset, inode;
    unsigned major, minor;
    const char *path;
    int fd; /* NOT_OPENED, or CANNOT_OPEN */
};

enum { NOT_OPENED = -1, CANNOT_OPEN = -2 };

/* Is the file at this path still the one that is mapped? */
static bool is_mapped_file(const struct identify_mapping *mapping, int fd)
{
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_ino == mapping->inode &&
           major(found.st_dev) == mapping->major && minor(found.st_dev) == mapping->minor;
}

static int file_of(pid_t pid, struct identify_mapping *mapping)
{
    char path[4096 + 64];
    if (mapping->fd != NOT_OPENED)
        return mapping->fd;
    mapping->fd = CANNOT_OPEN;
    int length = snprintf(path, sizeof path, "/proc/%ld/root%s", (long)pid, mapping->path);
    if (length < 0 || (size_t)length >= sizeof path)
        return CANNOT_OPEN;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return CANNOT_OPEN;
    if (is_mapped_file(mapping, fd))
        mapping->fd = fd;
    else
        close(fd);
    return mapping->fd;
}

static struct identify_mapping *mapping_at(const struct identify_untouched *self, uint64_t address)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address >= self->mappings[middle].end)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->count && address >= self->mappings[low].start ? &self->mappings[low] : NULL;
}

static bool is_untouched(const struct identify_untouched *self, uint64_t address, uint64_t page)
{
    uint64_t entry;
    off_t at = (off_t)(address / page * sizeof entry);
    return pread(self->pagemap, &entry, sizeof entry, at) == (ssize_t)sizeof entry &&
           !(entry & PAGE_IS_THERE);
}

/* Reads what lies within one page from its file; false where it has to come from the process. */
static bool read_from_file(const struct identify_untouched *self, uint64_t address, uint64_t page,
                           void *out, size_t size)
{
    struct identify_mapping *mapping = mapping_at(self, address);
    if (!mapping || !is_untouched(self, address, page))
        return false;
    int fd = file_of(self->process.pid, mapping);
    if (fd < 0)
        return false;
    off_t at = (off_t)(mapping->offset + (address - mapping->start));
    return pread(fd, out, size, at) == (ssize_t)size;
}

static int read_untouched(const struct identify_memory *memory, uint64_t address, void *out,
                          size_t size)
{
    const struct identify_untouched *self = memory->context;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    size_t done = 0;
    if (address > INT64_MAX - size)
        return SHALE_EIO;
    while (done < size) {
        uint64_t at = address + done;
        size_t piece = (size_t)(page - at % page);
        if (piece > size - done)
            piece = size - done;
        char *to = (char *)out + done;
        if (!read_from_file(self, at, page, to, piece)) {
            int status = identify_memory_read(&self->process, at, to, piece);
            if (status != 0)
                return status;
        }
        done += piece;
    }
    return 0;
}

/* "start-end perms offset major:minor inode path": a private mapping of a file that has a name. */
static bool parse_mapping(const char *line, struct identify_mapping *mapping)
{
    char permissions[5];
    int path = 0;
    *mapping = (struct identify_mapping){.fd = NOT_OPENED};
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
               &mapping->start, &mapping->end, permissions, &mapping->offset, &mapping->major,
               &mapping->minor, &mapping->inode, &path) != 7 ||
        path == 0)
        return false;
    mapping->path = line + path;
    return permissions[3] == 'p' && mapping->inode != 0 && mapping->path[0] == '/';
}

static int read_mappings(struct identify_untouched *untouched)
{
    size_t size, lines = 0;
    int status;
    char *text = identify_process_file(untouched->process.pid, "maps", &size, &status);
    if (!text)
        return status;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    untouched->text = text;
    untouched->mappings = calloc(lines + 1, sizeof *untouched->mappings);
    if (!untouched->mappings)
        return SHALE_ENOMEM;
    for (char *next, *line = text; (next = strchr(line, '\n')) != NULL; line = next + 1) {
        *next = '\0';
        untouched->count += parse_mapping(line, &untouched->mappings[untouched->count]);
    }
    return 0;
}

int identify_untouched_open(pid_t pid, bool files, struct identify_untouched *untouched)
{
    char path[64];
    *untouched = (struct identify_untouched){.pagemap = -1};
    int status = identify_memory_open(pid, &untouched->process);
    if (status != 0)
        return status;
    snprintf(path, sizeof path, "/proc/%ld/pagemap", (long)pid);
    if (files)
        untouched->pagemap = open(path, O_RDONLY | O_CLOEXEC);
    if (untouched->pagemap >= 0 && read_mappings(untouched) != 0)
        untouched->count = 0;
    untouched->memory = (struct identify_memory){
        .read = read_untouched, .context = untouched, .pid = pid, .fd = -1};
    return 0;
}

bool identify_untouched_moved(const struct identify_untouched *untouched)
{
    struct identify_untouched now = {.pagemap = -1,
                                     .process = {.pid = untouched->process.pid, .fd = -1}};
    if (untouched->count == 0)
        return false;
    bool moved = read_mappings(&now) != 0 || now.count != untouched->count;
    for (size_t i = 0; !moved && i < now.count; i++) {
        const struct identify_mapping *one = &untouched->mappings[i];
        const struct identify_mapping *other = &now.mappings[i];
        moved = one->start != other->start || one->end != other->end ||
                one->offset != other->offset || one->inode != other->inode ||
                one->major != other->major || one->minor != other->minor;
    }
    identify_untouched_close(&now);
    return moved;
}

void identify_untouched_close(struct identify_untouched *untouched)
{
    for (size_t i = 0; i < untouched->count; i++)
        if (untouched->mappings[i].fd >= 0)
            close(untouched->mappings[i].fd);
    free(untouched->mappings);
    free(untouched->text);
    if (untouched->pagemap >= 0)
        close(untouched->pagemap);
    identify_memory_close(&untouched->process);
    untouched->mappings = NULL;
    untouched->text = NULL;
    untouched->pagemap = -1;
    untouched->count = 0;
}
