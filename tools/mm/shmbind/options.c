// SPDX-License-Identifier: GPL-2.0
/* Options of subcommands. libnuma parses lists of nodes, as for numactl(8). */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <numa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "shmbind.h"

#define HUGE_DIR	"/sys/kernel/mm/hugepages"

enum { OPTION_HUGE = 256 };

/* `run` has one status for all that it fails at, the others have two. */
static int failed(const struct options *options)
{
	return options->wrong == EXIT_USAGE ? EXIT_FAILED : options->wrong;
}

#define OPTIONS_LETTERS	"h"
#define BINDS_LETTERS	"p:s:n:"

static const struct option help_option = { "help", no_argument, NULL, 'h' };

static const struct option binds_options[] = {
	{ "policy", required_argument, NULL, 'p' },
	{ "strength", required_argument, NULL, 's' },
	{ "nodes", required_argument, NULL, 'n' },
	{ "huge", optional_argument, NULL, OPTION_HUGE },
	{}
};

/*
 * Nodes. libnuma calls these two instead of its own, which print.
 */

void numa_warn(int number, char *format, ...)
{
	(void)number;
	(void)format;
}

void numa_error(char *where)
{
	(void)where;
}

/* Ranges of plain lists must ascend: libnuma takes 3-1 for 3. */
static bool ascending(const char *list)
{
	struct nodes nodes;

	return list[strspn(list, "0123456789,-")] || nodes_parse(list, &nodes);
}

/*
 * The numbers in "0-3" may be any nodes of the machine, so that the kernel can
 * say what is wrong with them. "all" and "+0" are nodes of this cpuset.
 */
static bool parse_list(const char *list, struct nodes *nodes)
{
	bool relative = *list == '+' || !strcmp(list, "all");
	struct bitmask *mask;
	int node;

	mask = relative ? numa_parse_nodestring(list) :
		numa_parse_nodestring_all(list);
	if (!mask)
		return false;
	for (node = 0; node < MAX_NODES; node++) {
		if (numa_bitmask_isbitset(mask, node))
			nodes_add(nodes, node);
	}
	numa_bitmask_free(mask);
	return true;
}

static void parse_nodes(const struct options *options, const char *list,
			struct nodes *nodes)
{
	struct nodes listed = {}, usable, online;
	bool invert = *list == '!';
	char text[NODES_TEXT];

	if (numa_available() < 0 || !nodes_usable(&usable) ||
	    !nodes_online(&online))
		die(failed(options),
		    "-n %.100s: this machine, or its kernel, has no NUMA nodes",
		    list);
	/* libnuma refuses ! alone, and takes !! for nothing */
	if ((invert && (!list[1] || list[1] == '!')) ||
	    !ascending(list + invert) ||
	    !parse_list(list + invert, &listed))
		die(options->wrong,
		    "-n %.100s: not a list of nodes of this machine (%s); expected a list such as 0-3,5, all, !2, +0-1",
		    list, nodes_format(text, &online));
	if (invert)
		nodes_minus(nodes, &usable, &listed);
	else if (strcmp(list, "all"))
		*nodes = listed;
	else
		nodes_and(nodes, &usable, &listed);
	if (nodes_empty(nodes))
		die(options->wrong,
		    "-n %.100s: names no node; expected some of %s", list,
		    nodes_format(text, &usable));
}

/*
 * Huge pages.
 */

static int by_size(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

/* Parse the name of a directory in HUGE_DIR. */
static unsigned long huge_kib(const char *name)
{
	unsigned long kib;

	return sscanf(name, "hugepages-%lukB", &kib) == 1 ? kib : 0;
}

/* Write the sizes that this kernel has: "2M, 1G". False if there is none. */
static bool list_sizes(char *text, size_t size)
{
	struct dirent **entries;
	int i, n = scandir(HUGE_DIR, &entries, NULL, by_size);
	size_t end = 0;

	*text = '\0';
	for (i = 0; i < n; i++) {
		unsigned long kib = huge_kib(entries[i]->d_name);
		char one[SIZE_TEXT];

		free(entries[i]);
		if (kib && end < size)
			end += snprintf(text + end, size - end, "%s%s",
					end ? ", " : "",
					size_format(one, kib * 1024ULL));
	}
	if (n >= 0)
		free(entries);
	return *text;
}

static bool has_size(unsigned long kib)
{
	DIR *dir = opendir(HUGE_DIR);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = huge_kib(entry->d_name) == kib;
	if (dir)
		closedir(dir);
	return found;
}

static void parse_huge(const struct options *options, const char *size,
		       struct binding *binding)
{
	unsigned long long bytes;
	char sizes[128];

	if (!list_sizes(sizes, sizeof(sizes)))
		die(failed(options), "--huge: this kernel has no huge pages");
	binding->huge = true;
	binding->huge_kib = 0;
	if (!size)
		return;
	if (!size_parse(size, &bytes) || bytes % 1024 ||
	    bytes / 1024 > ULONG_MAX || !has_size(bytes / 1024))
		die(options->wrong,
		    "--huge=%.100s: not a size of huge pages; expected one of %s",
		    size, sizes);
	binding->huge_kib = bytes / 1024;
}

/*
 * All options.
 */

static bool parse_shared(const struct options *options, int option,
			 struct binding *binding)
{
	switch (option) {
	case 'h':
		fputs(options->help, stdout);
		exit(finish(EXIT_DONE));
	case 'p':
		binding->policy = policy_parse(optarg);
		if (!binding->policy)
			die(options->wrong,
			    "-p %.100s: unknown policy; expected one of "
			    POLICY_NAMES, optarg);
		return true;
	case 's':
		binding->strength = strength_parse(optarg);
		if (!binding->strength)
			die(options->wrong,
			    "-s %.100s: unknown strength; expected one of "
			    STRENGTH_NAMES, optarg);
		return true;
	case 'n':
		parse_nodes(options, optarg, &binding->nodes);
		return true;
	case OPTION_HUGE:
		parse_huge(options, optarg, binding);
		return true;
	}
	return false;
}

/* A list of short options for getopt_long(), with ':' for missing arguments. */
static void list_letters(const struct options *options, char *letters)
{
	const char *own = options->letters ?: "";
	bool stop = *own == '+';

	sprintf(letters, "%s:%s%s%s", stop ? "+" : "", OPTIONS_LETTERS,
		options->binds ? BINDS_LETTERS : "", own + stop);
}

static void list_options(const struct options *options, struct option *all)
{
	const struct option *option;

	for (option = options->own; option && option->name; option++)
		*all++ = *option;
	for (option = binds_options; options->binds && option->name; option++)
		*all++ = *option;
	*all++ = help_option;
	memset(all, 0, sizeof(*all));
}

/* After an error of getopt_long(), end the command. */
static void refuse(const struct options *options, int error,
		   const char *letters, char *argv[])
{
	const char *word = argv[optind - 1];

	if (error == ':')
		die(options->wrong, "%.100s needs an argument; see shmbind %s --help",
		    word, argv[0]);
	if (optopt && optopt < OPTION_HUGE && !strchr(letters, optopt))
		die(options->wrong, "-%c: unknown option; see shmbind %s --help",
		    optopt, argv[0]);
	if (optopt)
		die(options->wrong, "%.100s: this option takes no argument; see shmbind %s --help",
		    word, argv[0]);
	die(options->wrong, "%.100s: unknown or ambiguous option; see shmbind %s --help",
	    word, argv[0]);
}

static void set_defaults(const struct options *options, struct binding *binding)
{
	binding->policy = binding->policy ?: MEM_FIRSTREF;
	binding->strength = binding->strength ?: MEM_SOFTBIND;
	if (nodes_empty(&binding->nodes) && !nodes_usable(&binding->nodes))
		die(failed(options),
		    "cannot read the nodes of this machine; is /sys mounted?");
}

int options_next(int argc, char *argv[], const struct options *options,
		 struct binding *binding)
{
	struct option all[MAX_OWN_OPTIONS + 6];
	char letters[64];
	int option;

	list_letters(options, letters);
	list_options(options, all);
	opterr = 0;
	do {
		option = getopt_long(argc, argv, letters, all, NULL);
		if (option == '?' || option == ':')
			refuse(options, option, letters, argv);
	} while (parse_shared(options, option, binding));
	if (option < 0 && options->binds)
		set_defaults(options, binding);
	return option;
}

const char *options_operand(int argc, char *argv[],
			    const struct options *options, const char *what)
{
	if (optind >= argc)
		die(options->wrong, "%s is missing; see shmbind %s --help", what,
		    argv[0]);
	if (optind + 1 < argc)
		die(options->wrong, "%.100s: one argument too many; expected only %s",
		    argv[optind + 1], what);
	return argv[optind];
}

unsigned long long options_size(const struct options *options,
				const char *what, const char *text)
{
	unsigned long long bytes;

	if (!size_parse(text, &bytes))
		die(options->wrong,
		    "%s '%.100s': not a size; expected bytes, or a number with K, M, G, T, P or E",
		    what, text);
	return bytes;
}

int options_id(const struct options *options, const char *what,
	       const char *text)
{
	unsigned long id;
	char *end;

	errno = 0;
	id = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || id > INT_MAX)
		die(options->wrong,
		    "%s '%.100s': not the id of a segment; expected a number from 0 to %d",
		    what, text, INT_MAX);
	return id;
}
