/* SPDX-License-Identifier: GPL-2.0 */
/* Whether a preloaded library reaches a program. */
#ifndef REACH_H
#define REACH_H

#include "binding.h"

/* Exit statuses of `run`, as those of env(1). */
enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127 };

/**
 * reach() - Ask whether LD_PRELOAD reaches a program.
 * @program: Its name, which is looked for as execvp(3) does. A script is followed
 *	to its interpreter.
 * @library: The library's path, as it will be in LD_PRELOAD.
 * @preload: The whole value of LD_PRELOAD.
 * @why: MESSAGE_TEXT bytes, for one line without a newline: the program, why it
 *	cannot be reached, and what to do.
 *
 * The program is not run. Its dynamic loader is, to list what it would load.
 *
 * Return: 0, or the exit status for `run`.
 */
int reach(const char *program, const char *library, const char *preload,
	  char *why);

#endif /* REACH_H */
