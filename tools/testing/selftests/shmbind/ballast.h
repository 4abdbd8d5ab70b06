/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ballast: memory that a test takes from a node.
 *
 * It is a segment bound HARD to the node. Its pages come from that node or not
 * at all, so a full node is SIGBUS and never an OOM kill. The segment is freed
 * with the process that took it.
 */
#ifndef SELFTEST_SHMBIND_BALLAST_H
#define SELFTEST_SHMBIND_BALLAST_H

#include <dirent.h>
#include <limits.h>

#include "sigbus.h"

/* The total number of pages of @node. */
static inline size_t node_pages(int node)
{
	return node_kib(node) / (page_size() / 1024);
}

/* Take up to @pages of @node; returns how many it got, or -1. */
static inline long take_pages(struct segment *ballast, int node, size_t pages)
{
	struct nodemask mask = nodes_of(node);

	if (catch_sigbus() ||
	    segment_open(ballast, pages, MEM_FIRSTREF | MEM_HARDBIND, &mask))
		return -1;
	segment_rmid(ballast);
	return try_touch_pages(ballast->addr, pages);
}

#define FREED_MAX	(8UL << 20)	/* bytes */

static long usual_slab_pages;	/* after the last return; 0: none yet */

static inline long slab_pages(void)
{
	return event_count("nr_slab_reclaimable") +
	       event_count("nr_slab_unreclaimable");
}

/*
 * KASAN keeps freed objects up to a 32nd of the memory and then returns MiBs of
 * them, possibly to a node that a test has filled. Shrinking the slab caches
 * returns them now. That takes seconds, so do it only above FREED_MAX.
 */
static inline void return_freed_objects(void)
{
	DIR *caches;
	struct dirent *cache;
	char path[PATH_MAX];

	if (usual_slab_pages &&
	    slab_pages() < usual_slab_pages + FREED_MAX / page_size())
		return;
	caches = opendir("/sys/kernel/slab");
	while (caches && (cache = readdir(caches))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink",
			 cache->d_name);
		write_file(path, "1");
	}
	if (caches)
		closedir(caches);
	usual_slab_pages = slab_pages();
}

/* Take what the node has free by now, from page @page of the ballast on. */
static inline long top_up(struct segment *ballast, long page)
{
	long pages = ballast->size / page_size();

	while (ballast->addr && page < pages && try_touch(ballast->addr, page))
		page++;
	return page;
}

/*
 * top_up() until the node is full. Pages that are freed in the background are
 * waited for and taken as well. The kernel may still reclaim a page or two
 * later; tests of a full node allow for that.
 */
static inline long fill_up(struct segment *ballast, long page)
{
	long before;

	for (int full = 0; full < 6;) {
		usleep(20000);
		before = page;
		page = top_up(ballast, page);
		full = page == before ? full + 1 : 0;
	}
	return page;
}

/* Take every page of @node; returns how many it got, or -1. */
static inline long fill_node(struct segment *ballast, int node)
{
	long page;

	return_freed_objects();
	page = take_pages(ballast, node, node_pages(node));
	return page < 0 ? page : fill_up(ballast, page);
}

/* fill_node() with pages that cannot be swapped out. */
static inline long fill_node_locked(struct segment *ballast, int node)
{
	struct nodemask mask = nodes_of(node);

	return_freed_objects();
	if (catch_sigbus() ||
	    segment_open(ballast, node_pages(node), MEM_HARDBIND, &mask) ||
	    segment_rmid(ballast) || shmctl(ballast->id, SHM_LOCK, NULL))
		return -1;
	return fill_up(ballast, 0);
}

#define HOLES		2048	/* free pages of a node without a large folio */
#define MIN_FREE	"/proc/sys/vm/min_free_kbytes"
#define COMPACT_LOCKED	"/proc/sys/vm/compact_unevictable_allowed"

static char usual_min_free[32];

/*
 * Take every page of @node but @holes, none of which are adjacent. Returns how
 * many pages it took, or -1. defragment_node() gives them back.
 */
static inline long fragment_node(struct segment *ballast, int node, long holes)
{
	long taken;

	/* the kernel's reserve would not be fragmented, nor what it compacts */
	read_line(MIN_FREE, usual_min_free, sizeof(usual_min_free));
	if (write_file(MIN_FREE, "256") || write_file(COMPACT_LOCKED, "0"))
		return -1;
	taken = fill_node_locked(ballast, node);
	if (taken < 2 * holes)
		return -1;
	for (long i = 0; i < holes; i++) {
		if (madvise(ballast->addr + 2 * i * page_size(), page_size(),
			    MADV_REMOVE))
			return -1;
	}
	return taken - holes;
}

static inline void defragment_node(struct segment *ballast)
{
	segment_detach(ballast);
	write_file(COMPACT_LOCKED, "1");
	write_file(MIN_FREE, usual_min_free);
}

/* Give back the last @pages of @taken pages. */
static inline int give_back_some(struct segment *ballast, long taken, long pages)
{
	if (taken < pages)
		return -1;
	return madvise(ballast->addr + (taken - pages) * page_size(),
		       pages * page_size(), MADV_REMOVE);
}

/* Take every page of @node but @rest. */
static inline int take_all_but(struct segment *ballast, int node, long rest)
{
	return give_back_some(ballast, fill_node(ballast, node), rest);
}

static inline int give_back(struct segment *ballast)
{
	return segment_detach(ballast);
}

/*
 * A CPU keeps the pages that it frees in a list. Other CPUs cannot use them,
 * and no counter of free pages includes them. By default the list may grow to
 * an eighth of a node.
 */
#define LIST_LENGTH	"/proc/sys/vm/percpu_pagelist_high_fraction"

/*
 * A node whose memory becomes fragmented raises its watermarks for a while. So
 * a node that is full may have free pages a moment later.
 */
#define BOOST		"/proc/sys/vm/watermark_boost_factor"

static inline int allow_short_cpu_lists(void)
{
	return write_file(LIST_LENGTH, "1000000");
}

static inline void allow_long_cpu_lists(void)
{
	write_file(LIST_LENGTH, "0");
}

/* Proactive compaction moves pages, which seem to be on no node then. */
#define COMPACTION	"/proc/sys/vm/compaction_proactiveness"

/*
 * khugepaged collapses pages every ten seconds and leaves the range unmapped
 * until the next fault. This file has the time that it sleeps, in ms.
 */
#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged/" \
			"scan_sleep_millisecs"
#define FOR_WEEKS	"4000000000"

static inline void unsettle_memory(void)
{
	allow_long_cpu_lists();
	write_file(KHUGEPAGED, "10000");
	write_file(COMPACTION, "20");
	write_file(BOOST, "15000");
}

/*
 * Until the process ends, have free pages in the node's counters, full nodes
 * stay full, and pages stay where they are. Changes nothing on a kernel without
 * shmbind(): the program may run there to list its tests.
 */
static inline void settle_memory(void)
{
	struct nodemask memory = memory_nodes(), cpus = cpu_nodes();
	struct segment seg;
	int node, cpu_node;

	if (take_pages(&seg, first_node(&memory), 1) < 0 || give_back(&seg))
		return;
	atexit(unsettle_memory);
	allow_short_cpu_lists();
	write_file(BOOST, "0");
	write_file(COMPACTION, "0");
	write_file(KHUGEPAGED, FOR_WEEKS);
	return_freed_objects();
	/* a CPU shortens its list when it frees pages */
	for (cpu_node = -1; next_node(&cpu_node, &cpus);) {
		run_on_node(cpu_node);
		for (node = -1; next_node(&node, &memory);) {
			take_pages(&seg, node, 256);
			give_back(&seg);
		}
	}
}

/*
 * The node that a test may fill: not the lowest one, which the kernel needs for
 * itself, and one with CPUs if possible.
 */
static inline int victim_node(void)
{
	struct nodemask memory = memory_nodes(), cpus = cpu_nodes();
	struct nodemask both = nodes_and(memory, cpus);
	int victim = last_node(&both);

	return victim > first_node(&memory) ? victim : last_node(&memory);
}

#endif /* SELFTEST_SHMBIND_BALLAST_H */
