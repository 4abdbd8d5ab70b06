/* SPDX-License-Identifier: GPL-2.0 */
/* Segments whose pages are in swap, and the machine that brings them back. */
#ifndef SELFTEST_SHMBIND_SWAPPED_H
#define SELFTEST_SHMBIND_SWAPPED_H

#include "ballast.h"
#include "cgroup.h"
#include "expected.h"
#include "swap.h"

#define PAGES		64		/* of most segments */
#define SWAP_SIZE	(16UL << 20)	/* bytes */
#define PAGE_CLUSTER	"/proc/sys/vm/page-cluster"
#define WINDOW		8		/* pages that one fault reads, by default */

struct scene {
	struct nodemask memory, cpus;
	struct nodemask first, last;	/* masks of one node */
	struct segment seg, other;
	struct segment ballast;
	struct cgroup group;
	struct cgroup cpuset;
	struct swap swap;
};

static inline void set_scene(struct __test_metadata *_metadata,
			     struct scene *scene,
			     int (*on)(struct swap *swap, size_t size))
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	scene->memory = memory_nodes();
	scene->cpus = cpu_nodes();
	scene->first = nodes_of(first_node(&scene->memory));
	scene->last = nodes_of(last_node(&scene->memory));
	scene->seg.id = -1;
	scene->other.id = -1;
	ASSERT_EQ(0, run_on_node(first_node(&scene->cpus)));
	ASSERT_EQ(0, on(&scene->swap, SWAP_SIZE));
	ASSERT_EQ(0, cgroup_create(&scene->group, "memory"));
	ASSERT_EQ(0, cgroup_join(&scene->group));
}

static inline void clear_scene(struct __test_metadata *_metadata,
			       struct scene *scene)
{
	segment_remove(&scene->seg);
	segment_remove(&scene->other);
	segment_detach(&scene->ballast);
	EXPECT_EQ(0, swap_remove(&scene->swap));
	write_file(PAGE_CLUSTER, "3");
	cgroup_leave();
	cgroup_remove(&scene->group);
	cgroup_remove(&scene->cpuset);
}

static inline void expect_all_on(struct __test_metadata *_metadata,
				 struct segment *seg,
				 const struct nodemask *mask)
{
	int pages = seg->size / page_size(), nodes[pages];

	ASSERT_EQ(0, placement(seg->addr, pages, nodes));
	EXPECT_EQ(0, strays(nodes, pages, mask));
}

static inline int *number_of(struct segment *seg, int page)
{
	return (int *)(seg->addr + page * page_size());
}

/* No page like another, nor like one of zeroes, which is not written to swap. */
static inline void write_numbers(struct segment *seg)
{
	int pages = seg->size / page_size();

	for (int page = 0; page < pages; page++)
		*number_of(seg, page) = seg->id + page + 1;
}

static inline void expect_numbers(struct __test_metadata *_metadata,
				  struct segment *seg)
{
	int pages = seg->size / page_size();

	for (int page = 0; page < pages; page++)
		EXPECT_EQ(seg->id + page + 1, *number_of(seg, page));
}

/*
 * Have the slots of two segments alternate in swap: what is beside a page is
 * read with it, by the policy of the segment whose page is wanted.
 */
static inline void swap_out_side_by_side(struct __test_metadata *_metadata,
					 struct scene *scene)
{
	int pages = scene->other.size / page_size();
	size_t step = page_size();

	write_numbers(&scene->seg);
	write_numbers(&scene->other);
	for (int page = 0; page < pages; page++) {
		madvise(scene->seg.addr + page * step, step, MADV_PAGEOUT);
		madvise(scene->other.addr + page * step, step, MADV_PAGEOUT);
	}
	swap_out(_metadata, &scene->group, &scene->seg);
	swap_out(_metadata, &scene->group, &scene->other);
}

/*
 * Swap out @pages of a segment and fill the node that it is bound to, except for
 * @room pages. The kernel may have left the node about a hundred pages below its
 * watermark, so @room is 0 or several times that.
 */
static inline void swap_out_of_crowded_node(struct __test_metadata *_metadata,
					    struct scene *scene, int pages,
					    int room,
					    const struct nodemask *mask)
{
	ASSERT_EQ(0, segment_open(&scene->seg, pages, MEM_HARDBIND, mask));
	write_numbers(&scene->seg);
	swap_out(_metadata, &scene->group, &scene->seg);
	ASSERT_EQ(0, give_back_some(&scene->ballast,
				    fill_node_locked(&scene->ballast,
						     first_node(mask)), room));
}

/* The same, with a node that is full. */
static inline void swap_out_of_full_node(struct __test_metadata *_metadata,
					 struct scene *scene, int pages,
					 const struct nodemask *mask)
{
	swap_out_of_crowded_node(_metadata, scene, pages, 0, mask);
}

/* The first page that is not there, @pages if all are. */
static inline int page_swapped_out(struct segment *seg, int pages)
{
	int page = 0;

	while (page < pages && resident(seg, page))
		page++;
	return page;
}

/* Read @page: 0; EFAULT for a SIGBUS; ENOMEM for what faults repeat. */
static inline int populate(struct segment *seg, int page)
{
	return madvise(seg->addr + page * page_size(), page_size(),
		       MADV_POPULATE_READ) ? errno : 0;
}

/* Who leaves the mask of a segment to those outside, for the calling process. */
static inline int join_cpuset_without(struct scene *scene,
				      const struct nodemask *mask)
{
	struct nodemask rest = nodes_andnot(scene->memory, *mask);

	return cgroup_set_mems(&scene->cpuset, &rest) ||
	       cgroup_join(&scene->cpuset);
}

#endif /* SELFTEST_SHMBIND_SWAPPED_H */
