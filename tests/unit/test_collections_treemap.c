/* SPDX-License-Identifier: MIT */
/*
 * The tree map: the cases of tests/lib/map_tests.h, among them treemap_stress_nothing_broken and
 * treemap_values_are_published.
 */
#include <shale/treemap.h>

#include "map_tests.h"

MAP_CASES(treemap)

RUN_TESTS("collections_treemap")
