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
        "shale_" #domain_name, start_##domain_name, attach_##domain_name, detach_##domain_name,    \
        guards_##domain_name,  hops_##domain_name,  retires_##domain_name}

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

static void guards_called(uint64_t count)
{
    run_calls(&ebr, count);
}

const struct subject subject_shale_ebr_call = {"shale_ebr_call", start_ebr, attach_ebr, detach_ebr,
                                               guards_called,    NULL,      NULL};
