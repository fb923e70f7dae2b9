/* SPDX-License-Identifier: MIT */
/* Probes: with sys/sdt.h a note per probe in the file, without it nothing but type checks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/probe.h"

#include "test.h"

static void fire_all(int number, const void *pointer)
{
    SHALE_PROBE0(test_none);
    SHALE_PROBE1(test_one, number);
    SHALE_PROBE2(test_two, number, pointer);
    SHALE_PROBE3(test_three, number, pointer, sizeof number);
    SHALE_PROBE4(test_four, number, pointer, sizeof number, 'x');
}

/* Notes hold provider and name as two strings, one behind the other. */
static bool own_file_has(const char *bytes, size_t length)
{
    struct stat status = {0};
    int file = open("/proc/self/exe", O_RDONLY);
    assert_true(file >= 0 && fstat(file, &status) == 0);
    char *image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    assert_true(image != MAP_FAILED);
    bool found = memmem(image, (size_t)status.st_size, bytes, length) != NULL;
    munmap(image, (size_t)status.st_size);
    close(file);
    return found;
}

static void probe_fired_without_tracer_changes_nothing(void **state)
{
    int number = 7;
    fire_all(number, state);
    assert_int_equal(number, 7);
}

static void probe_note_is_in_the_file_when_built_in(void **state)
{
    /* Put together at run time: the text itself must not be in the file. */
    char note[32];
    int length = snprintf(note, sizeof note, "%s%c%s", "shale", '\0', "test_thr");
    memcpy(note + length, "ee", 3);
    assert_int_equal(own_file_has(note, (size_t)length + 3), SHALE_PROBES);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(probe_fired_without_tracer_changes_nothing),
    cmocka_unit_test(probe_note_is_in_the_file_when_built_in),
};

RUN_TESTS("base_probe")
