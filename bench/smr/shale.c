/* SPDX-License-Identifier: MIT */
/* Shale's schemes: inline as its own collections use them, and through the library's functions. */
#include <shale/smr.h>
#include <stdlib.h>

#include "smr/guard.h"
#include "subject.h"

struct domain {
    enum shale_smr_scheme scheme;
    uint32_t flags;
    struct shale_smr *domain;
};

static struct domain ebr = {.scheme = SHALE_SMR_EBR};
static struct domain ebr_fenced = {.scheme = SHALE_SMR_EBR, .flags = SHALE_SMR_PLAIN_FENCES};
static struct domain ibr = {.scheme = SHALE_SMR_IBR};
static struct domain ibr_fenced = {.scheme = SHALE_SMR_IBR, .flags = SHALE_SMR_PLAIN_FENCES};
static struct domain neutralize = {.scheme = SHALE_SMR_NEUTRALIZE};

static void reclaim(void *pointer, void *argument)
{
    (void)pointer;
    (void)argument;
}

static bool start(struct domain *of)
{
    struct shale_smr_options options = SHALE_SMR_OPTIONS_INIT;
    options.scheme = of->scheme;
    options.flags = of->flags;
    return of->domain || shale_smr_create(&options, &of->domain) == 0;
}

static void attach(struct domain *of)
{
    if (shale_smr_attach(of->domain, NULL) != 0)
        abort();
}

static void run_guards(struct domain *of, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct shale_smr_thread *slot = smr_self(of->domain);
        smr_enter(slot);
        smr_exit(slot);
    }
}

/* ---- generations ---- */

static void free_node(void *pointer, void *argument)
{
    (void)argument;
    shale_epoch_free(pointer);
}

/* A list of GENERATION nodes. */
static struct node *make_generation(shale_epoch epoch)
{
    struct node *first = NULL;
    for (int i = 0; i < GENERATION; i++) {
        struct node *node = shale_epoch_alloc(epoch, sizeof *node);
        if (!node)
            abort();
        shale_atomic_store_relaxed(&node->next, first);
        first = node;
    }
    return first;
}

static void retire_list(struct shale_smr_thread *slot, struct node *first)
{
    for (struct node *node = first; node;) {
        struct node *next = shale_atomic_load_relaxed(&node->next);
        struct smr_record record = {.pointer = node, .function = free_node, .size = sizeof *node};
        if (smr_retire(slot, &record) != 0)
            abort();
        node = next;
    }
}

static void generations_of_nodes(uint64_t count)
{
    struct shale_smr_thread *slot = smr_self(ebr.domain);
    for (uint64_t i = 0; i < count; i += GENERATION)
        retire_list(slot, make_generation(SHALE_EPOCH_ETERNAL));
}

static void generations_of_epochs(uint64_t count)
{
    struct shale_smr_thread *slot = smr_self(ebr.domain);
    for (uint64_t i = 0; i < count; i += GENERATION) {
        shale_epoch epoch;
        if (shale_epoch_open(NULL, &epoch) != 0)
            abort();
        (void)make_generation(epoch);
        if (shale_smr_retire_epoch(slot, epoch, GENERATION * sizeof(struct node), 0) != 0)
            abort();
    }
}

/* As in a structure that has found its slot already. */
static void run_held(struct domain *of, uint64_t count)
{
    struct shale_smr_thread *slot = smr_self(of->domain);
    for (uint64_t i = 0; i < count; i++) {
        smr_enter(slot);
        smr_exit(slot);
    }
}

static void run_calls(struct domain *of, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        shale_smr_exit(shale_smr_enter(of->domain));
}

static void run_hops(struct domain *of, struct node *_Atomic *head, uint64_t count)
{
    struct shale_smr_thread *slot = smr_self(of->domain);
    smr_enter(slot);
    for (uint64_t i = 0; i < count; i++)
        head = &((struct node *)smr_load(slot, (const _Atomic uintptr_t *)head))->next;
    smr_exit(slot);
}

static void run_retires(struct domain *of, struct node *nodes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct shale_smr_thread *slot = smr_self(of->domain);
        smr_enter(slot);
        struct smr_record record = {.pointer = &nodes[i],
                                    .function = reclaim,
                                    .size = sizeof nodes[i],
                                    .birth = smr_birth(slot)};
        if (smr_retire(slot, &record) != 0)
            abort();
        smr_exit(slot);
    }
}

#define SUBJECT(domain_name)                                                                       \
    static bool start_##domain_name(void)                                                          \
    {                                                                                              \
        return start(&domain_name);                                                                \
    }                                                                                              \
    static void attach_##domain_name(void)                                                         \
    {                                                                                              \
        attach(&domain_name);                                                                      \
    }                                                                                              \
    static void detach_##domain_name(void)                                                         \
    {                                                                                              \
        (void)shale_smr_detach(domain_name.domain);                                                \
    }                                                                                              \
    static void guards_##domain_name(uint64_t count)                                               \
    {                                                                                              \
        run_guards(&domain_name, count);                                                           \
    }                                                                                              \
    static void hops_##domain_name(struct node *_Atomic *head, uint64_t count)                     \
    {                                                                                              \
        run_hops(&domain_name, head, count);                                                       \
    }                                                                                              \
    static void retires_##domain_name(struct node *nodes, uint64_t count)                          \
    {                                                                                              \
        run_retires(&domain_name, nodes, count);                                                   \
    }                                                                                              \
    const struct subject subject_shale_##domain_name = {                                           \
        "shale_" #domain_name, start_##domain_name, attach_##domain_name,  detach_##domain_name,   \
        guards_##domain_name,  hops_##domain_name,  retires_##domain_name, NULL}

SUBJECT(ebr);
SUBJECT(ebr_fenced);
SUBJECT(ibr);
SUBJECT(ibr_fenced);
SUBJECT(neutralize);

static void guards_held(uint64_t count)
{
    run_held(&ebr, count);
}

const struct subject subject_shale_ebr_held = {"shale_ebr_held", start_ebr, attach_ebr, detach_ebr,
                                               guards_held,      NULL,      NULL};

const struct subject subject_shale_ebr_nodes = {.name = "shale_ebr_nodes",
                                                .start = start_ebr,
                                                .attach = attach_ebr,
                                                .detach = detach_ebr,
                                                .generations = generations_of_nodes};

const struct subject subject_shale_ebr_epochs = {.name = "shale_ebr_epochs",
                                                 .start = start_ebr,
                                                 .attach = attach_ebr,
                                                 .detach = detach_ebr,
                                                 .generations = generations_of_epochs};

static void guards_called(uint64_t count)
{
    run_calls(&ebr, count);
}

const struct subject subject_shale_ebr_call = {"shale_ebr_call", start_ebr, attach_ebr, detach_ebr,
                                               guards_called,    NULL,      NULL};
