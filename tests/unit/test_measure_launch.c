/* SPDX-License-Identifier: MIT */
/* Launching real programs of the system: /bin/sh, env, sleep. */
#define _GNU_SOURCE
#include "measure/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

/* What prove saw, and what it says. */
struct witness {
    int held;
    int running;
    int answer;         /* of a held program */
    int answer_running; /* of one that runs, from call `from` on; SHALE_EBUSY before */
    int from;
    bool libc_mapped;
    bool wrote_already;
    int pipe; /* what the program writes to; looked at while it is held */
};

NO_LEAK_CHECK_UNDER_PTRACE

static bool maps_contain(pid_t pid, const char *text)
{
    char path[48];
    char line[1024];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "r");
    assert_non_null(maps);
    while (!found && fgets(line, sizeof line, maps))
        found = strstr(line, text) != NULL;
    fclose(maps);
    return found;
}

static int witness_prove(pid_t pid, bool held, void *context)
{
    struct witness *witness = context;
    char byte;
    if (!held)
        return ++witness->running >= witness->from ? witness->answer_running : SHALE_EBUSY;
    witness->held++;
    witness->libc_mapped = maps_contain(pid, "libc.so.6");
    witness->wrote_already = witness->pipe >= 0 && read(witness->pipe, &byte, 1) == 1;
    return witness->answer;
}

static int start(const char *const *argv, struct launch_spec spec, struct launch_process *process,
                 struct launch_failure *failure)
{
    spec.argv = argv;
    *failure = (struct launch_failure){.stage = LAUNCH_STAGE_NONE};
    return launch_start(&spec, process, failure);
}

static const struct launch_spec plain = {.stdio = {-1, -1, -1}};

static int status_of(const char *const *argv, struct launch_spec spec)
{
    struct launch_process process;
    struct launch_failure failure;
    assert_int_equal(start(argv, spec, &process, &failure), 0);
    assert_int_equal(launch_wait(&process, 10000), 0);
    launch_close(&process);
    return launch_shell_status(process.wait_status);
}

static const char *const exit_seven[] = {"sh", "-c", "exit 7", NULL};

static void start_plain_gives_the_exit_status(void **state)
{
    assert_int_equal(status_of(exit_seven, plain), 7);
    assert_int_equal(status_of((const char *const[]){"sh", "-c", "kill -USR1 $$", NULL}, plain),
                     128 + SIGUSR1);
}

static void start_missing_program_is_127(void **state)
{
    struct launch_process process;
    struct launch_failure failure;
    const char *const argv[] = {"no-such-program-here", NULL};
    assert_int_equal(start(argv, plain, &process, &failure), SHALE_ENOENT);
    assert_int_equal(failure.stage, LAUNCH_STAGE_FIND);
    assert_int_equal(launch_failure_status(&failure), 127);
    assert_string_equal(failure.text, "No such file or directory");
}

static void start_what_cannot_execute_is_126(void **state)
{
    struct launch_process process;
    struct launch_failure failure;
    const char *const folder[] = {"/usr", NULL};
    assert_int_equal(start(folder, plain, &process, &failure), SHALE_EPERM);
    assert_int_equal(launch_failure_status(&failure), 126);
    const char *const data[] = {"/etc/passwd", NULL};
    assert_int_equal(start(data, plain, &process, &failure), SHALE_EPERM);
    assert_int_equal(launch_failure_status(&failure), 126);
}

static void write_script(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, 0755), 0);
    close(fd);
}

static void start_bad_interpreter_is_reported_from_the_child(void **state)
{
    char path[] = "/tmp/shale-test-XXXXXX";
    write_script(path, "#!/no/such/interpreter\n");
    struct witness witness = {.pipe = -1};
    struct launch_spec proven = {
        .stdio = LAUNCH_STDIO_KEEP, .prove = witness_prove, .context = &witness};
    const struct launch_spec specs[] = {plain, proven};
    for (size_t i = 0; i < 2; i++) {
        struct launch_process process;
        struct launch_failure failure;
        const char *const argv[] = {path, NULL};
        assert_int_equal(start(argv, specs[i], &process, &failure), SHALE_ENOENT);
        assert_int_equal(failure.stage, LAUNCH_STAGE_EXEC);
        assert_int_equal(launch_failure_status(&failure), 127);
    }
    assert_int_equal(witness.held, 0);
    unlink(path);
}

static void start_script_without_interpreter_runs_in_sh(void **state)
{
    char path[] = "/tmp/shale-test-XXXXXX";
    write_script(path, "exit $(($1 + 1))\n");
    assert_int_equal(status_of((const char *const[]){path, "4", NULL}, plain), 5);
    unlink(path);
}

static void start_missing_directory_names_the_stage(void **state)
{
    struct launch_process process;
    struct launch_failure failure;
    struct launch_spec spec = plain;
    spec.directory = "/no/such/folder";
    assert_int_equal(start(exit_seven, spec, &process, &failure), SHALE_ENOENT);
    assert_int_equal(failure.stage, LAUNCH_STAGE_DIRECTORY);
    assert_int_equal(launch_failure_status(&failure), 125);
}

static void start_preload_goes_before_what_is_there(void **state)
{
    const char *const argv[] = {
        "sh", "-c", "test \"$LD_PRELOAD\" = /a.so:/b.so -a \"$K\" = v -a -z \"$HOME\"", NULL};
    const char *const environment[] = {"LD_PRELOAD=/b.so", "K=v", "HOME", NULL};
    struct launch_spec spec = plain;
    int null = open("/dev/null", O_WRONLY);
    spec.stdio[2] = null; /* ld.so says that it cannot find them */
    spec.preload = "/a.so";
    spec.environment = environment;
    assert_int_equal(status_of(argv, spec), 0);
    close(null);
}

static void start_preload_with_a_colon_is_refused(void **state)
{
    struct launch_process process;
    struct launch_failure failure;
    struct launch_spec spec = plain;
    spec.preload = "/tmp/a:b.so";
    assert_int_equal(start(exit_seven, spec, &process, &failure), SHALE_EINVAL);
    assert_int_equal(launch_failure_status(&failure), 125);
}

static void start_stdio_may_be_swapped(void **state)
{
    int pair[2];
    char text[16] = "";
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    struct launch_spec spec = plain;
    spec.stdio[1] = pair[1];
    spec.stdio[2] = pair[1];
    const char *const argv[] = {"sh", "-c", "echo out; echo err >&2", NULL};
    assert_int_equal(status_of(argv, spec), 0);
    assert_int_equal(read(pair[0], text, sizeof text - 1), 8);
    assert_string_equal(text, "out\nerr\n");
    close(pair[0]);
    close(pair[1]);
}

static void start_ignored_signal_stays_ignored_handled_one_is_reset(void **state)
{
    signal(SIGUSR1, SIG_IGN);
    assert_int_equal(
        status_of((const char *const[]){"sh", "-c", "kill -USR1 $$; exit 3", NULL}, plain), 3);
    signal(SIGUSR1, SIG_DFL);
}

static void prove_sees_libraries_before_main(void **state)
{
    int pair[2];
    assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
    struct witness witness = {.pipe = pair[0]};
    struct launch_spec spec = plain;
    struct launch_process process;
    struct launch_failure failure;
    spec.prove = witness_prove;
    spec.context = &witness;
    spec.stdio[1] = pair[1];
    const char *const argv[] = {"echo", "hello", NULL};
    assert_int_equal(start(argv, spec, &process, &failure), 0);
    assert_int_equal(process.method, LAUNCH_HELD);
    assert_int_equal(witness.held, 1);
    assert_true(witness.libc_mapped);
    assert_false(witness.wrote_already);
    assert_int_equal(launch_wait(&process, 10000), 0);
    assert_int_equal(process.wait_status, 0);
    char text[16] = "";
    assert_int_equal(read(pair[0], text, sizeof text - 1), 6);
    assert_string_equal(text, "hello\n");
    launch_close(&process);
    close(pair[0]);
    close(pair[1]);
}

static void prove_refusal_ends_the_program_before_main(void **state)
{
    int pair[2];
    char text[8];
    assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
    struct witness witness = {.pipe = -1, .answer = SHALE_EFORMAT};
    struct launch_spec spec = plain;
    struct launch_process process;
    struct launch_failure failure;
    spec.prove = witness_prove;
    spec.context = &witness;
    spec.stdio[1] = pair[1];
    const char *const argv[] = {"echo", "hello", NULL};
    assert_int_equal(start(argv, spec, &process, &failure), SHALE_EFORMAT);
    assert_int_equal(failure.stage, LAUNCH_STAGE_PROOF);
    assert_int_equal(failure.prove_error, SHALE_EFORMAT);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(read(pair[0], text, sizeof text), -1);
    close(pair[0]);
    close(pair[1]);
}

static void prove_follows_env_and_env_scripts(void **state)
{
    struct witness witness = {.pipe = -1};
    struct launch_spec spec = plain;
    spec.prove = witness_prove;
    spec.context = &witness;
    assert_int_equal(
        status_of((const char *const[]){"env", "nice", "sh", "-c", "exit 5", NULL}, spec), 5);
    assert_int_equal(witness.held, 3);
    char path[] = "/tmp/shale-test-XXXXXX";
    write_script(path, "#!/usr/bin/env sh\nexit 6\n");
    witness.held = 0;
    assert_int_equal(status_of((const char *const[]){path, NULL}, spec), 6);
    assert_int_equal(witness.held, 2);
    unlink(path);
    /* env itself fails to find the program: its own end is passed on */
    int null = open("/dev/null", O_WRONLY);
    spec.stdio[2] = null;
    assert_int_equal(status_of((const char *const[]){"env", "no-such-program", NULL}, spec), 127);
    close(null);
}

/* ld.so lists the libraries and ends, so the entry point is never reached. */
static void prove_program_that_ends_in_its_loader_is_gone(void **state)
{
    struct witness witness = {.pipe = -1};
    struct launch_spec spec = plain;
    struct launch_process process;
    struct launch_failure failure;
    int null = open("/dev/null", O_WRONLY);
    spec.prove = witness_prove;
    spec.context = &witness;
    spec.stdio[1] = null;
    spec.stdio[2] = null;
    const char *const environment[] = {"LD_TRACE_LOADED_OBJECTS=1", NULL};
    spec.environment = environment;
    assert_int_equal(start(exit_seven, spec, &process, &failure), SHALE_EGONE);
    assert_int_equal(failure.stage, LAUNCH_STAGE_LOAD);
    assert_int_equal(witness.held, 0);
    close(null);
}

static void wait_times_out_and_end_kills(void **state)
{
    struct launch_process process;
    struct launch_failure failure;
    const char *const argv[] = {"sleep", "100", NULL};
    assert_int_equal(start(argv, plain, &process, &failure), 0);
    assert_int_equal(launch_wait(&process, 20), SHALE_ETIMEOUT);
    assert_int_equal(launch_end(&process, 1000), 0);
    assert_true(process.ended);
    assert_int_equal(launch_shell_status(process.wait_status), 128 + SIGTERM);
    launch_close(&process);
}

/* The number that a program wrote, as soon as it did. */
static pid_t read_pid(int fd)
{
    char text[32] = "";
    size_t used = 0;
    while (!strchr(text, '\n') && used < sizeof text - 1) {
        ssize_t length = read(fd, text + used, sizeof text - 1 - used);
        assert_true(length > 0);
        used += (size_t)length;
    }
    return (pid_t)strtol(text, NULL, 10);
}

/* A grandchild in a session of its own, orphaned, that ignores SIGTERM. */
static void end_contained_leaves_no_orphan(void **state)
{
    int pair[2];
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    const char *const argv[] = {
        "sh", "-c", "setsid sh -c 'trap \"\" TERM; (echo $$; exec sleep 100)' & sleep 0.2; exit 4",
        NULL};
    struct launch_spec spec = plain;
    struct launch_process process;
    struct launch_failure failure;
    spec.contain = true;
    spec.stdio[1] = pair[1];
    assert_int_equal(start(argv, spec, &process, &failure), 0);
    pid_t grandchild = read_pid(pair[0]);
    assert_int_equal(launch_wait(&process, 10000), 0);
    assert_int_equal(launch_shell_status(process.wait_status), 4);
    assert_int_equal(kill(grandchild, 0), 0);
    assert_true(launch_end(&process, 50) > 0);
    assert_int_equal(kill(grandchild, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    launch_close(&process);
    close(pair[0]);
    close(pair[1]);
}

enum { NO_NAMESPACE = 99 };

/*
 * 0 where an orphan that ignores SIGTERM is gone after a grace of 3 s. To be called as the first
 * process of a process namespace: there /proc is short, and a look at it takes next to no time.
 */
static int orphan_outlives_the_grace(void)
{
    const char *const argv[] = {"sh", "-c",
                                "setsid sh -c 'trap \"\" TERM; exec sleep 100' & sleep 0.2", NULL};
    struct launch_spec spec = plain;
    struct launch_process process;
    struct launch_failure failure;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("proc", "/proc", "proc", 0, NULL) < 0)
        return NO_NAMESPACE;
    spec.contain = true;
    if (start(argv, spec, &process, &failure) != 0 || launch_wait(&process, 10000) != 0)
        return 1;
    if (launch_end(&process, 3000) != 1)
        return 2;
    return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 3;
}

static void end_contained_waits_for_the_whole_grace_and_kills_then(void **state)
{
    int status = 0;
    pid_t outer = fork();
    assert_true(outer >= 0);
    if (outer == 0) {
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
            _exit(NO_NAMESPACE);
        pid_t first = fork();
        if (first == 0)
            _exit(orphan_outlives_the_grace());
        _exit(first > 0 && waitpid(first, &status, 0) == first && WIFEXITED(status)
                  ? WEXITSTATUS(status)
                  : 4);
    }
    assert_int_equal(waitpid(outer, &status, 0), outer);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_NAMESPACE)
        SKIP("no process namespace with a /proc of its own here: that takes root, and no chroot");
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void wait_with_sigchld_ignored_is_no_success(void **state)
{
    struct launch_process process;
    struct launch_failure failure;
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(start(exit_seven, plain, &process, &failure), 0);
    int result = launch_wait(&process, 10000);
    signal(SIGCHLD, SIG_DFL);
    assert_int_equal(result, 0);
    assert_int_equal(launch_shell_status(process.wait_status), 125);
    assert_true(process.ended_ns >= process.released_ns);
    launch_close(&process);
}

static void kill_at_the_gate(pid_t pid, void *context)
{
    siginfo_t end;
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT);
}

static void start_killed_at_the_gate_is_an_error(void **state)
{
    struct witness witness = {.pipe = -1};
    struct launch_spec spec = plain;
    struct launch_process process;
    struct launch_failure failure;
    spec.started = kill_at_the_gate;
    spec.prove = witness_prove;
    spec.context = &witness;
    assert_int_equal(start(exit_seven, spec, &process, &failure), SHALE_EGONE);
    assert_int_equal(failure.stage, LAUNCH_STAGE_LOAD);
    assert_int_equal(failure.wait_status, SIGKILL);
}

static void end_contained_spares_another_launch(void **state)
{
    const char *const argv[] = {"sleep", "100", NULL};
    struct launch_spec spec = plain;
    struct launch_process one;
    struct launch_process other;
    struct launch_failure failure;
    spec.contain = true;
    assert_int_equal(start(argv, spec, &one, &failure), 0);
    assert_int_equal(start(argv, spec, &other, &failure), 0);
    launch_end(&one, 100);
    assert_int_equal(launch_wait(&other, 0), SHALE_ETIMEOUT);
    launch_end(&other, 0);
    assert_int_equal(launch_shell_status(other.wait_status), 128 + SIGKILL);
    launch_close(&one);
    launch_close(&other);
}

static void wait_cancelled_returns(void **state)
{
    static volatile sig_atomic_t cancel;
    const char *const argv[] = {"sleep", "100", NULL};
    struct launch_spec spec = plain;
    struct launch_process process;
    struct launch_failure failure;
    spec.cancel = &cancel;
    assert_int_equal(start(argv, spec, &process, &failure), 0);
    cancel = 1;
    assert_int_equal(launch_wait(&process, 10000), SHALE_ECANCELED);
    launch_end(&process, 0);
    assert_true(process.ended);
    launch_close(&process);
}

static void end_reports_usage(void **state)
{
    struct launch_process process;
    struct launch_failure failure;
    assert_int_equal(start(exit_seven, plain, &process, &failure), 0);
    assert_int_equal(launch_wait(&process, 10000), 0);
    assert_true(process.usage.ru_maxrss > 0);
    assert_true(process.ended_ns > process.released_ns);
    launch_close(&process);
}

static void resolve_looks_where_exec_would(void **state)
{
    char path[256];
    assert_int_equal(launch_resolve("sh", "/nowhere:/bin", path, sizeof path), 0);
    assert_string_equal(path, "/bin/sh");
    assert_int_equal(launch_resolve("passwd", "/etc", path, sizeof path), SHALE_EPERM);
    assert_int_equal(errno, EACCES);
    assert_int_equal(launch_resolve("", "/bin", path, sizeof path), SHALE_ENOENT);
    assert_int_equal(launch_resolve("sh", "/nowhere", path, sizeof path), SHALE_ENOENT);
}

/* Every ptrace call of this process and its children fails from here on. */
static void deny_ptrace(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {SHALE_ARRAY_LENGTH(filter), filter};
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* Stays the last: what it denies stays denied. */
static void prove_without_ptrace_polls(void **state)
{
    struct witness witness = {.pipe = -1, .from = 3};
    struct launch_spec spec = plain;
    struct launch_process process;
    struct launch_failure failure;
    const char *const argv[] = {"sleep", "100", NULL};
    deny_ptrace();
    spec.prove = witness_prove;
    spec.context = &witness;
    assert_int_equal(start(argv, spec, &process, &failure), 0);
    assert_int_equal(process.method, LAUNCH_POLLED);
    assert_int_equal(witness.held, 0);
    assert_int_equal(witness.running, 3);
    launch_end(&process, 0);
    launch_close(&process);

    witness = (struct witness){.pipe = -1, .from = 1000000};
    spec.prove_timeout_ms = 30;
    assert_int_equal(start(argv, spec, &process, &failure), SHALE_ETIMEOUT);
    assert_int_equal(failure.stage, LAUNCH_STAGE_TIMEOUT);

    witness = (struct witness){.pipe = -1, .from = 1, .answer_running = SHALE_EFORMAT};
    assert_int_equal(start(argv, spec, &process, &failure), SHALE_EFORMAT);
    assert_int_equal(failure.stage, LAUNCH_STAGE_PROOF);

    witness = (struct witness){.pipe = -1, .from = 1000000};
    assert_int_equal(start(exit_seven, spec, &process, &failure), SHALE_EGONE);
    assert_int_equal(failure.stage, LAUNCH_STAGE_LOAD);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(start_plain_gives_the_exit_status),
    cmocka_unit_test(start_missing_program_is_127),
    cmocka_unit_test(start_what_cannot_execute_is_126),
    cmocka_unit_test(start_bad_interpreter_is_reported_from_the_child),
    cmocka_unit_test(start_script_without_interpreter_runs_in_sh),
    cmocka_unit_test(start_missing_directory_names_the_stage),
    cmocka_unit_test(start_preload_goes_before_what_is_there),
    cmocka_unit_test(start_preload_with_a_colon_is_refused),
    cmocka_unit_test(start_stdio_may_be_swapped),
    cmocka_unit_test(start_ignored_signal_stays_ignored_handled_one_is_reset),
    cmocka_unit_test(prove_sees_libraries_before_main),
    cmocka_unit_test(prove_refusal_ends_the_program_before_main),
    cmocka_unit_test(prove_follows_env_and_env_scripts),
    cmocka_unit_test(prove_program_that_ends_in_its_loader_is_gone),
    cmocka_unit_test(wait_times_out_and_end_kills),
    cmocka_unit_test(end_contained_leaves_no_orphan),
    cmocka_unit_test(end_contained_waits_for_the_whole_grace_and_kills_then),
    cmocka_unit_test(start_killed_at_the_gate_is_an_error),
    cmocka_unit_test(end_contained_spares_another_launch),
    cmocka_unit_test(wait_with_sigchld_ignored_is_no_success),
    cmocka_unit_test(wait_cancelled_returns),
    cmocka_unit_test(end_reports_usage),
    cmocka_unit_test(resolve_looks_where_exec_would),
    cmocka_unit_test(prove_without_ptrace_polls),
};

RUN_TESTS("measure_launch")
