/* SPDX-License-Identifier: MIT */
/* realloc: one buffer that grows as a string builder's does, and many that grow in turn. */
#include "bench.h"

struct vector {
    char *data;
    size_t size;
};

static struct vector *vectors;

/* Writes what was added, as a program that grows a buffer does at once. */
static char *grow(char *data, size_t old_size, size_t new_size)
{
    char *grown = realloc(data, new_size);
    if (!grown)
        bench_die("reallocate");
    memset(grown + old_size, 1, new_size - old_size);
    __asm__ volatile("" : : "r"(grown) : "memory");
    return grown;
}

/* An operation is one realloc; the buffer grows by half from size_min to size_max, then anew. */
void realloc_grow_run(struct bench *bench, uint64_t operations)
{
    const struct bench_parameters parameters = bench->parameters;
    char *data = NULL;
    size_t size = 0;
    for (uint64_t i = 0; i < operations; i++) {
        if (size >= parameters.size_max) {
            free(data);
            data = NULL;
            size = 0;
        }
        size_t next = size ? size + size / 2 : parameters.size_min;
        data = grow(data, size, next);
        size = next;
    }
    free(data);
}

void realloc_mesh_prepare(struct bench *bench)
{
    vectors = bench_map(bench->parameters.live * sizeof *vectors);
}

/* An operation is one realloc of a vector chosen at random: doubled, or freed at size_max. */
void realloc_mesh_run(struct bench *bench, uint64_t operations)
{
    const struct bench_parameters parameters = bench->parameters;
    uint64_t state = bench->seed;
    for (uint64_t i = 0; i < operations; i++) {
        struct vector *vector = &vectors[bench_below(&state, parameters.live)];
        if (vector->size >= parameters.size_max) {
            free(vector->data);
            *vector = (struct vector){NULL, 0};
        }
        size_t next = vector->size ? vector->size * 2 : parameters.size_min;
        vector->data = grow(vector->data, vector->size, next);
        vector->size = next;
    }
}
