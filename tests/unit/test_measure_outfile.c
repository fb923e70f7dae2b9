/* SPDX-License-Identifier: MIT */
#include "measure/outfile.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char folder[64];

static int make_folder(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/shale-test-outfile-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    unlink("report");
    unlink("link");
    return rmdir(folder);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_holds(const char *path, const char *text)
{
    char got[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(got, 1, sizeof got - 1, file) > 0);
    fclose(file);
    assert_string_equal(got, text);
}

static size_t files_here(void)
{
    size_t count = 0;
    DIR *here = opendir(".");
    for (struct dirent *entry; (entry = readdir(here));)
        count += entry->d_name[0] != '.';
    closedir(here);
    return count;
}

static void commit_replaces_the_file_whole(void **state)
{
    write_text("report", "old");
    struct outfile file;
    assert_int_equal(outfile_open(&file, "report"), 0);
    fputs("new", file.stream);
    fflush(file.stream);
    assert_holds("report", "old");
    assert_int_equal(outfile_commit(&file), 0);
    assert_holds("report", "new");
    assert_int_equal(files_here(), 1);
    struct stat status;
    assert_return_code(stat("report", &status), 0);
    assert_int_equal(status.st_mode & 0600, 0600);
}

static void abandon_leaves_nothing(void **state)
{
    struct outfile file;
    assert_int_equal(outfile_open(&file, "report"), 0);
    fputs("half", file.stream);
    outfile_abandon(&file);
    outfile_abandon(&file);
    assert_int_equal(files_here(), 0);
}

static void link_is_followed_and_stays(void **state)
{
    write_text("report", "old");
    assert_return_code(symlink("report", "link"), 0);
    struct outfile file;
    assert_int_equal(outfile_open(&file, "link"), 0);
    fputs("new", file.stream);
    assert_int_equal(outfile_commit(&file), 0);
    assert_holds("report", "new");
    struct stat status;
    assert_return_code(lstat("link", &status), 0);
    assert_true(S_ISLNK(status.st_mode));
}

static void full_device_is_an_error(void **state)
{
    struct outfile file;
    assert_int_equal(outfile_open(&file, "/dev/full"), 0);
    fputs("text", file.stream);
    assert_int_equal(outfile_commit(&file), SHALE_EIO);
    assert_int_equal(errno, ENOSPC);
}

static void missing_folder_is_an_error_at_opening(void **state)
{
    struct outfile file;
    assert_int_equal(outfile_open(&file, "no/such/report"), SHALE_EIO);
    assert_int_equal(errno, ENOENT);
}

static void probe_tells_and_leaves_nothing(void **state)
{
    assert_int_equal(outfile_probe(NULL), 0);
    assert_int_equal(outfile_probe("-"), 0);
    assert_int_equal(outfile_probe("/dev/full"), 0);
    assert_int_equal(outfile_probe("report"), 0);
    assert_int_equal(access("report", F_OK), -1);
    assert_int_equal(outfile_probe("."), SHALE_EIO);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(outfile_probe("no/such/report"), SHALE_EIO);
    assert_int_equal(errno, ENOENT);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static const struct CMUnitTest tests[] = {
    IN_FOLDER(commit_replaces_the_file_whole),
    IN_FOLDER(abandon_leaves_nothing),
    IN_FOLDER(link_is_followed_and_stays),
    IN_FOLDER(full_device_is_an_error),
    IN_FOLDER(missing_folder_is_an_error_at_opening),
    IN_FOLDER(probe_tells_and_leaves_nothing),
};

RUN_TESTS("measure_outfile")
