/* SPDX-License-Identifier: MIT */
/*
 * The skip list: the cases of tests/lib/map_tests.h, among them skiplist_stress_nothing_broken and
 * skiplist_values_are_published.
 */
#include <shale/skiplist.h>

#include "map_tests.h"

MAP_CASES(skiplist)

RUN_TESTS("collections_skiplist")
