/* SPDX-License-Identifier: MIT */
/* Reading the memory of a process. Layer 1; part of the self-check. */
#define _GNU_SOURCE
#include "identify/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Steps that never leave a page: what follows it may be unmapped. */
enum { PAGE = 4096, SCAN_PIECE = 1 << 20 };

static int error_of_errno(void)
{
    switch (errno) {
    case EPERM:
    case EACCES:
        return SHALE_EPERM;
    case ESRCH:
        return SHALE_EGONE;
    case ENOENT:
        return SHALE_ENOENT;
    case ENOMEM:
        return SHALE_ENOMEM;
    default:
        return SHALE_EIO;
    }
}

static ssize_t read_some(const struct identify_memory *self, uint64_t address, void *out,
                         size_t size)
{
    if (self->fd >= 0)
        return pread(self->fd, out, size, (off_t)address);
    struct iovec local = {out, size};
    struct iovec remote = {(void *)(uintptr_t)address, size}; // NOLINT(performance-no-int-to-ptr)
    return process_vm_readv(self->pid, &local, 1, &remote, 1, 0);
}

/* A process that ended leaves an open /proc/PID/mem that reads as empty. */
static int read_process(const struct identify_memory *self, uint64_t address, void *out,
                        size_t size)
{
    size_t done = 0;
    if (address > INT64_MAX - size)
        return SHALE_EIO;
    while (done < size) {
        ssize_t count = read_some(self, address + done, (char *)out + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno == EFAULT ? SHALE_EIO : error_of_errno();
        if (count == 0)
            return SHALE_EGONE;
        done += (size_t)count;
    }
    return 0;
}

int identify_memory_open(pid_t pid, struct identify_memory *memory)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/mem", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    /* The own memory can be read without /proc. */
    if (fd < 0 && pid != getpid())
        return error_of_errno();
    *memory = (struct identify_memory){.read = read_process, .pid = pid, .fd = fd};
    return 0;
}

void identify_memory_close(struct identify_memory *memory)
{
    if (memory->fd >= 0)
        close(memory->fd);
    memory->fd = -1;
}

int identify_memory_read(const struct identify_memory *memory, uint64_t address, void *out,
                         size_t size)
{
    return memory->read(memory, address, out, size);
}

int identify_memory_text(const struct identify_memory *memory, uint64_t address, char *out,
                         size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    while (used + 1 < size) {
        size_t piece = PAGE - (address + used) % PAGE;
        if (piece > size - 1 - used)
            piece = size - 1 - used;
        if (piece > 128)
            piece = 128;
        int status = identify_memory_read(memory, address + used, out + used, piece);
        /* A file's segment may end within the piece, right behind the text. */
        while (status == SHALE_EIO && piece > 1) {
            piece /= 2;
            status = identify_memory_read(memory, address + used, out + used, piece);
        }
        if (status != 0) {
            out[used] = '\0';
            return status;
        }
        if (memchr(out + used, '\0', piece))
            return 0;
        used += piece;
    }
    out[size - 1] = '\0';
    return SHALE_ERANGE;
}

bool identify_memory_scan(const struct identify_memory *memory, uint64_t start, uint64_t end,
                          size_t overlap,
                          bool (*found)(const char *bytes, size_t size, void *context),
                          void *context)
{
    char *piece = malloc(SCAN_PIECE);
    bool hit = false;
    for (uint64_t at = start; piece && !hit && at < end; at += SCAN_PIECE - overlap) {
        size_t size = end - at < SCAN_PIECE ? (size_t)(end - at) : SCAN_PIECE;
        if (identify_memory_read(memory, at, piece, size) == 0)
            hit = found(piece, size, context);
        if (size < SCAN_PIECE)
            break;
    }
    free(piece);
    return hit;
}
