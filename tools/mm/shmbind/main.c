// SPDX-License-Identifier: GPL-2.0
/*
 * shmbind - List and create System V shared memory segments that are bound to NUMA
 * nodes, and run programs whose segments are bound.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "reason.h"
#include "shmbind.h"

struct command {
	const char *name;
	int (*run)(int argc, char *argv[]);
};

static const struct command commands[] = {
	{ "list", cmd_list },
	{ "create", cmd_create },
	{ "bind", cmd_bind },
	{ "run", cmd_run },
	{ "check", cmd_check },
	{}
};

#define COMMAND_NAMES	"list, create, bind, run, check"

static const char help[] =
	"Usage: shmbind COMMAND [ARGUMENT...]\n"
	"Place System V shared memory on NUMA nodes.\n"
	"\n"
	"  list    list segments, their bindings and the nodes of their pages\n"
	"  create  create a segment and bind it\n"
	"  bind    bind a segment that was never attached\n"
	"  run     run a program, and bind the segments that it creates\n"
	"  check   tell whether a segment would fit\n"
	"\n"
	"shmbind COMMAND --help describes a command; so does shmbind(1).\n";

static void print_line(const char *format, va_list args)
{
	char line[2048], *c;

	vsnprintf(line, sizeof(line), format, args);
	/* what the user typed may have line breaks and terminal controls */
	for (c = line; *c; c++) {
		if (iscntrl((unsigned char)*c))
			*c = '?';
	}
	fprintf(stderr, "shmbind: %s\n", line);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
}

void die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
	exit(status);
}

int finish(int status)
{
	if (!ferror(stdout) && !fflush(stdout))
		return status;
	complain("cannot write to standard output: %s", strerror(errno));
	return EXIT_FAILED;
}

bool require_shmbind(void)
{
	if (shmbind_available())
		return true;
	complain("%s", REASON_NO_CALL);
	return false;
}

static int print(const char *text)
{
	fputs(text, stdout);
	return finish(EXIT_DONE);
}

int main(int argc, char *argv[])
{
	const struct command *command;

	if (argc < 2)
		die(EXIT_USAGE, "no command; expected one of " COMMAND_NAMES);
	for (command = commands; command->name; command++) {
		if (!strcmp(argv[1], command->name))
			return finish(command->run(argc - 1, argv + 1));
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return print(help);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return print("shmbind " VERSION "\n");
	die(EXIT_USAGE, "%.100s: unknown command; expected one of "
	    COMMAND_NAMES, argv[1]);
}
