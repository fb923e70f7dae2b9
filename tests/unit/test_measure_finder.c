/* SPDX-License-Identifier: MIT */
/* Finding allocators, in folders of copies; what can be loaded is shown in tests/golden. */
#define _GNU_SOURCE
#include "measure/finder.h"

#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char folder[64];
static struct finder_list list;
static char reason[1024];

static int make_folder(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/shale-finder-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    setenv("SHALE_ALLOCATOR_PATH", folder, 1);
    setenv("SHALE_PEERS", "/nowhere", 1);
    list = (struct finder_list){NULL};
    reason[0] = '\0';
    return 0;
}

static int remove_folder(void **state)
{
    char command[128];
    finder_free(&list);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command); /* NOLINT: the path is our own mkdtemp's */
}

/* A library of that file name whose mi_version says `version`. */
static void make_mimalloc(const char *file, int version)
{
    char command[1024];
    snprintf(command, sizeof command,
             "mkdir -p $(dirname %s/%s) && printf 'typedef unsigned long size_t;"
             "int mi_version(void){return %d;} "
             "void *malloc(size_t n){return 0;} void free(void *p){} "
             "void *calloc(size_t n, size_t s){return 0;} "
             "void *realloc(void *p, size_t s){return 0;} "
             "' | "
             "cc -O1 -w -fno-builtin -shared -fPIC -x c - -o %s/%s",
             folder, file, version, folder, file);
    assert_int_equal(system(command), 0); /* NOLINT: the words are this test's own */
}

static void find_system_needs_nothing(void **state)
{
    assert_int_equal(finder_find("system", &list, reason, sizeof reason), 0);
    assert_int_equal(list.count, 1);
    assert_null(list.items[0].path);
    assert_int_equal(list.items[0].source, FINDER_BUILT_IN);
    finder_free(&list);
    assert_int_equal(finder_find("glibc@1", &list, reason, sizeof reason), SHALE_ENOENT);
}

static void find_newest_of_one_place_is_taken(void **state)
{
    make_mimalloc("a/libmimalloc.so.3", 30900);
    make_mimalloc("b/libmimalloc.so.3", 31000);
    assert_int_equal(finder_find("mimalloc", &list, reason, sizeof reason), 0);
    assert_string_equal(list.items[0].version, "3.10.0");
    assert_int_equal(list.items[0].source, FINDER_PATH);
    assert_int_equal(list.count, 1);
}

static void find_version_is_taken_by_its_beginning(void **state)
{
    make_mimalloc("a/libmimalloc.so.3", 30900);
    make_mimalloc("b/libmimalloc.so.3", 31000);
    assert_int_equal(finder_find("mimalloc@3.9", &list, reason, sizeof reason), 0);
    assert_string_equal(list.items[0].version, "3.9.0");
    finder_free(&list);
    assert_int_equal(finder_find("mimalloc@3.1", &list, reason, sizeof reason), SHALE_ENOENT);
    assert_non_null(strstr(reason, "3.10.0, 3.9.0"));
    assert_int_equal(list.count, 0);
}

static void find_link_to_a_listed_file_is_no_second(void **state)
{
    char target[128];
    char link[128];
    make_mimalloc("libmimalloc.so.3.9", 30900);
    snprintf(target, sizeof target, "%s/libmimalloc.so.3.9", folder);
    snprintf(link, sizeof link, "%s/libmimalloc.so.3", folder);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(finder_scan(&list), 0);
    size_t seen = 0;
    for (size_t i = 0; i < list.count; i++)
        seen += list.items[i].path && strcmp(list.items[i].path, target) == 0;
    assert_int_equal(seen, 1);
}

static void find_too_deep_is_not_seen(void **state)
{
    make_mimalloc("1/2/3/4/5/6/7/8/libmimalloc.so.3", 30900);
    make_mimalloc("1/2/3/4/5/6/7/8/9/libmimalloc.so.3", 31100);
    assert_int_equal(finder_find("mimalloc@3", &list, reason, sizeof reason), 0);
    assert_string_equal(list.items[0].version, "3.9.0");
}

static void find_debugging_builds_are_left_out_unless_asked_for(void **state)
{
    char path[128];
    make_mimalloc("libmimalloc-debug.so.3", 30900);
    setenv("SHALE_PEERS", folder, 1);
    assert_int_equal(finder_find("mimalloc@3.9", &list, reason, sizeof reason), 0);
    assert_int_equal(list.items[0].source, FINDER_PATH);
    finder_free(&list);
    unsetenv("SHALE_ALLOCATOR_PATH");
    assert_int_equal(finder_find("mimalloc@3.9", &list, reason, sizeof reason), SHALE_ENOENT);
    snprintf(path, sizeof path, "%s/libmimalloc-debug.so.3", folder);
    assert_int_equal(finder_find(path, &list, reason, sizeof reason), 0);
    finder_free(&list);
    assert_int_equal(finder_find("asan", &list, reason, sizeof reason), SHALE_ENOENT);
    assert_non_null(strstr(reason, "give the path"));
}

static void find_wrong_requests_say_why(void **state)
{
    assert_int_equal(finder_find("nomalloc", &list, reason, sizeof reason), SHALE_ENOENT);
    assert_non_null(strstr(reason, "jemalloc"));
    assert_int_equal(finder_find("", &list, reason, sizeof reason), SHALE_ENOENT);
    assert_int_equal(finder_find("/no/such.so", &list, reason, sizeof reason), SHALE_ENOENT);
    assert_int_equal(finder_find("/etc/passwd", &list, reason, sizeof reason), SHALE_ENOTSUP);
    assert_int_equal(finder_find("/", &list, reason, sizeof reason), SHALE_ENOTSUP);
    assert_int_equal(list.count, 0);
}

static void find_broken_path_variable_is_harmless(void **state)
{
    setenv("SHALE_ALLOCATOR_PATH", "::/dev/null:/no/such:", 1);
    assert_int_equal(finder_scan(&list), 0);
    assert_true(list.count >= 1);
    assert_string_equal(list.items[0].name, "system");
}

static void peers_dir_follows_the_variables(void **state)
{
    char *path = finder_peers_dir();
    assert_string_equal(path, "/nowhere");
    free(path);
    setenv("SHALE_PEERS", "", 1);
    setenv("XDG_CACHE_HOME", "/cache", 1);
    path = finder_peers_dir();
    assert_string_equal(path, "/cache/shale/peers");
    free(path);
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/house/x", 1);
    path = finder_peers_dir();
    assert_string_equal(path, "/house/x/.cache/shale/peers");
    free(path);
    unsetenv("HOME");
    assert_null(finder_peers_dir());
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static const struct CMUnitTest tests[] = {
    WITH_FOLDER(find_system_needs_nothing),
    WITH_FOLDER(find_newest_of_one_place_is_taken),
    WITH_FOLDER(find_version_is_taken_by_its_beginning),
    WITH_FOLDER(find_link_to_a_listed_file_is_no_second),
    WITH_FOLDER(find_too_deep_is_not_seen),
    WITH_FOLDER(find_debugging_builds_are_left_out_unless_asked_for),
    WITH_FOLDER(find_wrong_requests_say_why),
    WITH_FOLDER(find_broken_path_variable_is_harmless),
    WITH_FOLDER(peers_dir_follows_the_variables),
};

RUN_TESTS("measure_finder")
