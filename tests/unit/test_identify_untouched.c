/* SPDX-License-Identifier: MIT */
/*
 * Reading a process without making its pages resident: a child maps a file privately, writes to its
 * first page and waits; the pages behind have to stay as they are.
 */
#define _GNU_SOURCE
#include "identify/untouched.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum { PAGES = 4, PAGE_MAX = 1 << 16 };

struct target {
    char path[64];
    size_t page;
    char *mapped; /* at the same address in the child */
    pid_t child;
    int orders; /* a byte: map the file once more */
    int answers;
};

static void write_file(const char *path, size_t page)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < PAGES * page; i++)
        putc('a' + (int)(i / page), file);
    assert_int_equal(fclose(file), 0);
}

static void *map_file(const char *path, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    close(fd);
    return mapped;
}

_Noreturn static void be_the_target(const struct target *target, int orders, int answers)
{
    char byte = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    target->mapped[0] = 'X';
    while (write(answers, &byte, 1) == 1 && read(orders, &byte, 1) == 1)
        if (map_file(target->path, target->page) == MAP_FAILED)
            break;
    _exit(1);
}

static int start(void **state)
{
    static struct target target;
    int orders[2], answers[2];
    char byte;
    target.page = (size_t)sysconf(_SC_PAGESIZE);
    snprintf(target.path, sizeof target.path, "/tmp/shale-untouched-%ld", (long)getpid());
    write_file(target.path, target.page);
    target.mapped = map_file(target.path, PAGES * target.page);
    if (target.mapped == MAP_FAILED || pipe2(orders, O_CLOEXEC) != 0 ||
        pipe2(answers, O_CLOEXEC) != 0)
        return -1;
    target.child = fork();
    if (target.child == 0)
        be_the_target(&target, orders[0], answers[1]);
    close(orders[0]);
    close(answers[1]);
    target.orders = orders[1];
    target.answers = answers[0];
    *state = &target;
    return target.child > 0 && read(target.answers, &byte, 1) == 1 ? 0 : -1;
}

static int stop(void **state)
{
    struct target *target = *state;
    kill(target->child, SIGKILL);
    waitpid(target->child, NULL, 0);
    close(target->orders);
    close(target->answers);
    munmap(target->mapped, PAGES * target->page);
    unlink(target->path);
    return 0;
}

/* Reads all pages; returns the first letters of them. */
static const char *letters(const struct target *target, const struct identify_memory *memory)
{
    static char found[PAGES + 1];
    static char bytes[PAGES * PAGE_MAX];
    assert_in_range(target->page, 1, PAGE_MAX);
    assert_int_equal(
        identify_memory_read(memory, (uintptr_t)target->mapped, bytes, PAGES * target->page), 0);
    for (size_t i = 0; i < PAGES; i++)
        found[i] = bytes[i * target->page];
    return found;
}

static bool is_resident(const struct target *target, size_t index)
{
    char path[64];
    uint64_t entry = 0;
    snprintf(path, sizeof path, "/proc/%ld/pagemap", (long)target->child);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t at = (off_t)(((uintptr_t)target->mapped / target->page + index) * sizeof entry);
    assert_int_equal(pread(fd, &entry, sizeof entry, at), (int)sizeof entry);
    close(fd);
    return entry >> 63;
}

static void untouched_read_leaves_pages_out(void **state)
{
    const struct target *target = *state;
    struct identify_untouched untouched;
    assert_int_equal(identify_untouched_open(target->child, true, &untouched), 0);
    assert_string_equal(letters(target, &untouched.memory), "Xbcd");
    assert_true(is_resident(target, 0));
    assert_false(is_resident(target, PAGES - 1));
    assert_false(identify_untouched_moved(&untouched));
    identify_untouched_close(&untouched);
}

static void untouched_without_files_reads_through_the_process(void **state)
{
    const struct target *target = *state;
    struct identify_untouched untouched;
    assert_int_equal(identify_untouched_open(target->child, false, &untouched), 0);
    assert_string_equal(letters(target, &untouched.memory), "Xbcd");
    assert_true(is_resident(target, PAGES - 1));
    assert_false(identify_untouched_moved(&untouched));
    identify_untouched_close(&untouched);
}

static void untouched_replaced_file_is_not_read(void **state)
{
    const struct target *target = *state;
    struct identify_untouched untouched;
    assert_int_equal(unlink(target->path), 0);
    FILE *other = fopen(target->path, "w");
    assert_non_null(other);
    for (size_t i = 0; i < PAGES * target->page; i++)
        putc('?', other);
    assert_int_equal(fclose(other), 0);
    assert_int_equal(identify_untouched_open(target->child, true, &untouched), 0);
    assert_string_equal(letters(target, &untouched.memory), "Xbcd");
    identify_untouched_close(&untouched);
}

static void untouched_new_mapping_is_noticed(void **state)
{
    const struct target *target = *state;
    struct identify_untouched untouched;
    char byte = 0;
    assert_int_equal(identify_untouched_open(target->child, true, &untouched), 0);
    assert_int_equal(write(target->orders, &byte, 1), 1);
    assert_int_equal(read(target->answers, &byte, 1), 1);
    assert_true(identify_untouched_moved(&untouched));
    identify_untouched_close(&untouched);
}

static void untouched_address_of_nothing_is_an_error(void **state)
{
    const struct target *target = *state;
    struct identify_untouched untouched;
    char byte;
    assert_int_equal(identify_untouched_open(target->child, true, &untouched), 0);
    assert_int_equal(identify_memory_read(&untouched.memory, 16, &byte, 1), SHALE_EIO);
    assert_int_equal(identify_memory_read(&untouched.memory, UINT64_MAX, &byte, 1), SHALE_EIO);
    identify_untouched_close(&untouched);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(untouched_read_leaves_pages_out, start, stop),
    cmocka_unit_test_setup_teardown(untouched_without_files_reads_through_the_process, start, stop),
    cmocka_unit_test_setup_teardown(untouched_replaced_file_is_not_read, start, stop),
    cmocka_unit_test_setup_teardown(untouched_new_mapping_is_noticed, start, stop),
    cmocka_unit_test_setup_teardown(untouched_address_of_nothing_is_an_error, start, stop),
};

RUN_TESTS("identify_untouched")
