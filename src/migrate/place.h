/* SPDX-License-Identifier: MIT */
/* What kind of place in the text a word stands at. Layer 1. */
#ifndef SHALE_MIGRATE_PLACE_H
#define SHALE_MIGRATE_PLACE_H

#include "migrate/world.h"

struct place {
    const struct world *world;
    const struct stream *stream;
    uint32_t position;
    name_id name;
    enum family family;
    const struct function *function; /* whose text from its name to its end holds it, or NULL */
};

/* The rule that the place alone decides, or MIGRATE_RULE_COUNT: a use of what the name means. */
enum migrate_rule place_rule(const struct place *place);

/* f(...), (f)(...), (*f)(...) */
bool place_is_call(const struct place *place);
bool place_is_wrapped_call(const struct place *place);

/* Passed, assigned, compared or listed, as a function pointer can be. */
bool place_is_plain_value(const struct place *place);

/* Between the braces of an initializer. */
bool place_in_initializer(const struct place *place);

/* Position of the innermost bracket that is open there, or NOTHING. */
uint32_t stream_opener(const struct stream *stream, uint32_t position);

#endif
