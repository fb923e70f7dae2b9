/* SPDX-License-Identifier: MIT */
/* The file into memory, and is it one: the first step of the reader. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <shale/error.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "profile/checksum.h"
#include "profile/read.h"

static int error_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return SHALE_ENOENT;
    case EACCES:
    case EPERM:
        return SHALE_EPERM;
    case ENOMEM:
        return SHALE_ENOMEM;
    default:
        return SHALE_EIO;
    }
}

static int read_all(struct profile_reading *reading, int file, char *bytes)
{
    size_t done = 0;
    while (done < reading->size) {
        ssize_t got = pread(file, bytes + done, reading->size - done, (off_t)done);
        if (got < 0 && errno != EINTR)
            return profile_read_fail(reading, SHALE_EIO, "%s", strerror(errno));
        if (got == 0)
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    reading->size = done;
    return 0;
}

static int copy_file(struct profile_reading *reading, int file)
{
    struct stat stat;
    void *bytes;
    if (fstat(file, &stat) != 0)
        return profile_read_fail(reading, SHALE_EIO, "%s", strerror(errno));
    if (!S_ISREG(stat.st_mode))
        return profile_read_fail(reading, SHALE_EFORMAT, "it is no regular file");
    reading->size = (size_t)stat.st_size;
    if (reading->size < sizeof(struct profile_file_header))
        return profile_read_fail(reading, SHALE_EFORMAT,
                                 "it is no profile, or was cut off: %zu bytes", reading->size);
    size_t mapped = SHALE_ALIGN_UP(reading->size, shale_os_page_size());
    if (shale_os_map(mapped, 0, &bytes) != 0)
        return profile_read_fail(reading, SHALE_ENOMEM, "no memory for its %zu bytes",
                                 reading->size);
    reading->bytes = bytes;
    reading->mapped_bytes = mapped;
    return read_all(reading, file, bytes);
}

static int check_about(struct profile_reading *reading)
{
    const struct profile_file_about *about = reading->about;
    if (memcmp(about->magic, PROFILE_FILE_MAGIC, sizeof(about->magic)) != 0)
        return profile_read_fail(reading, SHALE_EFORMAT, "it is no profile of shale");
    if (about->order != PROFILE_FILE_ORDER)
        return profile_read_fail(reading, SHALE_ENOTSUP, "it is from a machine of another kind");
    if (about->version != PROFILE_FILE_VERSION || about->about_bytes != sizeof(*about) ||
        about->live_bytes != sizeof(*reading->live) ||
        about->thread_bytes != sizeof(struct profile_file_thread))
        return profile_read_fail(reading, SHALE_ENOTSUP, "it is of another version of shale");
    if (about->checksum !=
        profile_checksum(about, offsetof(struct profile_file_about, checksum), SIZE_MAX))
        return profile_read_fail(reading, SHALE_EFORMAT, "its first part is damaged");
    if (about->mode > PROFILE_FULL || about->page_bytes == 0)
        return profile_read_fail(reading, SHALE_EFORMAT, "its first part makes no sense");
    return 0;
}

static int check_seal(struct profile_reading *reading)
{
    uint64_t seal = shale_atomic_load_relaxed(&reading->live->seal);
    uint64_t used = shale_atomic_load_relaxed(&reading->live->used);
    if (used < sizeof(struct profile_file_header) || used > reading->size)
        return profile_read_fail(reading, SHALE_EFORMAT,
                                 "it was cut off: %zu bytes are left of %llu", reading->size,
                                 (unsigned long long)used);
    reading->size = used;
    if (seal == 0)
        return 0;
    if (seal !=
        profile_checksum(reading->bytes, used, offsetof(struct profile_file_header, live.seal)))
        return profile_read_fail(reading, SHALE_EFORMAT, "it is damaged: its checksum is wrong");
    reading->report->provenance.sealed = true;
    return 0;
}

/* A process of that number that still has the file mapped would be it; the number alone will do. */
static enum profile_end find_end(const struct profile_reading *reading)
{
    uint32_t end = shale_atomic_load_relaxed(&reading->live->end);
    if (end != PROFILE_RUNNING)
        return end <= PROFILE_FAILED ? (enum profile_end)end : PROFILE_FAILED;
    bool there = kill((pid_t)reading->about->pid, 0) == 0 || errno == EPERM;
    return there ? PROFILE_RUNNING : PROFILE_KILLED;
}

/* Texts of the file end with a NUL, or are cut to do so. */
static const char *copy_text(struct profile_reading *reading, const char *text, size_t size)
{
    char copy[sizeof(reading->about->program)];
    size_t length = strnlen(text, size);
    if (length == sizeof(copy))
        length--;
    memcpy(copy, text, length);
    copy[length] = '\0';
    const char *kept = profile_report_text(reading->report, copy);
    return kept != NULL ? kept : "";
}

static void fill_provenance(struct profile_reading *reading, const char *path)
{
    const struct profile_file_about *about = reading->about;
    struct profile_provenance *to = &reading->report->provenance;
#define COPY(field) to->field = copy_text(reading, about->field, sizeof(about->field))
    COPY(program);
    COPY(command);
    COPY(allocator);
    COPY(recorder);
    COPY(host);
    COPY(system);
#undef COPY
    to->file = copy_text(reading, path, strlen(path));
    to->pid = about->pid;
    to->parent_pid = about->parent_pid;
    to->processors = about->processors;
    to->mode = (enum profile_mode)about->mode;
    to->end = find_end(reading);
    if (to->end == PROFILE_FAILED || to->end == PROFILE_DISK_FULL) {
        const char *reason = strerrordesc_np((int)reading->live->end_errno);
        to->end_reason = reason != NULL ? reason : "unknown";
    }
    to->started_wall_ns = about->started_wall_ns;
    to->sample_bytes = about->sample_bytes;
    to->sample_count = about->sample_count;
    to->latency_every = about->latency_every;
}

/* Two readings of both clocks, far enough apart; else this machine's own rate has to do. */
static double find_rate(const struct profile_reading *reading)
{
    uint64_t ticks = shale_atomic_load_relaxed(&reading->live->ended_ticks);
    uint64_t ns = shale_atomic_load_relaxed(&reading->live->ended_ns);
    const struct profile_file_about *about = reading->about;
    if (ticks > about->started_ticks && ns > about->started_ns + 1000000)
        return (double)(ns - about->started_ns) / (double)(ticks - about->started_ticks);
    shale_clock_start();
    return (double)shale_clock_ticks_to_ns(1000000000) / 1e9;
}

int profile_read_load(struct profile_reading *reading, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return profile_read_fail(reading, error_of(errno), "%s", strerror(errno));
    int result = copy_file(reading, file);
    close(file);
    if (result != 0)
        return result;
    const struct profile_file_header *header = (const void *)reading->bytes;
    reading->about = &header->about;
    reading->live = &header->live;
    if (reading->size < sizeof(*header))
        return profile_read_fail(reading, SHALE_EFORMAT, "it was cut off");
    result = check_about(reading);
    if (result == 0)
        result = check_seal(reading);
    if (result != 0)
        return result;
    fill_provenance(reading, path);
    reading->ns_per_tick = find_rate(reading);
    return 0;
}
