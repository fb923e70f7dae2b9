/* SPDX-License-Identifier: MIT */
/* Reads the file of a trace. */
#define _GNU_SOURCE
#include "read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

bool table_resize(struct table *table, size_t bytes)
{
    if (bytes == table->bytes)
        return true;
    void *memory = table->memory ? mremap(table->memory, table->bytes, bytes, MREMAP_MAYMOVE)
                                 : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    *table = (struct table){memory, bytes};
    return true;
}

void table_free(struct table *table)
{
    if (table->memory)
        munmap(table->memory, table->bytes);
    *table = (struct table){NULL, 0};
}

struct reader {
    const unsigned char *file;
    size_t size;
    struct trace *trace;
    ZSTD_DCtx *decompressor;
    char *reason;
    size_t reason_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct reader *reader,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->reason, reader->reason_size, format, arguments);
    va_end(arguments);
    return false;
}

static bool good_event(const struct trace_event *event)
{
    return event->operation >= TRACE_MALLOC && event->operation <= TRACE_REALLOCED &&
           event->size <= TRACE_SIZE_MAX && event->thread < TRACE_THREADS_MAX &&
           event->alignment <= TRACE_ALIGNMENT_MAX &&
           (event->address != 0 || event->operation == TRACE_REALLOCED);
}

/* Room for so many more events; they are put behind those that are there. */
static struct trace_event *make_room(struct reader *reader, size_t count)
{
    struct trace *trace = reader->trace;
    size_t needed = (trace->count + count) * sizeof(struct trace_event);
    size_t bytes = trace->events.bytes ? trace->events.bytes : (size_t)1 << 20;
    while (bytes < needed)
        bytes *= 2;
    if (!table_resize(&trace->events, bytes)) {
        refuse(reader, "%s", strerror(errno));
        return NULL;
    }
    return (struct trace_event *)trace->events.memory + trace->count;
}

static bool take(struct reader *reader, const struct trace_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!good_event(&events[i]))
            return refuse(reader, "event %zu is none that was recorded", reader->trace->count + i);
    reader->trace->count += count;
    return true;
}

/* The frame at an offset: bytes to go on by; 0: it is cut off there; -1: damaged. */
static ssize_t take_frame(struct reader *reader, size_t offset)
{
    struct trace_frame head;
    if (reader->size - offset < sizeof head)
        return 0;
    memcpy(&head, reader->file + offset, sizeof head);
    if (head.magic != TRACE_FRAME_MAGIC || head.events == 0 || head.events > TRACE_TAIL) {
        refuse(reader, "there is no frame at byte %zu", offset);
        return -1;
    }
    if (head.bytes > reader->size - offset - sizeof head)
        return 0;
    struct trace_event *events = make_room(reader, head.events);
    if (!events)
        return -1;
    size_t bytes = ZSTD_decompressDCtx(reader->decompressor, events, head.events * sizeof *events,
                                       reader->file + offset + sizeof head, head.bytes);
    if (ZSTD_isError(bytes) || bytes != head.events * sizeof *events) {
        refuse(reader, "the frame at byte %zu is damaged", offset);
        return -1;
    }
    return take(reader, events, head.events) ? (ssize_t)(sizeof head + head.bytes) : -1;
}

/* What the tail has beyond the frames. */
static bool take_tail(struct reader *reader)
{
    const struct trace_header *header = &reader->trace->header;
    size_t have = reader->trace->count;
    if (header->total < header->committed || header->total - header->committed > TRACE_TAIL)
        return refuse(reader, "its counts contradict each other");
    if (have < header->committed) {
        snprintf(reader->trace->note, sizeof reader->trace->note,
                 "it is cut off: %llu events were recorded, and %zu are there",
                 (unsigned long long)header->total, have);
        return true;
    }
    if (have >= header->total)
        return true;
    size_t count = header->total - have;
    struct trace_event *events = make_room(reader, count);
    if (!events)
        return false;
    memcpy(events,
           reader->file + TRACE_PAGE + (have - header->committed) * sizeof(struct trace_event),
           count * sizeof *events);
    return take(reader, events, count);
}

static bool take_all(struct reader *reader)
{
    struct trace_header *header = &reader->trace->header;
    if (reader->size < TRACE_FRAMES_OFFSET)
        return refuse(reader, "it is no trace: too short");
    memcpy(header, reader->file, sizeof *header);
    header->program[sizeof header->program - 1] = '\0';
    for (char *at = header->program; *at; at++) /* it goes to terminals */
        if (*at < ' ' || *at > '~')
            *at = '?';
    if (memcmp(header->magic, TRACE_MAGIC, sizeof header->magic) != 0)
        return refuse(reader, "it is no trace");
    if (header->event_bytes != sizeof(struct trace_event) || header->tail_events != TRACE_TAIL)
        return refuse(reader, "it is a trace of another version");
    size_t offset = TRACE_FRAMES_OFFSET;
    for (ssize_t step = 1; offset < reader->size && step > 0; offset += (size_t)step) {
        step = take_frame(reader, offset);
        if (step < 0)
            return false;
    }
    return take_tail(reader);
}

static bool map_file(const char *path, struct reader *reader)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refuse(reader, "%s", strerror(errno));
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0)
        reader->file = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (!reader->file || reader->file == MAP_FAILED)
        return refuse(reader, "it is no trace: no file with anything in it");
    reader->size = (size_t)about.st_size;
    return true;
}

bool trace_read(const char *path, struct trace *trace, char *reason, size_t reason_size)
{
    struct reader reader = {.trace = trace, .reason = reason, .reason_size = reason_size};
    *trace = (struct trace){.count = 0};
    if (!map_file(path, &reader))
        return false;
    reader.decompressor = ZSTD_createDCtx();
    bool good = reader.decompressor ? take_all(&reader) : refuse(&reader, "out of memory");
    ZSTD_freeDCtx(reader.decompressor);
    munmap((void *)reader.file, reader.size);
    if (!good)
        trace_free(trace);
    return good;
}

void trace_free(struct trace *trace)
{
    table_free(&trace->events);
    trace->count = 0;
}
