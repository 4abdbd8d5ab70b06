/* SPDX-License-Identifier: GPL-2.0 */
/* The subcommands of shmbind(1), and how they report errors. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>

/* argv[0] is the name of the subcommand. They return an exit status. */
int cmd_list(int argc, char *argv[]);
int cmd_create(int argc, char *argv[]);
int cmd_bind(int argc, char *argv[]);
int cmd_check(int argc, char *argv[]);
int cmd_run(int argc, char *argv[]);

/* Exit statuses. `run` has its own for errors, because 1 may be the program's. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* PREFIX is the Makefile's. The dynamic loader expands $LIB. */
#define LIBRARY_TEMPLATE	PREFIX "/lib/shmbind/$LIB/shmbind-preload.so"

/* Print "shmbind: ..." on stderr, in one line; the format has no newline. */
void complain(const char *format, ...)
	__attribute__
	((format(printf, 1, 2)));

/* complain(), and exit with that status. */
void die(int status, const char *format, ...)
	__attribute__
	((format(printf, 2, 3), noreturn));

/* The status, or EXIT_FAILED with a line if stdout could not be written. */
int finish(int status);

/* Whether this kernel has shmbind(2). Complains if not. */
bool require_shmbind(void);

#endif /* COMMANDS_H */
