/* SPDX-License-Identifier: MIT */
#include "identify/catalog.h"

#include "test.h"

static void by_name_each_entry_finds_itself(void **state)
{
    for (const struct identify_allocator *entry = identify_allocators; entry->name; entry++)
        assert_ptr_equal(identify_allocator_by_name(entry->name), entry);
    assert_string_equal(identify_allocator_by_name("glibc")->name, "system");
    assert_null(identify_allocator_by_name("hoard"));
    assert_null(identify_allocator_by_name(""));
}

static void by_file_each_soname_finds_its_own_entry(void **state)
{
    for (const struct identify_allocator *entry = identify_allocators; entry->name; entry++)
        for (const char *const *soname = entry->sonames; *soname; soname++)
            assert_ptr_equal(identify_allocator_by_file(*soname), entry);
    assert_string_equal(identify_allocator_by_file("/opt/x/libmimalloc.so.3.6")->name, "mimalloc");
    assert_string_equal(identify_allocator_by_file("/lib/x86_64-linux-gnu/libc.so.6")->name,
                        "system");
    assert_null(identify_allocator_by_file("/opt/libmimalloc.so.2/libother.so"));
    assert_null(identify_allocator_by_file("libcap.so.2"));
}

static void debugging_file_is_none_that_a_name_means(void **state)
{
    for (const struct identify_allocator *entry = identify_allocators; entry->name; entry++)
        for (const char *const *soname = entry->sonames; *soname; soname++)
            assert_false(identify_is_debugging_file(*soname));
    assert_true(identify_is_debugging_file("/usr/lib/libtcmalloc_minimal_debug.so.4"));
    assert_true(identify_is_debugging_file("libasan.so.8"));
    assert_false(identify_is_debugging_file("/libasan.so.8/libjemalloc.so.2"));
}

static void split_name_with_and_without_version(void **state)
{
    char name[8];
    const char *version;
    identify_split_name("mimalloc@3.6.0", name, sizeof name, &version);
    assert_string_equal(name, "mimallo");
    assert_string_equal(version, "3.6.0");
    identify_split_name("tbb", name, sizeof name, &version);
    assert_string_equal(name, "tbb");
    assert_null(version);
}

static void version_fits_by_whole_components(void **state)
{
    assert_true(identify_version_fits("3.6.0", "3"));
    assert_true(identify_version_fits("3.6.0", "3.6.0"));
    assert_true(identify_version_fits("5.3.0-0-g54eaed", "5.3.0"));
    assert_false(identify_version_fits("3.6.0", "3.60"));
    assert_false(identify_version_fits("30.6.0", "3"));
}

static void mimalloc_version_old_and_new_numbering(void **state)
{
    static const struct {
        int number;
        const char *text;
    } cases[] = {{189, "1.8.9"}, {209, "2.0.9"}, {222, "2.2.2"}, {301, "3.0.1"}, {30600, "3.6.0"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[16];
        identify_mimalloc_version(cases[i].number, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(by_name_each_entry_finds_itself),
    cmocka_unit_test(by_file_each_soname_finds_its_own_entry),
    cmocka_unit_test(debugging_file_is_none_that_a_name_means),
    cmocka_unit_test(split_name_with_and_without_version),
    cmocka_unit_test(version_fits_by_whole_components),
    cmocka_unit_test(mimalloc_version_old_and_new_numbering),
};

RUN_TESTS("identify_catalog")
