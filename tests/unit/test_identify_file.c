/* SPDX-License-Identifier: MIT */
/* Files: sound ones, wrong ones, and some hundred damaged copies of a real program. */
#define _GNU_SOURCE
#include "identify/identify.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char folder[] = "/tmp/shale-identify-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    unlink(path);
    return rmdir(folder);
}

static void write_file(const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static char *read_file(const char *name, size_t *size)
{
    struct stat facts = {0};
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &facts) == 0);
    char *bytes = malloc((size_t)facts.st_size + 1);
    assert_non_null(bytes);
    *size = (size_t)facts.st_size;
    assert_int_equal(read(fd, bytes, *size), facts.st_size);
    close(fd);
    return bytes;
}

static int judge(const char *name, struct identify_report *report)
{
    identify_report_init(report);
    return identify_file(name, NULL, report);
}

/* identify_file of it fails with that error and says why. */
static void expect_error(const char *name, int error)
{
    struct identify_report report;
    assert_int_equal(judge(name, &report), error);
    assert_non_null(report.reason);
    identify_report_free(&report);
}

static void file_wrong_kinds_are_errors_with_a_reason(void **state)
{
    expect_error("/nonexistent/file", SHALE_ENOENT);
    expect_error("/etc/passwd", SHALE_EFORMAT);
    expect_error(folder, SHALE_EFORMAT);
    expect_error("/dev/null", SHALE_EFORMAT);
    write_file("", 0);
    expect_error(path, SHALE_EFORMAT);
    write_file(ELFMAG, SELFMAG);
    expect_error(path, SHALE_EFORMAT);
}

static void file_script_without_interpreter_is_an_error(void **state)
{
    write_file("#!\n", 3);
    expect_error(path, SHALE_EFORMAT);
    write_file("#!/nonexistent/sh\n", 18);
    expect_error(path, SHALE_ENOENT);
    char line[128];
    snprintf(line, sizeof line, "#!%s\n", path);
    write_file(line, strlen(line));
    expect_error(path, SHALE_EFORMAT);
}

static void file_script_is_judged_by_its_interpreter(void **state)
{
    struct identify_report report;
    static const char *const lines[] = {"#!/bin/sh\n", "#! /usr/bin/env sh\n",
                                        "#!/usr/bin/env -S A=b sh -e\n"};
    for (size_t i = 0; i < 3; i++) {
        write_file(lines[i], strlen(lines[i]));
        assert_int_equal(judge(path, &report), 0);
        assert_int_equal(report.verdict, SHALE_VERDICT_ACTIVE);
        assert_string_equal(report.allocator, "system");
        assert_non_null(strstr(report.executable, "sh"));
        identify_report_free(&report);
    }
}

static void file_own_program_has_json_and_build_id(void **state)
{
    struct identify_report report;
    assert_int_equal(judge("/proc/self/exe", &report), 0);
    json_t *json = identify_report_json(&report);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "method")), "file");
    json_decref(json);
    identify_report_free(&report);
}

static void file_other_machine_is_unknown(void **state)
{
    size_t size = 0;
    struct identify_report report;
    char *bytes = read_file("/bin/true", &size);
    Elf64_Half machine = EM_S390;
    memcpy(bytes + offsetof(Elf64_Ehdr, e_machine), &machine, sizeof machine);
    write_file(bytes, size);
    assert_int_equal(judge(path, &report), 0);
    assert_int_equal(report.verdict, SHALE_VERDICT_UNKNOWN);
    assert_non_null(strstr(report.reason, "S/390"));
    identify_report_free(&report);
    struct identify_obstacle obstacle;
    struct identify_library library;
    assert_int_equal(identify_preload_obstacle("/bin/true", path, &obstacle), 0);
    assert_int_equal(obstacle.kind, IDENTIFY_OBSTACLE_ARCHITECTURE);
    assert_int_equal(identify_library_file(path, &library), SHALE_EFORMAT);
    free(bytes);
}

static void obstacle_kinds_without_libraries(void **state)
{
    struct identify_obstacle obstacle;
    assert_int_equal(identify_preload_obstacle(NULL, NULL, &obstacle), SHALE_EINVAL);
    assert_int_equal(identify_preload_obstacle("/bin/true", NULL, &obstacle), 0);
    assert_int_equal(obstacle.kind, IDENTIFY_OBSTACLE_NONE);
    assert_int_equal(identify_preload_obstacle("/etc/passwd", NULL, &obstacle), 0);
    assert_int_equal(obstacle.kind, IDENTIFY_OBSTACLE_NOT_ELF);
    assert_int_equal(identify_preload_obstacle("/nonexistent", NULL, &obstacle), 0);
    assert_int_equal(obstacle.kind, IDENTIFY_OBSTACLE_UNREADABLE);
    assert_int_equal(identify_preload_obstacle("/bin/true", "/nonexistent.so", &obstacle), 0);
    assert_int_equal(obstacle.kind, IDENTIFY_OBSTACLE_UNREADABLE);
    assert_true(obstacle.reason[0] && obstacle.remedy[0]);
}

/* A small generator of its own: the cases must be the same on every machine. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Everything that reads a file, on the file of the case. */
static void read_all_ways(void)
{
    struct identify_report report;
    struct identify_library library;
    struct identify_obstacle obstacle;
    if (judge(path, &report) == 0) {
        json_t *json = identify_report_json(&report);
        assert_non_null(json);
        json_decref(json);
    } else {
        assert_non_null(report.reason);
    }
    identify_report_free(&report);
    (void)!identify_library_file(path, &library);
    assert_int_equal(identify_preload_obstacle(path, path, &obstacle), 0);
}

/* Damage where the tables are: the headers, the first pages, the end. */
static void file_damaged_copies_never_crash(void **state)
{
    size_t size = 0;
    uint32_t seed = 7;
    char *bytes = read_file("/bin/true", &size);
    char *copy = malloc(size + 1);
    assert_non_null(copy);
    for (int round = 0; round < 400; round++) {
        memcpy(copy, bytes, size);
        size_t range = round % 4 == 0   ? sizeof(Elf64_Ehdr)
                       : round % 4 == 1 ? 0x400
                       : round % 4 == 2 ? 0x3000
                                        : size;
        for (int damage = 0; damage < 1 + round % 16; damage++) {
            size_t at =
                round % 8 == 7 ? size - 1 - next_random(&seed) % 4096 : next_random(&seed) % range;
            if (at >= EI_DATA + 1)
                copy[at] = (char)(damage % 3 ? next_random(&seed) : 0xff);
        }
        write_file(copy, size);
        read_all_ways();
    }
    free(copy);
    free(bytes);
}

static void file_cut_at_every_length_never_crashes(void **state)
{
    size_t size = 0;
    char *bytes = read_file("/bin/true", &size);
    for (size_t length = 0; length < size; length += 1 + length / 40) {
        write_file(bytes, length);
        read_all_ways();
    }
    free(bytes);
}

static void file_huge_and_empty_is_no_program(void **state)
{
    write_file("", 0);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
    expect_error(path, SHALE_EFORMAT);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(file_wrong_kinds_are_errors_with_a_reason),
    cmocka_unit_test(file_script_without_interpreter_is_an_error),
    cmocka_unit_test(file_script_is_judged_by_its_interpreter),
    cmocka_unit_test(file_own_program_has_json_and_build_id),
    cmocka_unit_test(file_other_machine_is_unknown),
    cmocka_unit_test(obstacle_kinds_without_libraries),
    cmocka_unit_test(file_damaged_copies_never_crash),
    cmocka_unit_test(file_cut_at_every_length_never_crashes),
    cmocka_unit_test(file_huge_and_empty_is_no_program),
};

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("identify_file", tests, make_folder, remove_folder);
}
