/* SPDX-License-Identifier: MIT */
/* Signals and the end of a program that we started: see beside.h. */
#include "cli/beside.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cmd.h"

static volatile sig_atomic_t child_pid;
static volatile sig_atomic_t early_signal; /* came before there was a child */
static volatile sig_atomic_t last_signal;  /* that came at all */

static void pass_on(int number, siginfo_t *info, void *context)
{
    last_signal = number;
    /* Positive codes are the kernel's: the terminal sent it to the whole group. */
    if (info->si_code > 0)
        return;
    int saved = errno;
    if (child_pid > 0)
        kill((pid_t)child_pid, number);
    else
        early_signal = number;
    errno = saved;
}

/* Signals that end or notify a program; those that we ignore the program ignores too. */
void beside_pass_signals_on(void)
{
    static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,  SIGUSR1, SIGUSR2,
                                  SIGALRM, SIGTSTP, SIGCONT, SIGWINCH, SIGPWR,  SIGIO};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(numbers); i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) < 0 || action.sa_handler == SIG_IGN)
            continue;
        action = (struct sigaction){.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
        sigfillset(&action.sa_mask);
        sigaction(numbers[i], &action, NULL);
    }
}

void beside_started(pid_t pid, void *context)
{
    child_pid = pid;
    if (early_signal)
        kill(pid, early_signal);
}

/* The terminal stopped the program: stop with it, so that the shell sees the job stopped. */
static void stop_with(pid_t pid, int number)
{
    if (number != SIGTSTP && number != SIGTTIN && number != SIGTTOU)
        return;
    raise(SIGSTOP);
    kill(pid, SIGCONT);
}

int beside_wait(const struct launch_process *process)
{
    int status = process->wait_status;
    if (process->ended)
        return status;
    for (;;) {
        if (waitpid(process->pid, &status, WUNTRACED) < 0) {
            if (errno != EINTR)
                return CMD_EXIT_RUN_FAILED << 8;
            continue;
        }
        if (!WIFSTOPPED(status))
            return status;
        stop_with(process->pid, WSTOPSIG(status));
    }
}

/* A second core file, of us, would only be in the way. */
int beside_end_like(int status)
{
    if (WIFSIGNALED(status)) {
        int number = WTERMSIG(status);
        sigset_t only;
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(number, SIG_DFL);
        sigemptyset(&only);
        sigaddset(&only, number);
        raise(number);
        sigprocmask(SIG_UNBLOCK, &only, NULL);
    }
    return launch_shell_status(status);
}

/* A signal that reached a start which failed is meant for the next one. */
void beside_forget(void)
{
    child_pid = 0;
    early_signal = last_signal;
}

int beside_last_signal(void)
{
    return last_signal;
}
