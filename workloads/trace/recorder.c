/* SPDX-License-Identifier: MIT */
/* The trace of this process: one lock, one file, frames of zstd. */
#define _GNU_SOURCE
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_initStaticCCtx */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { COMPRESSED_MAX = ZSTD_COMPRESSBOUND(TRACE_TAIL_BYTES), LEVEL = 1, FILES = 100 };

enum phase { UNKNOWN, OPEN, OFF }; /* UNKNOWN is 0: what a wiped page says */

/* In a page that a child gets as zeros. */
struct process {
    atomic_int lock;
    enum phase phase;
};

static struct process *process;
static struct trace_header *header; /* mapped, with the tail behind its page */
static struct trace_event *tail;
static ZSTD_CCtx *compressor;
static char base[4000]; /* the path asked for; of this process's file in `path` */
static char path[sizeof base + 32];
static struct stat identity; /* of that file: a path may come to lead elsewhere */
static unsigned char frame[sizeof(struct trace_frame) + COMPRESSED_MAX];

/* The thread is in here: what it allocates is the recorder's. initial-exec: no malloc by TLS. */
static __thread int inside __attribute__((tls_model("initial-exec")));
static __thread uint32_t thread_id __attribute__((tls_model("initial-exec"))); /* from 1 */
static __thread const struct trace_header *thread_of __attribute__((tls_model("initial-exec")));

static void lock(void)
{
    while (atomic_exchange_explicit(&process->lock, 1, memory_order_acquire) != 0)
        sched_yield();
}

static void unlock(void)
{
    atomic_store_explicit(&process->lock, 0, memory_order_release);
}

/* ------------------------------------------------------------------------------- the file */

static void say(const char *what, int error)
{
    char line[256];
    int length = snprintf(line, sizeof line, "shale-trace: %s '%.150s': %s; nothing is recorded\n",
                          what, base, strerror(error));
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0)
        return;
}

static void read_command_line(char *text, size_t size)
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i + 1 < length; i++)
        if (text[i] < ' ')
            text[i] = ' ';
    text[length > 0 ? length : 0] = '\0';
}

/* Is it what this process recorded before it executed another program? */
static bool is_own(const char *name)
{
    struct trace_header old;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool own = fd >= 0 && read(fd, &old, sizeof old) == sizeof old &&
               memcmp(old.magic, TRACE_MAGIC, sizeof old.magic) == 0 &&
               old.pid == (uint32_t)getpid();
    if (fd >= 0)
        close(fd);
    return own;
}

/*
 * A file that was not there before: PATH, or where that is another process's, PATH.PID. What the
 * same process recorded before an exec moves aside, to PATH.PID.1 and so on. Nothing is
 * overwritten.
 */
static int create(void)
{
    char aside[sizeof path];
    snprintf(path, sizeof path, "%s", base);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 1; is_own(path) && i < FILES; i++) {
            snprintf(aside, sizeof aside, "%s.%ld.%d", base, (long)getpid(), i);
            renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE);
        }
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
        snprintf(path, sizeof path, "%s.%ld", base, (long)getpid());
    }
    return -1;
}

/* Without SHALE_TRACE_PID all processes are recorded, else that one. */
static bool is_wanted(void)
{
    const char *only = getenv("SHALE_TRACE_PID");
    return !only || !*only || strtol(only, NULL, 10) == (long)getpid();
}

/* Space is reserved first: a store to a mapped page that the disk has no room for is fatal. */
static bool map(int fd)
{
    int error = posix_fallocate(fd, 0, TRACE_FRAMES_OFFSET);
    if (error != 0 || fstat(fd, &identity) != 0) {
        errno = error ? error : errno;
        return false;
    }
    void *memory = mmap(NULL, TRACE_FRAMES_OFFSET, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return false;
    if (header) /* the parent's */
        munmap(header, TRACE_FRAMES_OFFSET);
    header = memory;
    tail = (struct trace_event *)((char *)memory + TRACE_PAGE);
    return true;
}

static bool begin(void)
{
    int fd = create();
    bool good = fd >= 0 && map(fd);
    if (!good)
        say("cannot write", errno);
    if (fd >= 0)
        close(fd);
    if (!good)
        return false;
    header->event_bytes = sizeof(struct trace_event);
    header->tail_events = TRACE_TAIL;
    header->pid = (uint32_t)getpid();
    read_command_line(header->program, sizeof header->program);
    memcpy(header->magic, TRACE_MAGIC, sizeof header->magic);
    return true;
}

/* Opened for each frame: a program may close every descriptor, and give the number away. */
static int append(const void *bytes, size_t size)
{
    struct stat now;
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno;
    int error = fstat(fd, &now) != 0 ? errno : 0;
    if (!error && (now.st_ino != identity.st_ino || now.st_dev != identity.st_dev))
        error = ESTALE;
    ssize_t written = error ? 0 : write(fd, bytes, size);
    if (!error && written != (ssize_t)size) {
        error = written < 0 ? errno : ENOSPC;
        if (written > 0 && ftruncate(fd, now.st_size) != 0)
            error = EIO;
    }
    close(fd);
    return error;
}

static void stop(int error)
{
    header->error = (uint32_t)error;
    header->state = TRACE_STOPPED;
    process->phase = OFF;
}

/* Makes a frame of the tail. */
static void commit(void)
{
    uint32_t count = (uint32_t)(header->total - header->committed);
    if (count == 0)
        return;
    size_t bytes = ZSTD_compress2(compressor, frame + sizeof(struct trace_frame), COMPRESSED_MAX,
                                  tail, count * sizeof *tail);
    if (ZSTD_isError(bytes)) {
        stop(EIO);
        return;
    }
    struct trace_frame head = {TRACE_FRAME_MAGIC, (uint32_t)bytes, count, 0};
    memcpy(frame, &head, sizeof head);
    int error = append(frame, sizeof head + bytes);
    if (error)
        stop(error);
    else
        header->committed = header->total;
}

/* ---------------------------------------------------------------------------- the process */

/* In memory of its own: it never calls malloc. */
static bool prepare_compressor(void)
{
    size_t size = ZSTD_estimateCCtxSize(LEVEL);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    compressor = memory == MAP_FAILED ? NULL : ZSTD_initStaticCCtx(memory, size);
    return compressor &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1));
}

/* Nobody else runs in here yet: the first allocation comes before the second thread. */
static bool start_process(void)
{
    const char *asked = getenv("SHALE_TRACE");
    size_t length = asked ? strlen(asked) : 0;
    if (length == 0 || length >= sizeof base)
        return false;
    memcpy(base, asked, length + 1);
    process = mmap(NULL, TRACE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (process == MAP_FAILED || madvise(process, TRACE_PAGE, MADV_WIPEONFORK) != 0) {
        say("cannot record into", errno);
        process = NULL;
        return false;
    }
    return prepare_compressor();
}

static bool started(void)
{
    static enum phase start; /* written by the first thread, before there is a second */
    if (start == UNKNOWN)
        start = start_process() ? OPEN : OFF;
    return start == OPEN;
}

/* Of the process, or of a child that does not know yet that it is one. Under the lock. */
static bool is_open(void)
{
    if (process->phase == UNKNOWN)
        process->phase = is_wanted() && begin() ? OPEN : OFF;
    return process->phase == OPEN;
}

static void name_thread(void)
{
    if (thread_of == header && thread_id != 0)
        return;
    thread_of = header;
    thread_id = ++header->threads;
}

static void put(enum trace_operation operation, const void *address, size_t size, size_t alignment)
{
    name_thread();
    if (header->total - header->committed == TRACE_TAIL)
        commit();
    if (process->phase != OPEN)
        return;
    tail[header->total - header->committed] = (struct trace_event){
        .address = (uint64_t)(uintptr_t)address,
        .size = size,
        .thread = thread_id - 1,
        .operation = (uint8_t)operation,
        .alignment = (uint8_t)(alignment ? __builtin_ctzl(alignment) : 0),
    };
    /* The event is whole before it counts: for whoever reads after a SIGKILL. */
    atomic_signal_fence(memory_order_release);
    header->total++;
}

void recorder_note(enum trace_operation operation, const void *address, size_t size,
                   size_t alignment)
{
    int kept = errno;
    if (inside) {
        if (process && process->phase == OPEN)
            header->missed++;
        return;
    }
    inside = 1;
    if (started()) {
        lock();
        if (is_open())
            put(operation, address, size, alignment);
        unlock();
    }
    inside = 0;
    errno = kept;
}

__attribute__((destructor)) static void finish(void)
{
    inside = 1;
    if (process && process->phase == OPEN) {
        lock();
        commit();
        if (header->state == TRACE_RECORDING)
            header->state = TRACE_ENDED;
        unlock();
    }
    inside = 0;
}
