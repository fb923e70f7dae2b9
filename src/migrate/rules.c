/* SPDX-License-Identifier: MIT */
/* The texts of classes and rules. Layer 1. */
#include "migrate/migrate.h"

const struct migrate_rule_text migrate_rules[MIGRATE_RULE_COUNT] = {
#define MIGRATE_RULE_TEXT(id, name, class, flagged, reason)                                        \
    [MIGRATE_RULE_##id] = {name, reason, MIGRATE_##class, flagged},
    MIGRATE_RULE_LIST(MIGRATE_RULE_TEXT)
#undef MIGRATE_RULE_TEXT
};

const char *migrate_class_name(enum migrate_class class)
{
    static const char *const names[] = {"converted", "kept", "review"};
    return names[class];
}
