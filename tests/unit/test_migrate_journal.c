/* SPDX-License-Identifier: MIT */
/*
 * The journal under faults: at every system call of a write and of an undo, once an error and once
 * a crash. Afterwards the tree is old or new, or undo makes it old; never anything else.
 */
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migrate/journal.h"
#include "migrate/safefile.h"

#define OLD_A "old text of a\n"
#define NEW_A "new and longer text of a\n"
#define OLD_B "old b"
#define NEW_B "b"
#define NEW_C "a new file\n"

static char root[64];
static int calls;     /* since the start of an attempt */
static int fault_at;  /* the call that fails; 0: none */
static bool crashing; /* it ends the process instead */

static int fault(const char *what, const char *path)
{
    (void)what, (void)path;
    if (++calls != fault_at)
        return 0;
    if (crashing)
        _exit(99);
    return ENOSPC;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static const char *in_root(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text)
{
    int file = open(in_root(name), O_WRONLY | O_CREAT | O_TRUNC, 0640);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

static bool holds(const char *name, const char *text)
{
    size_t size;
    char *now = safefile_read(in_root(name), &size);
    bool same = now ? text && strcmp(now, text) == 0 : !text;
    free(now);
    return same;
}

static void make_tree(void)
{
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(root, 0755), 0);
    put("a.c", OLD_A);
    put("b.c", OLD_B);
    char other[256];
    snprintf(other, sizeof other, "%s/link.c", root);
    assert_int_equal(link(in_root("a.c"), other), 0);
}

static bool is_old(void)
{
    return holds("a.c", OLD_A) && holds("link.c", OLD_A) && holds("b.c", OLD_B) &&
           holds("c.h", NULL);
}

static bool is_new(void)
{
    return holds("a.c", NEW_A) && holds("link.c", NEW_A) && holds("b.c", NEW_B) &&
           holds("c.h", NEW_C);
}

/* No temporary file is left beside the sources. */
static bool is_clean(void)
{
    return access(in_root("a.c.shale-migrate-new"), F_OK) != 0 &&
           access(in_root("b.c.shale-migrate-new"), F_OK) != 0 &&
           access(in_root("c.h.shale-migrate-new"), F_OK) != 0 &&
           access(in_root("link.c.shale-migrate-new"), F_OK) != 0;
}

static void add(struct journal *journal, const char *path, const char *old, const char *new,
                long same_as)
{
    journal_add(journal, &(struct journal_entry){.path = (char *)path,
                                                 .old_text = (char *)old,
                                                 .old_size = old ? strlen(old) : 0,
                                                 .new_text = (char *)new,
                                                 .new_size = strlen(new),
                                                 .mode = 0640,
                                                 .had_old = old != NULL,
                                                 .same_as = same_as});
}

static int write_all(void)
{
    struct journal journal;
    struct journal_error error;
    int result = journal_open(&journal, root, true) == 0 ? 0 : 2;
    if (result == 0) {
        add(&journal, "a.c", OLD_A, NEW_A, -1);
        add(&journal, "b.c", OLD_B, NEW_B, -1);
        add(&journal, "c.h", NULL, NEW_C, -1);
        add(&journal, "link.c", OLD_A, NEW_A, 0);
        result = journal_write(&journal, &error);
    }
    journal_close(&journal);
    return result;
}

/* 0 done, 1 nothing to undo, -1 failed */
static int undo_all(void)
{
    struct journal journal;
    struct journal_error error;
    int result = -1;
    if (journal_open(&journal, root, false) != 0 || journal_load_last(&journal) != 0)
        result = errno == ENOENT ? 1 : -1;
    else if (!journal_first_edited(&journal))
        result = journal_take_back(&journal, false, &error);
    journal_close(&journal);
    return result;
}

/* Runs work() in a child with a fault at call `at`; gives its exit status, 99 for the crash. */
static int attempt(int (*work)(void), int at, bool crash)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fault_at = at;
        crashing = crash;
        calls = 0;
        safefile_fault = fault;
        int result = work();
        _exit(result < 0 ? 50 : calls < at ? 60 : result);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

enum { NO_FAULT = 60, FAULTS_MAX = 400 };

static void test_journal_write_and_undo(void **state)
{
    (void)state;
    make_tree();
    assert_int_equal(write_all(), 0);
    assert_true(is_new() && is_clean());
    assert_false(journal_is_interrupted(root));
    struct stat status;
    assert_int_equal(stat(in_root("b.c"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(undo_all(), 0);
    assert_true(is_old() && is_clean());
    assert_int_equal(access(in_root(".shale-migrate"), F_OK), -1);
    assert_int_equal(undo_all(), 1);
}

static void test_journal_write_error_at_every_call_leaves_the_old_tree(void **state)
{
    (void)state;
    int at = 1;
    for (;; at++) {
        make_tree();
        int status = attempt(write_all, at, false);
        if (status == NO_FAULT)
            break;
        assert_true(at < FAULTS_MAX);
        if (status == 0) {
            assert_true(is_new());
            continue;
        }
        assert_true(is_old() && is_clean());
        assert_false(journal_is_interrupted(root));
    }
    assert_true(at > 50); /* the faults were really there */
}

static void test_journal_crash_of_a_write_at_every_call_is_recovered(void **state)
{
    (void)state;
    int interrupted = 0;
    for (int at = 1;; at++) {
        make_tree();
        if (attempt(write_all, at, true) == NO_FAULT)
            break;
        assert_true(at < FAULTS_MAX);
        if (journal_is_interrupted(root)) {
            interrupted++;
            assert_int_equal(undo_all(), 0);
            assert_true(is_old() && is_clean());
        } else {
            assert_true((is_old() || is_new()) && is_clean());
        }
        /* Whatever was left behind does not stand in the way of the next write. */
        if (is_new())
            assert_int_equal(undo_all(), 0);
        assert_int_equal(write_all(), 0);
        assert_true(is_new() && is_clean());
    }
    assert_true(interrupted > 10);
}

static void test_journal_faults_of_an_undo_at_every_call_are_recovered(void **state)
{
    (void)state;
    for (int crash = 0; crash <= 1; crash++) {
        for (int at = 1;; at++) {
            make_tree();
            assert_int_equal(write_all(), 0);
            if (attempt(undo_all, at, crash != 0) == NO_FAULT)
                break;
            assert_true(at < FAULTS_MAX);
            assert_true(undo_all() >= 0);
            assert_true(is_old() && is_clean());
        }
    }
}

static void test_journal_edited_file_is_found_before_anything_changes(void **state)
{
    (void)state;
    make_tree();
    assert_int_equal(write_all(), 0);
    put("b.c", "edited");
    struct journal journal;
    assert_int_equal(journal_open(&journal, root, false), 0);
    assert_int_equal(journal_load_last(&journal), 0);
    assert_string_equal(journal_first_edited(&journal)->path, "b.c");
    journal_close(&journal);
}

static void test_journal_is_locked_while_open(void **state)
{
    (void)state;
    make_tree();
    struct journal journal;
    struct journal second;
    assert_int_equal(journal_open(&journal, root, true), 0);
    assert_int_equal(journal_open(&second, root, true), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    journal_close(&second);
    journal_close(&journal);
}

static void forge_manifest(const char *path)
{
    FILE *manifest = fopen(in_root(".shale-migrate/0001/manifest"), "w");
    assert_non_null(manifest);
    fprintf(manifest, "shale-migrate-journal 1%c640 1 -1 %s%c", 0, path, 0);
    fclose(manifest);
}

static void test_journal_forged_manifest_cannot_leave_the_root(void **state)
{
    (void)state;
    make_tree();
    assert_int_equal(write_all(), 0);
    forge_manifest("../outside.c");
    assert_int_equal(undo_all(), -1);
    assert_int_equal(symlink("/tmp", in_root("away")), 0);
    forge_manifest("away/outside.c");
    assert_int_equal(undo_all(), -1);
}

/* ---- what a power cut would leave ---- */

enum { PENDING_MAX = 64 };

static char pending[PENDING_MAX][256]; /* changed, not known to be on the disk */
static bool root_synced;
static int renames_over_sources;

static size_t folder_length(const char *path)
{
    return (size_t)(strrchr(path, '/') - path);
}

static void forget(const char *path, bool whole_folder)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        size_t length = folder_length(path);
        bool match = whole_folder ? pending[i][0] && folder_length(pending[i]) == length &&
                                        strncmp(pending[i], path, length) == 0
                                  : strcmp(pending[i], path) == 0;
        if (match)
            pending[i][0] = '\0';
    }
}

static void remember(const char *path)
{
    size_t i = 0;
    while (i < PENDING_MAX && pending[i][0])
        i++;
    assert_true(i < PENDING_MAX);
    snprintf(pending[i], sizeof pending[i], "%s", path);
}

/* Nothing is pending whose path holds `part`. */
static bool is_durable(const char *part)
{
    for (size_t i = 0; i < PENDING_MAX; i++)
        if (pending[i][0] && strstr(pending[i], part))
            return false;
    return true;
}

/* Before a source is replaced its journal is on the disk; before the journal goes, the sources. */
static int watch_order(const char *what, const char *path)
{
    if (strcmp(what, "rename") == 0 && !strstr(path, "/.shale-migrate")) {
        assert_true(is_durable("/.shale-migrate"));
        renames_over_sources++;
    }
    if (strcmp(what, "rename") == 0 && strstr(path, "/dropped")) {
        assert_true(root_synced);
        assert_true(is_durable("/"));
    }
    if (strcmp(what, "fsync folder") == 0) {
        forget(path, true);
        root_synced |= strncmp(path, root, folder_length(path)) == 0;
    } else if (strncmp(what, "write", 5) != 0 && strcmp(what, "fchmod") != 0 &&
               strcmp(what, "fsync") != 0) {
        remember(path);
    }
    return 0;
}

static void watch(void)
{
    memset(pending, 0, sizeof pending);
    root_synced = false;
    renames_over_sources = 0;
    safefile_fault = watch_order;
}

static void test_journal_is_on_the_disk_before_the_sources_and_goes_after_them(void **state)
{
    (void)state;
    make_tree();
    watch();
    assert_int_equal(write_all(), 0);
    assert_int_equal(renames_over_sources, 4);
    watch();
    assert_int_equal(undo_all(), 0);
    safefile_fault = NULL;
    assert_true(is_old());
}

/* The files are old by an undo that was killed: their names may still be on the way to the disk. */
static void test_journal_second_undo_syncs_what_the_first_renamed(void **state)
{
    (void)state;
    make_tree();
    struct journal journal;
    struct journal_error error;
    assert_int_equal(journal_open(&journal, root, true), 0);
    add(&journal, "b.c", OLD_B, NEW_B, -1);
    assert_int_equal(journal_write(&journal, &error), 0);
    journal_close(&journal);
    put("b.c", OLD_B);
    watch();
    assert_int_equal(undo_all(), 0);
    safefile_fault = NULL;
    assert_true(is_old());
}

/* ---- others at the same files ---- */

static const char *edit_before; /* a file is edited before this path is renamed over */

static int edit(const char *what, const char *path)
{
    if (strcmp(what, "create") == 0 && strstr(path, edit_before))
        put("b.c", "edited");
    return 0;
}

static void test_journal_file_edited_during_a_write_is_kept_and_the_rest_put_back(void **state)
{
    (void)state;
    make_tree();
    struct journal journal;
    struct journal_error error;
    assert_int_equal(journal_open(&journal, root, true), 0);
    add(&journal, "a.c", OLD_A, NEW_A, -1);
    add(&journal, "b.c", OLD_B, NEW_B, -1);
    edit_before = "/b.c.shale-migrate-new";
    safefile_fault = edit;
    assert_int_equal(journal_write(&journal, &error), 1);
    safefile_fault = NULL;
    assert_string_equal(error.path, "b.c");
    assert_int_equal(error.error, ESTALE);
    journal_close(&journal);
    assert_true(holds("a.c", OLD_A) && holds("b.c", "edited") && is_clean());
    assert_int_equal(access(in_root(".shale-migrate"), F_OK), -1);
}

static void test_journal_in_use_is_not_interrupted(void **state)
{
    (void)state;
    make_tree();
    assert_int_equal(write_all(), 0);
    assert_int_equal(unlink(in_root(".shale-migrate/0001/written")), 0);
    assert_true(journal_is_interrupted(root));
    struct journal journal;
    assert_int_equal(journal_open(&journal, root, false), 0);
    assert_false(journal_is_interrupted(root));
    journal_close(&journal);
    assert_true(journal_is_interrupted(root));
}

static void test_journal_behind_a_link_is_refused(void **state)
{
    (void)state;
    make_tree();
    assert_int_equal(mkdir(in_root("elsewhere"), 0755), 0);
    assert_int_equal(symlink("elsewhere", in_root(".shale-migrate")), 0);
    struct journal journal;
    assert_int_equal(journal_open(&journal, root, true), -1);
    assert_int_equal(errno, ENOTDIR);
    journal_close(&journal);
    assert_int_equal(access(in_root("elsewhere/.gitignore"), F_OK), -1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_journal_write_and_undo),
    cmocka_unit_test(test_journal_write_error_at_every_call_leaves_the_old_tree),
    cmocka_unit_test(test_journal_crash_of_a_write_at_every_call_is_recovered),
    cmocka_unit_test(test_journal_faults_of_an_undo_at_every_call_are_recovered),
    cmocka_unit_test(test_journal_edited_file_is_found_before_anything_changes),
    cmocka_unit_test(test_journal_is_locked_while_open),
    cmocka_unit_test(test_journal_forged_manifest_cannot_leave_the_root),
    cmocka_unit_test(test_journal_is_on_the_disk_before_the_sources_and_goes_after_them),
    cmocka_unit_test(test_journal_second_undo_syncs_what_the_first_renamed),
    cmocka_unit_test(test_journal_file_edited_during_a_write_is_kept_and_the_rest_put_back),
    cmocka_unit_test(test_journal_in_use_is_not_interrupted),
    cmocka_unit_test(test_journal_behind_a_link_is_refused),
};

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    /* Memory first: what is tested is the order of the calls, and syncing a disk takes its time. */
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(root, sizeof root, "%s/shale-journal-XXXXXX", folder);
    if (!mkdtemp(root))
        return 1;
    int failed = cmocka_run_group_tests_name("migrate_journal", tests, NULL, NULL);
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return failed;
}
