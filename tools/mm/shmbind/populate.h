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

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "binding.h"

/**
 * struct filling - What populate() is to do.
 * @addr: Where the segment is attached for writing.
 * @bytes: Its size.
 * @page: The size of its pages.
 * @nodes: The work is split evenly over the nodes in this set that have CPUs on
 *	which this task may run, in contiguous parts, node by node, and on each
 *	node over its CPUs. If there is none, it is done here.
 * @threads: Threads may be used. Not so in a child of vfork(2), which shares its
 *	memory with its parent. The calling thread then does the work, on the
 *	CPUs where it is.
 * @mask: The signal mask to return to. The caller has blocked all signals.
 * @label: Begins the line of progress that is shown if stderr is a terminal
 *	and the work takes longer than a second; NULL for none.
 */
struct filling {
	char *addr;
	size_t bytes, page;
	const struct nodes *nodes;
	bool threads;
	const sigset_t *mask;
	const char *label;
};

/**
 * populate() - Allocate every page of an attached segment.
 * @filling: The segment, and how to fill it.
 *
 * Under FIRSTREF each page is on the node whose CPUs fill its part.
 *
 * A signal that would end the process ends populate(), and so does a SIGHUP,
 * SIGINT, SIGQUIT or SIGTERM that has a handler. All signals are left pending, so
 * that the caller can clean up.
 *
 * Context: Any thread.
 * Return: 0, or an errno: EFAULT if a page could not be allocated, EINTR for a
 * signal.
 */
int populate(const struct filling *filling);

#endif /* POPULATE_H */
