/* SPDX-License-Identifier: GPL-2.0 */
/* Printing segments: columns, bars, JSON. */
#ifndef PRINT_H
#define PRINT_H

#include <stdbool.h>

#include "segments.h"

#define TABLE_WIDTH	80	/* columns; no line of the table is longer */
#define BAR_WIDTH	36	/* columns */

/**
 * struct style - How to print segments.
 * @bars: Show resident pages as bars.
 * @color: Use colour.
 * @processes: Show the processes that have a segment attached.
 * @width: Columns of the terminal; lines that are not part of a column wrap there.
 * @memory: Nodes that have a bar even if they have no page.
 * @allowed: Nodes that the cpuset of this process allows.
 */
struct style {
	bool bars, color, processes;
	int width;
	struct nodes memory, allowed;
};

/* False: no memory. */
bool print_table(const struct segment *segments, long count,
		 const struct style *style);

/* Print an object that has all segments, one a line. */
void print_json(const struct segment *segments, long count,
		const struct style *style);

/**
 * outside_cpuset() - Find the nodes that a segment may not leave, nor use.
 * @outside: Nodes of the mask that the cpuset does not allow; empty for a
 *	segment whose pages may go elsewhere.
 *
 * Return: Whether there are any.
 */
bool outside_cpuset(struct nodes *outside, const struct segment *segment,
		    const struct style *style);

#endif /* PRINT_H */
