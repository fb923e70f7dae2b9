/* SPDX-License-Identifier: MIT */
/*
 * What epochs-bench measures: scopes whose objects end together, behind one table of functions.
 *
 * One process measures one subject. `fill` is a loop of the subject's own (body.h), so nothing is
 * called through a pointer per object; its objects are a list, newest first, linked through their
 * first words, as a program that frees one by one needs it.
 */
#ifndef BENCH_EPOCHS_SUBJECT_H
#define BENCH_EPOCHS_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
    struct object *next;
};

struct subject {
    const char *name;
    /* What has to be the process's malloc: a name as `shale run` takes it, "-": no matter, "*":
     * each of them in turn. */
    const char *allocator;
    const char *version; /* of what it is linked with; NULL: the allocator's */
    size_t scopes_max;   /* at once; 0: any number */
    void (*start)(void);
    void *(*open)(void);
    struct object *(*fill)(void *scope, const uint16_t *sizes, size_t count);
    void (*close)(void *scope, struct object *list);
    /* Ends the objects; the scope goes on. NULL: close and open. */
    void *(*again)(void *scope, struct object *list);
    /* One object; `free` is NULL where an object cannot end alone. */
    void *(*alloc)(void *scope, size_t size);
    void (*free)(void *scope, void *object);
    void (*purge)(void); /* gives free memory back to the system; NULL: there is no such call */
};

extern const struct subject subject_shale_slab, subject_shale_region, subject_mimalloc_heap,
    subject_jemalloc_arena, subject_apr_pool, subject_talloc, subject_obstack, subject_bump,
    subject_malloc;

extern const struct subject *const subjects[]; /* those this program was built with; NULL ends */
extern const struct subject *subject;          /* the process's */

/* handles.c: pairs and look-ups of <shale/handle.h>. */
struct bench;
void handles_measure(struct bench *bench);

#endif
