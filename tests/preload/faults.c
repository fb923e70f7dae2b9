/* SPDX-License-Identifier: MIT */
/*
 * For test_memcheck.py: one fault, named by the argument, among much that is right. "none" has
 * none.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3, COUNT = 200 };

/* Volatile: the compiler sees faults too, and would leave them out. */
static unsigned char *volatile block;
static volatile int sum;
static void (*volatile call_free)(void *) = free;

static void *churn(void *argument)
{
    unsigned char *own[COUNT] = {0};
    for (int i = 0; i < 1500; i++) {
        size_t size = (size_t)(i * 37 % 4000) + 1;
        unsigned char **slot = &own[i * 7 % COUNT];
        *slot = i % 3 == 0 ? realloc(*slot, size) : (free(*slot), calloc(1, size));
        sum += (*slot)[i % 3 == 0 ? 0 : size - 1] = 1;
    }
    for (int i = 0; i < COUNT; i++)
        free(own[i]);
    return argument;
}

static void do_much(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, churn, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    void *aligned = memalign(256, 1000);
    void *large = malloc(3000000);
    memset(aligned, 1, 1000);
    memset(large, 1, 3000000);
    large = realloc(large, 9000000);
    free(large);
    free(aligned);
    pid_t child = fork();
    if (child == 0) {
        churn(NULL);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    malloc_trim(0);
}

int main(int argc, char **argv)
{
    const char *fault = argc > 1 ? argv[1] : "none";
    block = malloc(1234);
    memset(block, 1, 1234);
    do_much();
    if (strcmp(fault, "leak") == 0)
        block = NULL;
    if (strcmp(fault, "overrun") == 0)
        block[1234] = 1;
    if (strcmp(fault, "uninitialised") == 0 && ((unsigned char *volatile)malloc(10))[3] == 7)
        sum++;
    call_free(block);
    if (strcmp(fault, "after_free") == 0)
        sum += block[100];
    if (strcmp(fault, "twice") == 0)
        call_free(block);
    puts("done");
    return 0;
}
