/* SPDX-License-Identifier: MIT */
/*
 * Standing beside a program that we started in our place: for run and profile. Layer 6.
 *
 * The program stays in our process group and on our terminal, so that what the terminal sends
 * reaches it directly; what is sent to us alone is passed on. When it is stopped by the terminal we
 * stop too, and our end is its end: the same exit status, or the same signal.
 */
#ifndef SHALE_CLI_BESIDE_H
#define SHALE_CLI_BESIDE_H

#include "measure/launch.h"

/* Signals that end or notify a program; those that we ignore the program ignores too. */
void beside_pass_signals_on(void);

/* For launch_spec.started: from now on signals go to this child. */
void beside_started(pid_t pid, void *context);

/* After a start that failed, before the next. */
void beside_forget(void);

/* The last signal that came, 0 none. */
int beside_last_signal(void);

/* Waits for its end: the status that waitpid gives. */
int beside_wait(const struct launch_process *process);

/* Ends as the program did: by its signal, or returns its exit status. */
int beside_end_like(int status);

#endif
