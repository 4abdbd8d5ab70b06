// SPDX-License-Identifier: GPL-2.0
/*
 * listing - Read lines of the form that /proc/sysvipc/shmbind has, made up or
 * not, and print them as shmbind(1) would.
 *
 *	listing parse              print "good" or "bad" for each line
 *	listing table|bars|json    list the segments; every count that is not in the
 *	                           line has its largest value
 */
#define _GNU_SOURCE
#include <limits.h>

#include "segments.c"
#include "print.c"

#define MAX_LINES	32

static void make_up(struct segment *segment)
{
	segment->uid = UINT_MAX - 1;
	segment->mode = 0777;
	segment->size = LLONG_MAX;
	segment->attaches = ULONG_MAX;
}

int main(int argc, char *argv[])
{
	static struct segment segments[MAX_LINES];
	const char *what = argc > 1 ? argv[1] : "";
	struct style style = { .width = TABLE_WIDTH };
	size_t size = 0, count = 0;
	char *line = NULL;
	bool good;

	while (getline(&line, &size, stdin) > 0 && count < MAX_LINES) {
		good = segment_parse(line, &segments[count]);
		if (!strcmp(what, "parse"))
			puts(good ? "good" : "bad");
		else if (good)
			make_up(&segments[count++]);
	}
	free(line);
	style.bars = !strcmp(what, "bars");
	if (!strcmp(what, "json"))
		print_json(segments, count, &style);
	else if (strcmp(what, "parse"))
		print_table(segments, count, &style);
	return 0;
}
