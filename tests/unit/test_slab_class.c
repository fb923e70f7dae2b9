/* SPDX-License-Identifier: MIT */
/* Size classes: every size, alignment and bound. */
#include "test.h"

#include "slab/class.h"

static int start(void **state)
{
    (void)state;
    slab_class_start();
    return 0;
}

static void class_every_size_fits_tightly(void **state)
{
    (void)state;
    for (size_t size = 0; size <= SLAB_CLASS_MAX; size++) {
        unsigned class = slab_class_of(size);
        assert_in_range(class, 0, SLAB_CLASSES - 1);
        assert_true(slab_class_sizes[class] >= size);
        if (class > 0)
            assert_true(slab_class_sizes[class - 1] < (size == 0 ? 1 : size));
    }
}

static void class_waste_at_most_an_eighth(void **state)
{
    (void)state;
    for (size_t size = 129; size <= SLAB_CLASS_MAX; size++) {
        uint32_t block = slab_class_sizes[slab_class_of(size)];
        assert_true((block - size) * 8 <= block);
    }
}

static void class_sizes_are_multiples_of_16(void **state)
{
    (void)state;
    for (unsigned class = 0; class < SLAB_CLASSES; class ++)
        assert_int_equal(slab_class_sizes[class] % 16, 0);
    assert_int_equal(slab_class_sizes[0], 16);
    assert_int_equal(slab_class_sizes[SLAB_CLASSES - 1], SLAB_CLASS_MAX);
}

static void class_slab_has_blocks_enough(void **state)
{
    (void)state;
    for (unsigned class = 0; class < SLAB_CLASSES; class ++) {
        assert_true(slab_class_capacity(class) >= 8);
        assert_true(slab_class_capacity(class) <= 4096);
        assert_true((uint64_t)slab_class_capacity(class) * slab_class_sizes[class] <=
                    (uint64_t)slab_class_units(class) * SLAB_UNIT_SIZE);
    }
}

static unsigned smallest_class(size_t size, size_t alignment)
{
    unsigned class = 0;
    while (slab_class_sizes[class] < size || slab_class_sizes[class] % alignment != 0)
        class ++;
    return class;
}

static void class_aligned_is_smallest_or_none(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment <= SLAB_UNIT_SIZE; alignment *= 2) {
        for (size_t size = 0; size <= SLAB_CLASS_MAX + 1; size += size < 300 ? 1 : 97) {
            size_t bytes = slab_class_aligned_bytes(size, alignment);
            if (size > SLAB_CLASS_MAX)
                assert_int_equal(bytes, 0);
            else
                assert_int_equal(slab_class_of(bytes), smallest_class(size, alignment));
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(class_every_size_fits_tightly, start),
    cmocka_unit_test(class_waste_at_most_an_eighth),
    cmocka_unit_test(class_sizes_are_multiples_of_16),
    cmocka_unit_test(class_slab_has_blocks_enough),
    cmocka_unit_test(class_aligned_is_smallest_or_none),
};

RUN_TESTS("slab_class")
