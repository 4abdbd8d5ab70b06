// SPDX-License-Identifier: GPL-2.0
/* shmbind run: execute a program with the preload library. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"
#include "reach.h"
#include "reason.h"
#include "shmbind.h"

/* The exit status for errors of `run` itself, as env(1) has it. */
#define EXIT_RUN	125

#define ENV_LIBRARY	"SHMBIND_LIBRARY"	/* overrides LIBRARY_TEMPLATE */

static const char help[] =
"Usage: shmbind run [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
"Run a program. Each segment that it or a child creates is bound before anybody\n"
"can attach it.\n"
"\n"
OPTIONS_HELP
OPTIONS_HUGE_HELP
"      --min-size SIZE      leave smaller segments alone\n"
"      --populate           fill a segment before shmget(2) returns\n"
"      --best-effort        go on where a segment cannot be bound or filled\n"
"      --if-supported       on a kernel without shmbind(2), just run the program\n"
"  -v, --verbose            report each segment that is bound\n"
OPTIONS_HELP_HELP
"\n"
"The exit status is the program's. It is 125 if shmbind itself fails, 126 if the\n"
"program cannot be executed, or cannot be reached by a preloaded library, and 127\n"
"if it is not found.\n";

enum { MIN_SIZE = OPTION_OWN, POPULATE, BEST_EFFORT, IF_SUPPORTED };

static const struct option own[] = {
	{ "min-size", required_argument, NULL, MIN_SIZE },
	{ "populate", no_argument, NULL, POPULATE },
	{ "best-effort", no_argument, NULL, BEST_EFFORT },
	{ "if-supported", no_argument, NULL, IF_SUPPORTED },
	{ "verbose", no_argument, NULL, 'v' },
	{}
};

static const struct options accepted = {
	.help = help,
	.letters = "+v",
	.own = own,
	.binds = true,
	.wrong = EXIT_RUN,
};

/* Parse the options; the program is then at argv[optind]. */
static void parse(int argc, char *argv[], struct request *request,
		  bool *if_supported)
{
	int option;

	while ((option = options_next(argc, argv, &accepted,
				      &request->binding)) != -1) {
		switch (option) {
		case MIN_SIZE:
			request->min_size = options_size(&accepted,
							 "--min-size", optarg);
			break;
		case POPULATE:
			request->populate = true;
			break;
		case BEST_EFFORT:
			request->best_effort = true;
			break;
		case IF_SUPPORTED:
			*if_supported = true;
			break;
		case 'v':
			request->verbose = true;
			break;
		}
	}
	if (optind == argc)
		die(EXIT_RUN, "PROGRAM is missing; see shmbind run --help");
}

static void become_program(char *argv[])
{
	int error;

	execvp(*argv, argv);
	error = errno;
	die(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE,
	    "cannot execute %s: %s", *argv, strerror(error));
}

/*
 * What would make each shmget() of the program fail is an error now, not later:
 * try the binding on a segment of our own. If none can be created, the program
 * may still find room for its own later. Its shmget(2) must not be that of a
 * preload library, which may fill it.
 */
static int try_binding(const struct binding *binding, char *why)
{
	int error = 0, id = syscall(SYS_shmget, IPC_PRIVATE, 1, 0200);

	if (id < 0)
		return 0;
	if (shmbind(id, binding->policy | binding->strength,
		    binding->nodes.bits, MAX_NODES)) {
		error = errno;
		shmbind_reason(why, error, id, binding);
	}
	shmctl(id, IPC_RMID, NULL);
	return error;
}

static void check_binding(const struct request *request)
{
	char why[MESSAGE_TEXT], binding[BINDING_TEXT];

	if (!try_binding(&request->binding, why))
		return;
	binding_format(binding, &request->binding);
	if (!request->best_effort)
		die(EXIT_RUN, "segments cannot be bound to %s: %s", binding, why);
	complain("segments cannot be bound to %s now: %s", binding, why);
}

/*
 * The environment.
 */

/* The value of LD_PRELOAD with the library in front of what it has. */
static char *preload_value(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	size_t length = strlen(library);
	char *value;

	if (!others || !*others)
		return strdup(library);
	if (!strncmp(others, library, length) && strchr(": ", others[length]))
		return strdup(others);
	return asprintf(&value, "%s:%s", library, others) < 0 ? NULL : value;
}

static void set_environment(const struct request *request, const char *preload)
{
	if (setenv("LD_PRELOAD", preload, 1) || !request_to_env(request))
		die(EXIT_RUN, "no memory for the environment");
}

static void check_program(const char *program, const char *library,
			  const char *preload)
{
	char why[MESSAGE_TEXT];
	int status = reach(program, library, preload, why);

	if (status)
		die(status, "%s", why);
}

int cmd_run(int argc, char *argv[])
{
	const char *library = getenv(ENV_LIBRARY);
	struct request request = {};
	bool if_supported = false;
	char *preload;

	parse(argc, argv, &request, &if_supported);
	if (!request.min_size)
		request.min_size = default_min_size(&request.binding);
	if (!shmbind_available() && if_supported)
		become_program(argv + optind);
	if (!require_shmbind())
		return EXIT_RUN;

	if (!library || !*library)
		library = LIBRARY_TEMPLATE;
	preload = preload_value(library);
	if (!preload)
		die(EXIT_RUN, "no memory for the environment");
	check_program(argv[optind], library, preload);
	check_binding(&request);
	set_environment(&request, preload);
	free(preload);
	become_program(argv + optind);
	return EXIT_RUN;
}
