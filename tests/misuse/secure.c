/* SPDX-License-Identifier: MIT */
/*
 * Faults, one per name, for libshale-malloc-secure.so: the report that each gets is in
 * test_secure.py. The address that the report must name goes to stdout first.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 64, MANY = 4000, LARGE = 300000, SEGMENTS = 3000000, HELD = 256 };

static void *volatile kept; /* so that the compiler takes nothing for known */

static char *get(size_t size)
{
    kept = malloc(size);
    return kept;
}

static void tell(const void *address)
{
    printf("0x%lx\n", (unsigned long)(uintptr_t)address);
    fflush(stdout);
}

static void double_free(void)
{
    char *block = get(SIZE);
    tell(block);
    free(block);
    free(block);
}

/* Long after: other blocks came and went. */
static void double_free_later(void)
{
    char *block = get(SIZE);
    tell(block);
    free(block);
    for (int i = 0; i < HELD / 2; i++)
        free(get(SIZE));
    free(block);
}

static void *free_kept(void *block)
{
    free(block);
    return NULL;
}

static void double_free_elsewhere(void)
{
    pthread_t thread;
    char *block = get(SIZE);
    tell(block);
    if (pthread_create(&thread, NULL, free_kept, block) != 0)
        exit(3);
    pthread_join(thread, NULL);
    free(block);
}

static void free_inside(void)
{
    char *block = get(SIZE);
    tell(block + 16);
    free(block + 16);
}

static void free_inside_large(void)
{
    char *block = get(LARGE);
    tell(block + 4096);
    free(block + 4096);
}

static void free_nothing(void)
{
    char *block = get(LARGE);
    tell(block);
    free(block);
    free(block);
}

static void resize_freed(void)
{
    char *block = get(SIZE);
    tell(block);
    free(block);
    kept = realloc(block, SIZE * 2);
}

/* Every free block of the class is written to; the first that is handed out is found out. */
static void write_after_free(void)
{
    static char *blocks[MANY];
    for (int i = 0; i < MANY; i++)
        blocks[i] = get(SIZE);
    for (int i = 0; i < MANY; i++)
        free(blocks[i]);
    for (int i = 0; i < MANY; i++)
        memset(blocks[i], 0x41, 8);
    puts("any");
    fflush(stdout);
    for (int i = 0; i < MANY; i++)
        kept = get(SIZE);
}

/* Where the guard stopped it; the process then ends as without us. */
static void told(int number, siginfo_t *info, void *unused)
{
    char text[64];
    int length =
        snprintf(text, sizeof text, "fault at 0x%lx\n", (unsigned long)(uintptr_t)info->si_addr);
    (void)unused;
    if (length > 0 && write(2, text, (size_t)length) == length)
        signal(number, SIG_DFL);
}

static void expect_fault(void)
{
    struct sigaction action = {.sa_sigaction = told, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
}

static void overrun(char *block)
{
    expect_fault();
    size_t size = malloc_usable_size(block);
    tell(block + size);
    for (size_t i = 0; i < 70000; i++)
        ((volatile char *)block)[i + size] = 1;
}

static void overrun_large(void)
{
    overrun(get(LARGE));
}

static void overrun_segments(void)
{
    overrun(get(SEGMENTS));
}

/* From the first block of a slab over all of them: the guard is before the tags. */
static void overrun_slab(void)
{
    char *block = get(1024);
    volatile char *at = (char *)((uintptr_t)block & ~(uintptr_t)0xffff);
    expect_fault();
    tell((const char *)at + 0x10000 - 2 * 4096);
    for (size_t i = 0; i < 0x10000; i++)
        at[i] = 1;
}

/* ---- what is no fault: the protection is seen ------------------------------------------------ */

static void zeroed(void)
{
    char *block = get(SIZE);
    size_t found = 0;
    memset(block, 0x55, SIZE);
    free(block);
    for (int i = 0; i < SIZE; i++)
        found += ((volatile char *)block)[i] == 0x55;
    printf("%zu\n", found);
}

/* The block comes back after no fewer than the quarantine holds. */
static void waits(void)
{
    char *block = get(SIZE);
    int others = 0;
    free(block);
    while (get(SIZE) != block && others < 100000) {
        free(kept);
        others++;
    }
    printf("%d\n", others);
}

static void order(void)
{
    int upwards = 0;
    char *last = get(SIZE);
    for (int i = 0; i < 1000; i++) {
        char *next = get(SIZE);
        upwards += next == last + SIZE;
        last = next;
    }
    printf("%d\n", upwards);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"double_free", double_free},
    {"double_free_later", double_free_later},
    {"double_free_elsewhere", double_free_elsewhere},
    {"free_inside", free_inside},
    {"free_inside_large", free_inside_large},
    {"free_nothing", free_nothing},
    {"resize_freed", resize_freed},
    {"write_after_free", write_after_free},
    {"overrun_large", overrun_large},
    {"overrun_segments", overrun_segments},
    {"overrun_slab", overrun_slab},
    {"zeroed", zeroed},
    {"waits", waits},
    {"order", order},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, argv[1]) == 0) {
            cases[i].run();
            return 0;
        }
    }
    return 2;
}
