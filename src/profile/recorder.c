/* SPDX-License-Identifier: MIT */
/* The recorder's life: start and stop, threads, forks. See recorder.h. */
#define _GNU_SOURCE
#include "profile/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <shale/error.h>
#include <shale/version.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/system.h"
#include "base/thread.h"
#include "profile/checksum.h"

enum {
    FIRST_BUCKETS = 64,     /* of the table of live blocks: 12 KiB */
    RECORDS_KEPT = 64,      /* ended threads' records are used again when there are so many */
    OUTSIDE_WAIT_MS = 3000, /* for a thread that the kernel lets wait */
};

/* Its lock is one lock for ever: a thread may wait for it while the recorder starts anew. */
struct profile_recorder profile_recorder = {
    .lock = SHALE_LOCK_INIT(SHALE_RANK_PROFILE_THREADS),
};
SHALE_THREAD_LOCAL struct profile_local profile_own;

static struct shale_thread_key exit_key;
static bool exit_key_made;

/* ---- threads ----------------------------------------------------------------------------------
 */

static void list_remove(struct profile_local *local)
{
    for (struct profile_local **at = &profile_recorder.locals; *at != NULL; at = &(*at)->next)
        if (*at == local) {
            *at = local->next;
            return;
        }
}

/* A thread ends. It may still free: it goes on with its record until it is gone. */
static void thread_ended(void *value)
{
    struct profile_local *local = value;
    shale_lock_acquire(&profile_recorder.lock);
    list_remove(local);
    if (local->generation != 0 && local->record != NULL &&
        local->generation == shale_atomic_load_relaxed(&profile_recorder.generation))
        shale_atomic_store_relaxed(&local->record->ended, 1);
    shale_lock_release(&profile_recorder.lock);
}

static struct profile_file_thread *record_at(uint32_t index)
{
    const struct profile_file_live *live = &profile_recorder.image.header->live;
    return profile_image_at(&profile_recorder.image,
                            shale_atomic_load_relaxed(&live->thread_at[index]));
}

/* The record of a thread that ended, when there are many; else PROFILE_FILE_THREADS. */
static uint32_t find_ended(uint32_t count)
{
    if (count < RECORDS_KEPT)
        return PROFILE_FILE_THREADS;
    for (uint32_t i = 0; i < count; i++)
        if (shale_atomic_load_relaxed(&record_at(i)->ended) != 0)
            return i;
    return PROFILE_FILE_THREADS;
}

static bool take_record(struct profile_local *local)
{
    struct profile_file_live *live = &profile_recorder.image.header->live;
    uint32_t count = shale_atomic_load_relaxed(&live->thread_count);
    local->index = find_ended(count);
    if (local->index < PROFILE_FILE_THREADS) {
        local->record = record_at(local->index);
        return true;
    }
    if (count == PROFILE_FILE_THREADS) { /* more at once than there are records: share one */
        local->index = (uint32_t)profile_recorder.last_thread % PROFILE_FILE_THREADS;
        local->record = record_at(local->index);
        return true;
    }
    local->index = count;
    local->record = profile_image_take(&profile_recorder.image, sizeof(*local->record));
    if (local->record == NULL)
        return false;
    shale_atomic_store_relaxed(&live->thread_at[count],
                               profile_image_offset(&profile_recorder.image, local->record));
    shale_atomic_store_relaxed(&live->thread_count, count + 1);
    return true;
}

static void describe_thread(struct profile_local *local)
{
    struct profile_file_thread *record = local->record;
    uint32_t users = shale_atomic_load_relaxed(&record->users);
    shale_atomic_store_relaxed(&record->users, users + 1);
    shale_atomic_store_relaxed(&record->ended, 0);
    if (users == 0) {
        record->id = ++profile_recorder.last_thread;
        shale_atomic_store_relaxed(&record->first_ticks, shale_clock_ticks());
    }
    record->os_id = (uint32_t)shale_thread_os_id();
    int ignored = shale_thread_name(0, record->name);
    (void)ignored;
}

static bool join(struct profile_local *local, uint32_t generation)
{
    shale_lock_acquire(&profile_recorder.lock);
    bool taken = take_record(local);
    if (taken) {
        describe_thread(local);
        list_remove(local);
        local->next = profile_recorder.locals;
        profile_recorder.locals = local;
        local->generation = generation;
    }
    shale_lock_release(&profile_recorder.lock);
    return taken;
}

/* The thread comes for the first time, or for the first time since the recorder started. */
SHALE_COLD struct profile_local *profile_join(struct profile_local *local)
{
    int saved_errno = errno;
    uint32_t generation = shale_atomic_load_relaxed(&profile_recorder.generation);
    if (local->bounds.high == 0) /* once, before others can look at them */
        profile_stack_find_bounds(&local->bounds);
    if (generation == 0 || !join(local, generation)) {
        if (generation != 0)
            profile_give_up();
        profile_leave(local);
        errno = saved_errno;
        return NULL;
    }
    local->random = shale_thread_id() * UINT64_C(0x9e3779b97f4a7c15) ^ shale_clock_ticks();
    local->random |= 1;
    local->now = shale_clock_ticks();
    local->period = 1;
    local->countdown = 0;
    local->last_block = NULL;
    local->last_site = NULL;
    profile_draw_bytes(local);
    profile_draw_count(local);
    if (exit_key_made) {
        int ignored = shale_thread_key_set(&exit_key, local);
        (void)ignored;
    }
    errno = saved_errno;
    return local;
}

/* ---- what the file says of the process --------------------------------------------------------
 */

static void read_command(char *command, size_t size)
{
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = file >= 0 ? read(file, command, size - 1) : 0;
    if (file >= 0)
        close(file);
    length = length < 0 ? 0 : length;
    while (length > 0 && command[length - 1] == '\0')
        length--;
    for (ssize_t i = 0; i < length; i++)
        if (command[i] == '\0')
            command[i] = ' ';
    command[length] = '\0';
}

static uint64_t measure_timer(void)
{
    uint64_t shortest = UINT64_MAX;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t start = shale_clock_ticks();
        uint64_t span = shale_clock_ticks() - start;
        shortest = span < shortest ? span : shortest;
    }
    return shortest;
}

static void describe_system(struct profile_file_about *about)
{
    struct utsname names;
    ssize_t length = readlink("/proc/self/exe", about->program, sizeof(about->program) - 1);
    about->program[length < 0 ? 0 : length] = '\0';
    read_command(about->command, sizeof(about->command));
    if (uname(&names) == 0) {
        snprintf(about->host, sizeof(about->host), "%.63s", names.nodename);
        snprintf(about->system, sizeof(about->system), "%.40s %.60s", names.sysname, names.release);
    }
    snprintf(about->recorder, sizeof(about->recorder), "%s", SHALE_VERSION_STRING);
}

static void describe(struct profile_file_about *about, const struct profile_settings *settings)
{
    memcpy(about->magic, PROFILE_FILE_MAGIC, sizeof(about->magic));
    about->version = PROFILE_FILE_VERSION;
    about->order = PROFILE_FILE_ORDER;
    about->about_bytes = sizeof(*about);
    about->live_bytes = sizeof(struct profile_file_live);
    about->thread_bytes = sizeof(struct profile_file_thread);
    about->pid = (uint32_t)getpid();
    about->parent_pid = (uint32_t)getppid();
    about->processors = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    about->mode = settings->mode;
    about->started_wall_ns = shale_clock_wall_ns();
    about->timer_ticks = measure_timer();
    about->started_ns = shale_clock_monotonic_ns();
    about->started_ticks = shale_clock_ticks();
    about->sample_bytes = settings->mode == PROFILE_SAMPLE ? settings->sample_bytes : 0;
    about->sample_count = settings->mode == PROFILE_SAMPLE ? settings->sample_count : 0;
    about->latency_every = settings->latency_every;
    about->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    describe_system(about);
    about->checksum =
        profile_checksum(about, offsetof(struct profile_file_about, checksum), SIZE_MAX);
}

/* ---- start ------------------------------------------------------------------------------------
 */

/*
 * %p becomes the process id. A file that is there is left alone: of a path with %p PATH.1, PATH.2
 * and so on come next, of another PATH.PID, PATH.PID.1, PATH.PID.2.
 */
static bool expand_path(const char *pattern, unsigned attempt, char *path, size_t size)
{
    int pid = (int)getpid();
    size_t length = 0;
    bool named = false;
    for (; *pattern != '\0' && length < size; pattern++)
        if (pattern[0] == '%' && pattern[1] == 'p') {
            length += (size_t)snprintf(path + length, size - length, "%d", pid);
            named = true;
            pattern++;
        } else {
            path[length++] = *pattern;
        }
    if (length >= size - 32)
        return false;
    path[length] = '\0';
    if (attempt > 0 && !named) {
        length += (size_t)snprintf(path + length, size - length, ".%d", pid);
        attempt--;
    }
    if (attempt > 0)
        snprintf(path + length, size - length, ".%u", attempt);
    return true;
}

static int create_file(const struct profile_settings *settings)
{
    char path[PROFILE_IMAGE_PATH];
    int result = ENAMETOOLONG;
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        if (!expand_path(settings->path, attempt, path, sizeof(path)))
            return ENAMETOOLONG;
        result = profile_image_create(&profile_recorder.image, path);
        if (result != EEXIST)
            return result;
    }
    return result;
}

static int start_parts(void)
{
    struct profile_recorder *recorder = &profile_recorder;
    if (profile_sites_start(&recorder->sites, &recorder->image) != 0)
        return ENOMEM;
    if (profile_blocks_start(&recorder->blocks, &recorder->image, FIRST_BUCKETS) != 0)
        return ENOSPC;
    profile_modules_start(&recorder->modules, &recorder->image);
    return 0;
}

static int start(const struct profile_settings *settings)
{
    struct profile_recorder *recorder = &profile_recorder;
    int result = create_file(settings);
    if (result != 0)
        return result;
    describe(&recorder->image.header->about, settings);
    result = start_parts();
    if (result != 0) {
        profile_sites_stop(&recorder->sites);
        profile_image_forget(&recorder->image);
        return result;
    }
    if (settings != &recorder->settings)
        recorder->settings = *settings;
    recorder->mode = settings->mode;
    recorder->locals = NULL;
    recorder->last_thread = 0;
    recorder->moment_ticks = 0;
    memset((void *)recorder->filter, 0, sizeof(recorder->filter));
    shale_atomic_store_relaxed(&recorder->next_moment, 0);
    shale_atomic_store_relaxed(&recorder->taking_moment, 0);
    /* Relaxed: who sees it takes the lock before it looks at anything else. */
    shale_lock_acquire(&recorder->lock);
    shale_atomic_store_relaxed(&recorder->generation, ++recorder->last_generation);
    shale_lock_release(&recorder->lock);
    return 0;
}

/* ---- fork -------------------------------------------------------------------------------------
 */

/* The parent's file is mapped here too, and must not be written to. */
static void after_fork_in_child(void)
{
    struct profile_recorder *recorder = &profile_recorder;
    bool was_on = shale_atomic_load_relaxed(&recorder->generation) != 0;
    int saved_errno = errno;
    shale_atomic_store_relaxed(&recorder->generation, 0);
    shale_lock_reset(&recorder->lock);
    profile_sites_forget(&recorder->sites);
    profile_image_forget(&recorder->image);
    if (was_on && recorder->settings.follow_forks) {
        int ignored = start(&recorder->settings);
        (void)ignored; /* the parent said why, if it is a full disk */
    }
    errno = saved_errno;
}

static const struct shale_fork_hooks fork_hooks = {
    .child = after_fork_in_child,
    .rank = SHALE_RANK_PROFILE_THREADS,
};

int profile_recorder_start(const struct profile_settings *settings)
{
    if (shale_atomic_load_relaxed(&profile_recorder.generation) != 0)
        return SHALE_EBUSY;
    shale_clock_start();
    (void)shale_membarrier_register();
    if (!exit_key_made)
        exit_key_made = shale_thread_key_create(&exit_key, thread_ended) == 0;
    int ignored = shale_fork_hooks_register(&fork_hooks);
    (void)ignored;
    int result = start(settings);
    return result == 0 ? 0 : -PROFILE_ERRNO - result;
}

/* ---- stop -------------------------------------------------------------------------------------
 */

static bool all_outside(void)
{
    bool outside = true;
    shale_lock_acquire(&profile_recorder.lock);
    for (struct profile_local *local = profile_recorder.locals; local != NULL; local = local->next)
        /* ORDER PREC1 acquire <- release in profile_leave() [recorder.h]. What it recorded is
         * whole. */
        outside =
            outside && (local == &profile_own || shale_atomic_load_acquire(&local->inside) == 0);
    shale_lock_release(&profile_recorder.lock);
    return outside;
}

static bool wait_until_outside(void)
{
    for (unsigned waited = 0; waited < OUTSIDE_WAIT_MS; waited++) {
        if (all_outside())
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return all_outside();
}

static void seal(void)
{
    struct profile_file_header *header = profile_recorder.image.header;
    shale_atomic_store_relaxed(&header->live.end, PROFILE_EXITED);
    uint64_t used = shale_atomic_load_relaxed(&header->live.used);
    uint64_t sum = profile_checksum(header, used, offsetof(struct profile_file_header, live.seal));
    shale_atomic_store_relaxed(&header->live.seal, sum);
}

int profile_recorder_stop(void)
{
    struct profile_recorder *recorder = &profile_recorder;
    if (shale_atomic_load_relaxed(&recorder->generation) == 0)
        return SHALE_EINVAL;
    uint32_t was_inside = shale_atomic_load_relaxed(&profile_own.inside);
    shale_atomic_store_relaxed(&profile_own.inside, 1);
    shale_atomic_store_relaxed(&recorder->generation, 0);
    /* ORDER PREC2 seq_cst <-> seq_cst in profile_enter() [recorder.h]. A thread that is not seen
     * inside sees that the recorder is off. */
    bool fenced = shale_heavy_fence() == 0;
    bool outside = wait_until_outside();
    profile_take_moment(&profile_own);
    profile_image_trim(&recorder->image);
    if (outside && fenced)
        seal();
    else
        shale_atomic_store_relaxed(&recorder->image.header->live.end, PROFILE_EXITED);
    /* Who was not waited for may still look at the mapping: it stays. */
    if (outside && fenced) {
        profile_sites_stop(&recorder->sites);
        profile_image_forget(&recorder->image);
    }
    shale_atomic_store_relaxed(&profile_own.inside, was_inside);
    return 0;
}

void profile_recorder_touch(void)
{
    struct profile_local *local = profile_enter();
    if (local == NULL)
        return;
    profile_take_moment(local);
    profile_leave(local);
}

/* ---- giving up --------------------------------------------------------------------------------
 */

static void complain(int problem)
{
    char text[PROFILE_IMAGE_PATH + 256];
    const char *reason = strerrordesc_np(problem);
    int length =
        snprintf(text, sizeof(text), "shale: the profile '%s' ends here: %s; the program goes on\n",
                 profile_recorder.image.path, reason != NULL ? reason : "no room");
    ssize_t ignored = write(STDERR_FILENO, text, (size_t)length);
    (void)ignored;
}

/* The file cannot grow. Whoever is inside finishes what it does: all that is mapped stays. */
SHALE_COLD void profile_give_up(void)
{
    struct profile_recorder *recorder = &profile_recorder;
    struct profile_file_live *live = &recorder->image.header->live;
    int problem = shale_atomic_load_relaxed(&recorder->image.problem);
    uint32_t expected = shale_atomic_load_relaxed(&recorder->generation);
    if (expected == 0 || !shale_atomic_cas_relaxed(&recorder->generation, &expected, 0))
        return;
    int saved_errno = errno;
    bool full = problem == ENOSPC || problem == EDQUOT || problem == EFBIG;
    live->end_errno = (uint32_t)problem;
    shale_atomic_store_relaxed(&live->end, full ? PROFILE_DISK_FULL : PROFILE_FAILED);
    shale_atomic_store_relaxed(&live->ended_ticks, shale_clock_ticks());
    shale_atomic_store_relaxed(&live->ended_ns, shale_clock_monotonic_ns());
    if (!recorder->settings.quiet)
        complain(problem);
    errno = saved_errno;
}
