/* SPDX-License-Identifier: MIT */
/*
 * The replay. One thread at a time runs: it executes the steps that are its own one after the
 * other and hands over at the first that is not. A thread is started at its first step and ends
 * after its last, as the recorded one may have done.
 */
#include "replay.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/resident.h"

enum { PAGE = 4096, STACK_BYTES = 128 * 1024 };

struct block {
    unsigned char *address;
    uint64_t size;
};

struct worker {
    sem_t turn;
    size_t last; /* its last step */
    bool started;
};

struct replay {
    const struct step *steps;
    size_t count;
    const struct replay_options *options;
    struct replay_result *result;
    struct block *blocks;   /* by slot */
    struct worker *workers; /* by thread */
    sem_t done;
    size_t next; /* step; of whoever has the turn */
    size_t sample_every;
    uint64_t live_bytes, live_blocks, usable_bytes;
    bool sampling;
    int error; /* errno of a thread that could not be started */
};

struct start {
    struct replay *replay;
    uint32_t thread;
};

/* ----------------------------------------------------------------------------- the blocks */

/* What a block holds at its beginning while it lives. */
static uint64_t stamp_of(const struct replay *replay, const struct block *block)
{
    return (uint64_t)(block - replay->blocks + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Writes to each page, as a program would. */
static void stamp(const struct replay *replay, struct block *block)
{
    uint64_t value = stamp_of(replay, block);
    memcpy(block->address, &value, block->size < sizeof value ? block->size : sizeof value);
    for (uint64_t at = PAGE; at < block->size; at += PAGE)
        block->address[at] = (unsigned char)value;
    if (block->size > sizeof value)
        block->address[block->size - 1] = (unsigned char)value;
}

static bool has_stamp(const struct replay *replay, const struct block *block, uint64_t size)
{
    uint64_t value = stamp_of(replay, block);
    return memcmp(block->address, &value, size < sizeof value ? size : sizeof value) == 0;
}

static bool is_intact(const struct replay *replay, const struct block *block)
{
    return has_stamp(replay, block, block->size) &&
           (block->size <= sizeof(uint64_t) ||
            block->address[block->size - 1] == (unsigned char)stamp_of(replay, block));
}

static bool is_zero(const struct block *block)
{
    for (uint64_t at = 0; at < block->size; at += PAGE)
        if (block->address[at] != 0)
            return false;
    return block->size == 0 || block->address[block->size - 1] == 0;
}

static void count_in(struct replay *replay, const struct block *block)
{
    struct replay_result *result = replay->result;
    replay->live_bytes += block->size;
    replay->live_blocks++;
    replay->usable_bytes += malloc_usable_size(block->address);
    if (replay->live_bytes > result->live_bytes_max)
        result->live_bytes_max = replay->live_bytes;
    if (replay->usable_bytes > result->usable_bytes_max)
        result->usable_bytes_max = replay->usable_bytes;
}

static void count_out(struct replay *replay, const struct block *block)
{
    replay->live_bytes -= block->size;
    replay->live_blocks--;
    replay->usable_bytes -= malloc_usable_size(block->address);
}

static void *allocate(const struct step *step)
{
    void *block = NULL;
    if (step->operation == TRACE_CALLOC)
        return calloc(1, step->size);
    if (step->operation != TRACE_ALIGNED)
        return malloc(step->size);
    size_t alignment = (size_t)1 << step->alignment;
    if (alignment < sizeof(void *))
        alignment = sizeof(void *);
    return posix_memalign(&block, alignment, step->size) == 0 ? block : NULL;
}

static void do_allocate(struct replay *replay, const struct step *step, struct block *block)
{
    *block = (struct block){allocate(step), step->size};
    if (!block->address) {
        replay->result->failed++;
        return;
    }
    if (step->operation == TRACE_CALLOC && !is_zero(block))
        replay->result->corrupted++;
    stamp(replay, block);
    count_in(replay, block);
}

static void do_free(struct replay *replay, struct block *block)
{
    if (!block->address) /* it could not be allocated */
        return;
    if (!is_intact(replay, block))
        replay->result->corrupted++;
    count_out(replay, block);
    free(block->address);
    block->address = NULL;
}

static void do_resize(struct replay *replay, const struct step *step, struct block *block)
{
    if (!block->address) {
        do_allocate(replay, step, block);
        return;
    }
    uint64_t kept = block->size < step->size ? block->size : step->size;
    if (!is_intact(replay, block))
        replay->result->corrupted++;
    count_out(replay, block);
    unsigned char *moved = realloc(block->address, step->size ? step->size : 1);
    if (moved)
        *block = (struct block){moved, step->size};
    else
        replay->result->failed++;
    if (moved && !has_stamp(replay, block, kept))
        replay->result->corrupted++;
    stamp(replay, block);
    count_in(replay, block);
}

static void execute(struct replay *replay, const struct step *step)
{
    struct block *block = &replay->blocks[step->slot];
    if (step->operation == TRACE_FREE)
        do_free(replay, block);
    else if (step->operation == TRACE_REALLOCED)
        do_resize(replay, step, block);
    else
        do_allocate(replay, step, block);
}

/* --------------------------------------------------------------------------- the threads */

static void take_sample(struct replay *replay)
{
    struct replay_result *result = replay->result;
    uint64_t rss = resident_bytes(0);
    if (rss > result->rss_peak_bytes)
        result->rss_peak_bytes = rss;
    if (replay->sampling && result->sample_count < SAMPLES_MAX)
        result->samples[result->sample_count++] =
            (struct replay_sample){replay->next, replay->live_bytes, replay->live_blocks, rss};
}

/* Executes steps while they are this thread's. */
static void run_own(struct replay *replay, uint32_t thread)
{
    bool any = replay->options->one_thread;
    while (replay->next < replay->count && (any || replay->steps[replay->next].thread == thread)) {
        execute(replay, &replay->steps[replay->next++]);
        if (replay->next % replay->sample_every == 0 || replay->next == replay->count)
            take_sample(replay);
    }
}

static void *run_worker(void *argument);

/* Gives the turn to whoever has the next step. */
static void hand_over(struct replay *replay)
{
    if (replay->next == replay->count || replay->error) {
        sem_post(&replay->done);
        return;
    }
    uint32_t thread = replay->steps[replay->next].thread;
    struct worker *worker = &replay->workers[thread];
    if (worker->started) {
        sem_post(&worker->turn);
        return;
    }
    pthread_attr_t attributes;
    pthread_t id;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes,
                              PTHREAD_STACK_MIN > STACK_BYTES ? PTHREAD_STACK_MIN : STACK_BYTES);
    worker->started = true;
    int error = pthread_create(&id, &attributes, run_worker, worker);
    pthread_attr_destroy(&attributes);
    if (error) {
        replay->error = error;
        sem_post(&replay->done);
    }
}

static struct replay *running; /* one at a time */

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue; /* a signal */
}

static void *run_worker(void *argument)
{
    struct replay *replay = running;
    struct worker *worker = argument;
    uint32_t thread = (uint32_t)(worker - replay->workers);
    for (;;) {
        run_own(replay, thread);
        bool last = replay->next > worker->last;
        hand_over(replay);
        if (last)
            return NULL;
        wait_for(&worker->turn);
    }
}

static void prepare_workers(struct replay *replay, uint32_t threads)
{
    for (uint32_t i = 0; i < threads; i++) {
        sem_init(&replay->workers[i].turn, 0, 0);
        replay->workers[i].started = false;
    }
    for (size_t i = 0; i < replay->count; i++)
        replay->workers[replay->steps[i].thread].last = i;
}

static void run_once(struct replay *replay, uint32_t threads)
{
    replay->next = 0;
    if (replay->options->one_thread) {
        run_own(replay, 0);
        return;
    }
    running = replay;
    prepare_workers(replay, threads);
    hand_over(replay);
    wait_for(&replay->done);
}

/* ------------------------------------------------------------------------------ all of it */

static void free_rest(struct replay *replay, uint32_t slots)
{
    for (uint32_t i = 0; i < slots; i++)
        do_free(replay, &replay->blocks[i]);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_all(struct replay *replay, const struct steps *steps)
{
    struct replay_result *result = replay->result;
    result->rss_before_bytes = resident_bytes(0);
    for (int i = 1; i <= replay->options->repeat && !replay->error; i++) {
        replay->sampling = i == replay->options->repeat;
        double began = now_s();
        run_once(replay, steps->threads);
        result->seconds += now_s() - began;
        result->operations += replay->next;
        result->rss_end_bytes = resident_bytes(0);
        free_rest(replay, steps->slots);
    }
    result->rss_freed_bytes = resident_bytes(0);
}

bool replay_run(const struct steps *steps, const struct replay_options *options,
                struct replay_result *result, char *reason, size_t reason_size)
{
    struct table blocks = {NULL, 0}, workers = {NULL, 0};
    struct replay replay = {
        .steps = steps->table.memory,
        .count = steps->count,
        .options = options,
        .result = result,
        .sample_every = steps->count / (size_t)options->samples + 1,
    };
    *result = (struct replay_result){.seconds = 0};
    bool good = table_resize(&blocks, (steps->slots + (size_t)1) * sizeof(struct block)) &&
                table_resize(&workers, (steps->threads + (size_t)1) * sizeof(struct worker)) &&
                sem_init(&replay.done, 0, 0) == 0;
    replay.blocks = blocks.memory;
    replay.workers = workers.memory;
    if (good && steps->count > 0)
        run_all(&replay, steps);
    int error = good ? replay.error : ENOMEM;
    if (error)
        snprintf(reason, reason_size, "%s", strerror(error));
    table_free(&blocks);
    /* A thread that handed over last may still be on its way out of sem_post(). */
    if (!good || options->one_thread)
        table_free(&workers);
    return error == 0;
}
