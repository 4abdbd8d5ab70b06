// SPDX-License-Identifier: GPL-2.0
/* shmbind list */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"
#include "print.h"

#define MIN_WIDTH	40	/* columns; below that, lines are longer */
#define MAX_SECONDS	1000000

enum { OPTION_BARS = OPTION_OWN, OPTION_JSON, OPTION_PROCESSES, OPTION_WATCH };

static const struct option list_own[] = {
	{ "bars", no_argument, NULL, OPTION_BARS },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "processes", no_argument, NULL, OPTION_PROCESSES },
	{ "watch", required_argument, NULL, OPTION_WATCH },
	{}
};

static const struct options list_options = {
	.help =
	"Usage: shmbind list [OPTION...] [ID...]\n"
	"List segments, their bindings and the nodes of their pages.\n"
	"\n"
	"      --bars               show resident pages as a bar for each node\n"
	"      --json               print JSON\n"
	"      --processes          find the processes that have a segment attached\n"
	"      --watch SECONDS      print again every SECONDS, such as 0.5\n"
	OPTIONS_HELP_HELP
	"\n"
	"PAGE is the size of the pages that are counted. FALLBACK is the number of\n"
	"pages that were allocated on a node other than the chosen one. FAILED is the\n"
	"number of allocations that were refused.\n",
	.own = list_own,
	.wrong = EXIT_USAGE,
};

/* What to list, and how. */
struct list {
	int *ids;	/* NULL for all */
	int nids;
	bool json;
	double seconds;	/* 0 for once */
	struct style style;
};

static double parse_seconds(const char *text)
{
	const char *point = strchr(text, '.');
	double seconds;

	seconds = strtod(text, NULL);
	/* strtod() takes signs, exponents and names as well */
	if (text[strspn(text, "0123456789.")] || (point && strchr(point + 1, '.')) ||
	    seconds < 0.001 || seconds > MAX_SECONDS)
		die(EXIT_USAGE,
		    "--watch %.100s: not a number of seconds; expected one from 0.001 to %d",
		    text, MAX_SECONDS);
	return seconds;
}

static int terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return TABLE_WIDTH;
	return size.ws_col > MIN_WIDTH ? size.ws_col : MIN_WIDTH;
}

/*
 * Which segments to list. They are sorted by id.
 */

static bool wanted(const struct list *list, int id)
{
	int i;

	for (i = 0; i < list->nids && list->ids[i] != id; i++)
		;
	return !list->ids || i < list->nids;
}

/* Keep those that are to be listed, and free the others. */
static long select_segments(const struct list *list, struct segment *segments,
			    long count)
{
	long i, kept = 0;

	for (i = 0; i < count; i++) {
		if (wanted(list, segments[i].shmid))
			segments[kept++] = segments[i];
		else
			free(segments[i].pids);
	}
	return kept;
}

/* Complain about ids without a segment. Returns the exit status. */
static int find_missing(const struct list *list, const struct segment *segments,
			long count)
{
	int i, status = EXIT_DONE;
	long j;

	for (i = 0; i < list->nids; i++) {
		for (j = 0; j < count && segments[j].shmid != list->ids[i]; j++)
			;
		if (j < count)
			continue;
		complain("%d: there is no segment with this id; see shmbind list",
			 list->ids[i]);
		status = EXIT_FAILED;
	}
	return status;
}

/* The kernel refuses new pages there, and reports it nowhere. */
static void warn_outside(const struct list *list, const struct segment *segment)
{
	char text[NODES_TEXT], cpuset[NODES_TEXT];
	struct nodes outside, left;
	bool many;

	if (!outside_cpuset(&outside, segment, &list->style))
		return;
	many = nodes_count(&outside) > 1;
	nodes_minus(&left, &segment->binding.nodes, &outside);
	complain("segment %d: %s %.500s of its mask %s outside this cpuset (%.500s)%s",
		 segment->shmid, many ? "nodes" : "node",
		 nodes_format(text, &outside), many ? "are" : "is",
		 nodes_format(cpuset, &list->style.allowed),
		 nodes_empty(&left) ? "; each new page raises SIGBUS" : "");
}

static int print_list(struct list *list)
{
	struct segment *segments;
	long i, count, unknown;
	int status;

	if (!nodes_allowed(&list->style.allowed))
		die(EXIT_FAILED, "cannot read Mems_allowed_list in /proc/self/status");
	count = segments_read(&segments, list->style.processes, &unknown);
	if (count < 0)
		die(EXIT_FAILED, "cannot read /proc/sysvipc/shmbind: %s",
		    strerror(errno));
	count = select_segments(list, segments, count);
	if (list->json)
		print_json(segments, count, &list->style);
	else if (!print_table(segments, count, &list->style))
		die(EXIT_FAILED, "no memory");
	fflush(stdout);
	if (unknown > 0)
		complain("%ld lines of /proc/sysvipc/shmbind have another form and are left out",
			 unknown);
	status = find_missing(list, segments, count);
	for (i = 0; i < count && !list->json; i++)
		warn_outside(list, &segments[i]);
	segments_free(segments, count);
	return status;
}

/*
 * Again and again, until a signal or an error of stdout ends it.
 */

static void watch(struct list *list)
{
	bool terminal = isatty(STDOUT_FILENO) && !list->json;
	struct timespec pause = { .tv_sec = list->seconds };

	pause.tv_nsec = (list->seconds - pause.tv_sec) * 1e9;
	while (!ferror(stdout)) {
		if (terminal)
			fputs("\033[H\033[2J", stdout);
		list->style.width = terminal_width();
		print_list(list);
		nanosleep(&pause, NULL);
		if (!terminal && !list->json)
			putchar('\n');
	}
}

/* https://no-color.org */
static bool no_color(void)
{
	const char *value = getenv("NO_COLOR");

	return value && *value;
}

int cmd_list(int argc, char *argv[])
{
	/* static, so that the ids are not a leak wherever the command ends */
	static struct list list;
	int option;

	while ((option = options_next(argc, argv, &list_options, NULL)) >= 0) {
		list.style.bars |= option == OPTION_BARS;
		list.style.processes |= option == OPTION_PROCESSES;
		list.json |= option == OPTION_JSON;
		if (option == OPTION_WATCH)
			list.seconds = parse_seconds(optarg);
	}
	list.ids = optind < argc ? calloc(argc, sizeof(*list.ids)) : NULL;
	if (optind < argc && !list.ids)
		die(EXIT_FAILED, "no memory");
	for (; optind < argc; optind++)
		list.ids[list.nids++] = options_id(&list_options, "ID",
						   argv[optind]);
	if (!require_shmbind())
		return EXIT_FAILED;
	nodes_with_memory(&list.style.memory);
	list.style.width = terminal_width();
	list.style.color = isatty(STDOUT_FILENO) && !no_color();
	if (list.seconds)
		watch(&list);
	return print_list(&list);
}
