/* SPDX-License-Identifier: MIT */
/*
 * What smr-bench measures: reclamation schemes behind one table of functions. Each function does
 * its work `count` times in a loop of its own, so that nothing is called through a pointer inside.
 *
 * A subject is started before the first measurement in the process and used by up to two threads;
 * each thread attaches first and detaches at its end. The nodes that are retired belong to the
 * caller: reclaiming counts them and does nothing else.
 */
#ifndef BENCH_SMR_SUBJECT_H
#define BENCH_SMR_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for what each peer wants to find in a node. */
struct node {
    struct node *_Atomic next;
    uint64_t birth;
    void *peer[6];
};

enum { GENERATION = 1000 };

struct subject {
    const char *name;    /* of its figures, without the unit */
    bool (*start)(void); /* false: not here */
    void (*attach)(void);
    void (*detach)(void);
    void (*guards)(uint64_t count); /* enters and leaves */
    void (*hops)(struct node *_Atomic *head,
                 uint64_t count); /* loads in one guard; NULL: as plain */
    void (*retires)(struct node *nodes,
                    uint64_t count); /* enters, retires, leaves, for each node */
    /* Allocates GENERATION nodes of the slab engine, retires them, and so on; `count` in all. */
    void (*generations)(uint64_t count);
};

extern const struct subject subject_shale_ebr, subject_shale_ebr_held, subject_shale_ebr_nodes,
    subject_shale_ebr_epochs, subject_shale_ebr_call, subject_shale_ebr_fenced, subject_shale_ibr,
    subject_shale_ibr_fenced, subject_shale_neutralize, subject_urcu, subject_ck, subject_crossbeam;

extern const struct subject *const subjects[]; /* those this program was built with; NULL ends */

#endif
