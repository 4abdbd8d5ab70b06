// SPDX-License-Identifier: GPL-2.0
/* Printing segments. */
#define _GNU_SOURCE
#include <ctype.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "shmbind.h"

#define INDENT		"    "

#define BOLD		"\033[1m"
#define RED		"\033[31m"
#define YELLOW		"\033[33m"
#define PLAIN		"\033[0m"

/* Room for a cell; a binding that does not fit would be too wide, too. */
#define CELL_TEXT	TABLE_WIDTH

enum column { KEY, ID, OWNER, SIZE, PAGE, NATTCH, BINDING, FALLBACK, FAILED,
	      COLUMNS };

/*
 * The widths of the columns that do not have a limit by themselves. Together with
 * the others, and a blank between any two, they leave 15 for BINDING, and more
 * where values are shorter.
 */
static const struct {
	const char *name;
	int max;
	bool left;
} columns[COLUMNS] = {
	[KEY]		= { "KEY", 10, true },
	[ID]		= { "ID", 10, false },
	[OWNER]		= { "OWNER", 8, true },
	[SIZE]		= { "SIZE", 5, false },
	[PAGE]		= { "PAGE", 4, false },
	[NATTCH]	= { "NATTCH", 6, false },
	[BINDING]	= { "BINDING", TABLE_WIDTH, true },
	[FALLBACK]	= { "FALLBACK", 8, false },
	[FAILED]	= { "FAILED", 6, false },
};

/* Takes the place of a value that is too wide and follows in a line below. */
#define BELOW	"..."

/* The cells of a segment. Those that are too wide are cut off here. */
struct row {
	char cells[COLUMNS][CELL_TEXT];
};

bool outside_cpuset(struct nodes *outside, const struct segment *segment,
		    const struct style *style)
{
	memset(outside, 0, sizeof(*outside));
	if (segment->bound && segment->binding.strength != MEM_SOFTBIND)
		nodes_minus(outside, &segment->binding.nodes, &style->allowed);
	return !nodes_empty(outside);
}

/* The name of the owner, or the number if there is no name. */
static const char *owner(const struct segment *segment)
{
	static char number[16];
	struct passwd *passwd = getpwuid(segment->uid);
	const char *c;

	snprintf(number, sizeof(number), "%u", segment->uid);
	if (!passwd || !*passwd->pw_name)
		return number;
	for (c = passwd->pw_name; *c; c++) {
		if (!isgraph((unsigned char)*c))
			return number;
	}
	return passwd->pw_name;
}

/*
 * Columns.
 */

static void cell(struct row *row, enum column column, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(row->cells[column], CELL_TEXT, format, args);
	va_end(args);
}

static void fill_row(struct row *row, const struct segment *segment)
{
	char text[BINDING_TEXT], page[SIZE_TEXT];

	cell(row, KEY, "0x%08x", segment->key);
	cell(row, ID, "%d", segment->shmid);
	cell(row, OWNER, "%s", owner(segment));
	cell(row, SIZE, "%s", size_format(text, segment->size));
	cell(row, PAGE, "%s", size_format(page, 1024ULL * segment->page_kib));
	cell(row, NATTCH, "%lu", segment->attaches);
	if (segment->bound) {
		cell(row, BINDING, "%s",
		     binding_format(text, &segment->binding));
		cell(row, FALLBACK, "%lu", segment->fallback);
		cell(row, FAILED, "%lu", segment->failed);
	} else {
		cell(row, BINDING, "-");
		cell(row, FALLBACK, "-");
		cell(row, FAILED, "-");
	}
}

static int max_int(int a, int b)
{
	return a > b ? a : b;
}

/* The width of a column whose values take at most @limit. */
static int column_width(const struct row *rows, long count, enum column column,
			int limit)
{
	int width = strlen(columns[column].name), length;
	long i;

	for (i = 0; i < count; i++) {
		length = strlen(rows[i].cells[column]);
		width = max_int(width, length <= limit ? length :
				(int)strlen(BELOW));
	}
	return width;
}

/* BINDING gets what the others leave. */
static void find_widths(int *widths, const struct row *rows, long count)
{
	int column, left = TABLE_WIDTH - (COLUMNS - 1);

	for (column = 0; column < COLUMNS; column++) {
		if (column == BINDING)
			continue;
		widths[column] = column_width(rows, count, column,
					      columns[column].max);
		left -= widths[column];
	}
	widths[BINDING] = column_width(rows, count, BINDING, left);
}

static void print_cell(enum column column, int width, const char *text,
		       const char *color)
{
	int pad = width - strlen(text);

	if (column)
		putchar(' ');
	if (!columns[column].left)
		printf("%*s", pad, "");
	printf("%s%s%s", color, text, *color ? PLAIN : "");
	if (columns[column].left)
		printf("%*s", pad, "");
}

static void print_header(const int *widths, const struct style *style)
{
	int column;

	for (column = 0; column < COLUMNS; column++)
		print_cell(column, widths[column], columns[column].name,
			   style->color ? BOLD : "");
	putchar('\n');
}

static const char *cell_color(const struct segment *segment, enum column column,
			      const struct style *style)
{
	if (!style->color || !segment->bound)
		return "";
	if (column == FAILED && segment->failed)
		return RED;
	return column == FALLBACK && segment->fallback ? YELLOW : "";
}

static bool fits(const struct row *row, enum column column, const int *widths)
{
	return (int)strlen(row->cells[column]) <= widths[column];
}

static void print_row(const struct row *row, const struct segment *segment,
		      const int *widths, const struct style *style)
{
	int column;

	for (column = 0; column < COLUMNS; column++)
		print_cell(column, widths[column],
			   fits(row, column, widths) ? row->cells[column] :
			   BELOW, cell_color(segment, column, style));
	putchar('\n');
}

/*
 * Lines below a segment. They are made of words that wrap. A word that is wider
 * than a line is broken after a comma.
 */

struct lines {
	int width, column;
};

static void end_lines(struct lines *lines)
{
	if (lines->column)
		putchar('\n');
	lines->column = 0;
}

/* How much of a word to print where there is room for @left of it. */
static int cut(const char *word, int left)
{
	int length = left;

	while (length && word[length - 1] != ',')
		length--;
	return length ? length : left;
}

static void print_word(struct lines *lines, const char *word)
{
	int room = max_int(lines->width - (int)strlen(INDENT), 1);
	int length = strlen(word), part;

	if (lines->column && length <= room &&
	    lines->column + 1 + length > lines->width)
		end_lines(lines);
	for (;; word += part, length -= part) {
		lines->column += printf("%s", lines->column ? " " : INDENT);
		room = max_int(lines->width - lines->column, 1);
		part = length <= room ? length : cut(word, room);
		lines->column += printf("%.*s", part, word);
		if (part == length)
			break;
		end_lines(lines);
	}
}

/* Values that had no room in their columns: "BINDING stripe|hard:0,2,4". */
static void print_wide(const struct row *row, const struct segment *segment,
		       const int *widths, const struct style *style)
{
	struct lines lines = { style->width, 0 };
	char text[BINDING_TEXT];
	int column;

	for (column = 0; column < COLUMNS; column++) {
		if (fits(row, column, widths))
			continue;
		print_word(&lines, columns[column].name);
		print_word(&lines, column == BINDING ?
			   binding_format(text, &segment->binding) :
			   row->cells[column]);
		end_lines(&lines);
	}
}

static void print_resident(const struct segment *segment,
			   const struct style *style)
{
	struct lines lines = { style->width, 0 };
	char word[64];
	int node;

	for (node = 0; node < MAX_NODES; node++) {
		if (!segment->resident[node])
			continue;
		snprintf(word, sizeof(word), "N%d=%lu", node,
			 segment->resident[node]);
		print_word(&lines, word);
	}
	end_lines(&lines);
}

/* A node with at least one page has a bar of at least one column. */
static int bar_length(unsigned long pages, unsigned long scale)
{
	int length;

	if (!pages)
		return 0;
	length = (double)(pages - 1) * BAR_WIDTH / scale + 1;
	return length < BAR_WIDTH ? length : BAR_WIDTH;
}

static void print_bars(const struct segment *segment, const struct style *style)
{
	static const char full[] = "####################################";
	unsigned long pages, scale = BAR_WIDTH;
	int node;

	for (node = 0; node < MAX_NODES; node++) {
		if (segment->resident[node] > scale)
			scale = segment->resident[node];
	}
	for (node = 0; node < MAX_NODES; node++) {
		pages = segment->resident[node];
		if (pages || nodes_has(&style->memory, node))
			printf("  node %2d |%-*.*s|%7lu\n", node, BAR_WIDTH,
			       bar_length(pages, scale), full, pages);
	}
}

static void print_processes(const struct segment *segment,
			    const struct style *style)
{
	struct lines lines = { style->width, 0 };
	char command[64], word[96], *c;
	size_t i;

	for (i = 0; i < segment->npids; i++) {
		process_name(segment->pids[i], command, sizeof(command));
		/* a process chooses its own name */
		for (c = command; *c; c++) {
			if (!isprint((unsigned char)*c))
				*c = '?';
		}
		snprintf(word, sizeof(word), "%d(%s)", segment->pids[i],
			 command);
		print_word(&lines, word);
	}
	end_lines(&lines);
}

static void print_segment(const struct row *row, const struct segment *segment,
			  const int *widths, const struct style *style)
{
	print_row(row, segment, widths, style);
	print_wide(row, segment, widths, style);
	if (segment->destroyed)
		puts(INDENT "is removed when the last process detaches it");
	if (style->processes)
		print_processes(segment, style);
	if (style->bars)
		print_bars(segment, style);
	else
		print_resident(segment, style);
}

bool print_table(const struct segment *segments, long count,
		 const struct style *style)
{
	struct row *rows = calloc(count + 1, sizeof(*rows));
	int widths[COLUMNS];
	long i;

	if (!rows)
		return false;
	for (i = 0; i < count; i++)
		fill_row(&rows[i], &segments[i]);
	find_widths(widths, rows, count);
	print_header(widths, style);
	for (i = 0; i < count; i++)
		print_segment(&rows[i], &segments[i], widths, style);
	free(rows);
	return true;
}

/*
 * JSON.
 */

/* The length of the UTF-8 character at @text, or 0 if it is not valid. */
static int utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead, low, high;
		int length;
	} forms[] = {
		{ 0x80, 0x00, 0, 0, 1 },
		{ 0xff, 0xe0, 0xa0, 0xbf, 3 },	/* not overlong */
		{ 0xff, 0xed, 0x80, 0x9f, 3 },	/* no surrogates */
		{ 0xf0, 0xe0, 0x80, 0xbf, 3 },
		{ 0xff, 0xf0, 0x90, 0xbf, 4 },	/* not overlong */
		{ 0xff, 0xf4, 0x80, 0x8f, 4 },	/* up to U+10FFFF */
		{ 0xfc, 0xf0, 0x80, 0xbf, 4 },
		{ 0xe0, 0xc0, 0x80, 0xbf, 2 },
	};
	size_t i;
	int n;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if ((text[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (forms[i].length == 1)
			return 1;
		if (text[0] < 0xc2 || text[1] < forms[i].low ||
		    text[1] > forms[i].high)
			return 0;
		for (n = 2; n < forms[i].length; n++) {
			if ((text[n] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

static void json_string(const char *text)
{
	int length;

	putchar('"');
	for (; *text; text += max_int(length, 1)) {
		length = utf8_length((const unsigned char *)text);
		if (!length)
			fputs("\\ufffd", stdout);
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			printf("\\u%04x", *text);
		else
			printf("%s%.*s", *text == '"' || *text == '\\' ? "\\" :
			       "", length, text);
	}
	putchar('"');
}

static void json_nodes(const char *key, const struct nodes *nodes)
{
	const char *comma = "";
	int node;

	printf("\"%s\":[", key);
	for (node = -1; nodes_next(&node, nodes); comma = ",")
		printf("%s%d", comma, node);
	putchar(']');
}

static void json_binding(const struct segment *segment)
{
	if (segment->bound)
		printf("\"policy\":\"%s\",\"strength\":\"%s\",",
		       policy_name(segment->binding.policy),
		       strength_name(segment->binding.strength));
	else
		printf("\"policy\":null,\"strength\":null,");
	json_nodes("nodes", &segment->binding.nodes);
	putchar(',');
}

static void json_resident(const struct segment *segment)
{
	const char *comma = "";
	int node;

	printf("\"resident\":{");
	for (node = 0; node < MAX_NODES; node++) {
		if (!segment->resident[node])
			continue;
		printf("%s\"%d\":%lu", comma, node, segment->resident[node]);
		comma = ",";
	}
	printf("},");
}

static void json_counts(const struct segment *segment)
{
	if (segment->bound)
		printf("\"fallback\":%lu,\"failed\":%lu,", segment->fallback,
		       segment->failed);
	else
		printf("\"fallback\":null,\"failed\":null,");
}

static void json_processes(const struct segment *segment)
{
	char command[64];
	size_t i;

	printf(",\"processes\":[");
	for (i = 0; i < segment->npids; i++) {
		process_name(segment->pids[i], command, sizeof(command));
		printf("%s{\"pid\":%d,\"command\":", i ? "," : "",
		       segment->pids[i]);
		json_string(command);
		putchar('}');
	}
	putchar(']');
}

static void json_segment(const struct segment *segment,
			 const struct style *style)
{
	struct nodes outside;

	printf("{\"key\":%u,\"id\":%d,\"owner\":", (unsigned int)segment->key,
	       segment->shmid);
	json_string(owner(segment));
	printf(",\"uid\":%u,\"mode\":%u,\"destroyed\":%s,", segment->uid,
	       segment->mode, segment->destroyed ? "true" : "false");
	printf("\"size\":%llu,\"page_size\":%llu,", segment->size,
	       1024ULL * segment->page_kib);
	printf("\"attaches\":%lu,\"bound\":%s,", segment->attaches,
	       segment->bound ? "true" : "false");
	json_binding(segment);
	json_resident(segment);
	json_counts(segment);
	outside_cpuset(&outside, segment, style);
	json_nodes("outside_cpuset", &outside);
	if (style->processes)
		json_processes(segment);
	putchar('}');
}

void print_json(const struct segment *segments, long count,
		const struct style *style)
{
	long i;

	printf("{\"segments\":[");
	for (i = 0; i < count; i++) {
		printf("%s\n", i ? "," : "");
		json_segment(&segments[i], style);
	}
	printf("%s]}\n", count ? "\n" : "");
}
