/* SPDX-License-Identifier: GPL-2.0 */
/* Options of subcommands: those that all share, --help, and wrong usage. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#include "binding.h"

/* The lines of --help for the options that struct options calls @binds. */
#define OPTIONS_HELP \
	"  -p, --policy POLICY      " POLICY_NAMES " (firstref)\n" \
	"  -s, --strength STRENGTH  " STRENGTH_NAMES " (soft)\n" \
	"  -n, --nodes NODES        as numactl(8): 0-3,5, all, !2, +0-1 (all)\n"
#define OPTIONS_HUGE_HELP \
	"      --huge[=SIZE]        use huge pages, of SIZE or the default size\n"

/* The line of --help for --help. */
#define OPTIONS_HELP_HELP \
	"  -h, --help               print this and exit\n"

/* The first value for a long option of a subcommand that has no letter. */
#define OPTION_OWN	512

/* The most long options that a subcommand may have of its own. */
#define MAX_OWN_OPTIONS	16

/**
 * struct options - What a subcommand accepts.
 * @help: What --help prints.
 * @letters: Its own short options, as for getopt(3), or NULL. A '+' in front
 *	ends the options at the first argument that is not one.
 * @own: Its own long options, ended by an empty one, or NULL.
 * @binds: It accepts -p, -s, -n and --huge.
 * @wrong: The exit status of wrong usage.
 */
struct options {
	const char *help;
	const char *letters;
	const struct option *own;
	bool binds;
	int wrong;
};

/**
 * options_next() - Parse up to the next option of the subcommand's own.
 * @binding: What -p, -s, -n and --huge set, or NULL if it takes none. Before
 *	the first call, all of it must be zero. When -1 is returned, what was
 *	not given has its default.
 *
 * Wrong usage and --help end the command here.
 *
 * Return: The option, with its argument in optarg; or -1 at the end, with the
 * first of the other arguments at optind.
 */
int options_next(int argc, char *argv[], const struct options *options,
		 struct binding *binding);

/* Return the only argument that is not an option, or end the command. */
const char *options_operand(int argc, char *argv[],
			    const struct options *options, const char *what);

/*
 * Parse an argument, or end the command. @what is what messages call it: "SIZE",
 * "--min-size".
 */
unsigned long long options_size(const struct options *options,
				const char *what, const char *text);
int options_id(const struct options *options, const char *what,
	       const char *text);

#endif /* OPTIONS_H */
