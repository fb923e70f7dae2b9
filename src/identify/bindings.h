/* SPDX-License-Identifier: MIT */
/*
 * What each object's calls to the malloc family are really bound to: the contents of its global
 * offset table. Layer 1; part of the self-check.
 *
 *     call free@plt -> slot in the GOT -> address: whose segment is it in?
 *         own PLT: not bound yet (lazy); the executable's PLT (canonical): its own slot decides
 */
#ifndef SHALE_IDENTIFY_BINDINGS_H
#define SHALE_IDENTIFY_BINDINGS_H

#include "identify/modules.h"

enum identify_binding_state {
    IDENTIFY_BINDING_BOUND,   /* target is the address that is called */
    IDENTIFY_BINDING_LAZY,    /* nothing was called through it yet */
    IDENTIFY_BINDING_MISSING, /* weak and not there: NULL */
};

struct identify_binding {
    size_t module; /* the caller */
    int function;  /* number in functions.h */
    enum identify_binding_state state;
    uint64_t target;
    int target_module; /* -1: in none (JIT, unmapped, a hook in anonymous memory) */
};

struct identify_bindings {
    struct identify_binding *items;
    size_t count;
    const char *trouble; /* what could not be read, or NULL */
};

/*
 * Reads the slots of every module.
 *
 * @param image  the modules are files: nothing is bound, only imports are listed (all LAZY).
 * @return 0, SHALE_ENOMEM, SHALE_EGONE.
 * Ownership: identify_bindings_free.
 */
SHALE_NODISCARD int identify_bindings_read(const struct identify_modules *modules, bool image,
                                           struct identify_bindings *bindings);

void identify_bindings_free(struct identify_bindings *bindings);

#endif
