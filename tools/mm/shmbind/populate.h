/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Filling a segment, with the work spread over the CPUs of the mask's nodes.
 *
 * The preload library uses this inside of a program that knows nothing of it:
 * threads block all signals, and are joined before it returns. No page is
 * written to by a store, so that a full node is an error and not a SIGBUS.
 */
#ifndef POPULATE_H
#define POPULATE_H

#include <stddef.h>

#include "binding.h"

/**
 * populate() - Allocate every page of an attached segment.
 * @addr: Where it is attached for writing.
 * @bytes: Its size.
 * @nodes: The work is split evenly over the nodes in this set that have CPUs on
 *	which this task may run, in contiguous parts, node by node, and on each
 *	node over its CPUs. If there is none, it is done here.
 * @label: Begins the line of progress that is shown if stderr is a terminal
 *	and the work takes longer than a second; NULL for none.
 *
 * Context: Any thread.
 * Return: 0, or an errno: EFAULT if a page could not be allocated.
 */
int populate(void *addr, size_t bytes, const struct nodes *nodes,
	     const char *label);

#endif /* POPULATE_H */
