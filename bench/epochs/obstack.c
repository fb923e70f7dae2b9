/* SPDX-License-Identifier: MIT */
/* The C library's obstacks: blocks one behind the other in chunks from malloc, no single free. */
#include <obstack.h>
#include <stdlib.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

struct stack {
    struct obstack obstack;
    void *bottom;
};

static inline void *scope_alloc(void *scope, size_t size)
{
    return obstack_alloc(&((struct stack *)scope)->obstack, size);
}

#include "body.h"

static void *open_stack(void)
{
    struct stack *stack = malloc(sizeof *stack);
    if (stack == NULL)
        bench_die("make an obstack");
    obstack_init(&stack->obstack);
    stack->bottom = obstack_alloc(&stack->obstack, 0);
    return stack;
}

static void close_stack(void *scope, struct object *list)
{
    struct stack *stack = scope;
    (void)list;
    obstack_free(&stack->obstack, NULL);
    free(stack);
}

static void *unwind(void *scope, struct object *list)
{
    struct stack *stack = scope;
    (void)list;
    obstack_free(&stack->obstack, stack->bottom);
    stack->bottom = obstack_alloc(&stack->obstack, 0);
    return stack;
}

const struct subject subject_obstack = {.name = "obstack",
                                        .allocator = "-",
                                        .open = open_stack,
                                        .fill = fill,
                                        .close = close_stack,
                                        .again = unwind,
                                        .alloc = alloc_one};
