/* SPDX-License-Identifier: MIT */
/*
 * Programs that use the engine wrongly, one per name, and one that does not: for test_doctor.py.
 * Each says what shale_diagnose() tells it of itself, then "ready", and waits for a byte or the
 * end.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shale/diagnose.h>
#include <shale/epoch.h>
#include <shale/stats.h>

enum { COUNT = 60000, SIZE = 200, ROUNDS = 4, FINDINGS = 16 };

static void *blocks[COUNT];

static shale_epoch open_epoch(const char *label)
{
    struct shale_epoch_options options = {.label = label};
    shale_epoch epoch;
    if (shale_epoch_open(&options, &epoch) != 0)
        exit(3);
    return epoch;
}

static void fill(shale_epoch epoch)
{
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = shale_epoch_alloc(epoch, SIZE);
        if (!blocks[i])
            exit(3);
        memset(blocks[i], i & 0xff, SIZE);
    }
}

static void empty(int step)
{
    for (int i = 0; i < COUNT; i++)
        if (step == 0 || i % step != 0)
            shale_epoch_free(blocks[i]);
}

static void healthy(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        shale_epoch epoch = open_epoch("request");
        fill(epoch);
        empty(0);
        if (shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0) != 0)
            exit(3);
    }
    (void)shale_reclaim(UINT64_MAX, 0);
}

static void leak(void)
{
    healthy();
    fill(open_epoch("session cache"));
}

/* One of three hundred lives on in the epoch of those that do not. */
static void survivor(void)
{
    fill(open_epoch("batch"));
    empty(300);
}

static void *free_all(void *unused)
{
    (void)unused;
    empty(0);
    return NULL;
}

static void storm(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        fill(0);
        if (pthread_create(&thread, NULL, free_all, NULL) != 0)
            exit(3);
        pthread_join(thread, NULL);
    }
    (void)shale_reclaim(UINT64_MAX, 0);
}

static void stale(void)
{
    shale_epoch epoch = open_epoch("transaction");
    if (shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0) != 0)
        exit(3);
    for (int i = 0; i < 25; i++)
        if (shale_epoch_alloc(epoch, SIZE))
            exit(3);
}

/* Drained, and one block never freed. */
static void unfinished(void)
{
    shale_epoch epoch = open_epoch("upload");
    void *block = shale_epoch_alloc(epoch, SIZE);
    if (!block || shale_epoch_close(epoch, SHALE_EPOCH_DRAIN, 0) != 0)
        exit(3);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {{"healthy", healthy}, {"leak", leak},   {"survivor", survivor},
             {"storm", storm},     {"stale", stale}, {"unfinished", unfinished}};

static void tell(void)
{
    struct shale_finding findings[FINDINGS];
    struct shale_diagnose_options options = {.epoch_age_ns = 1};
    size_t count = FINDINGS;
    if (shale_diagnose(&options, findings, sizeof findings[0], &count) != 0)
        exit(3);
    for (size_t i = 0; i < count && i < FINDINGS; i++)
        printf("%s %llu\n", shale_cause_name(findings[i].cause),
               (unsigned long long)findings[i].count);
    puts("ready");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char byte;
    for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, argv[1]) != 0)
            continue;
        cases[i].run();
        tell();
        return read(0, &byte, 1) < 0;
    }
    return 2;
}
