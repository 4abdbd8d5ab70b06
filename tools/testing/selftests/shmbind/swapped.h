/* SPDX-License-Identifier: GPL-2.0 */
/* Segments whose pages are in swap. */
#ifndef SELFTEST_SHMBIND_SWAPPED_H
#define SELFTEST_SHMBIND_SWAPPED_H

#include "ballast.h"
#include "cgroup.h"
#include "expected.h"
#include "swap.h"

#define PAGES		64		/* of most segments */
#define SWAP_SIZE	(16UL << 20)	/* bytes */
#define PAGE_CLUSTER	"/proc/sys/vm/page-cluster"
#define WINDOW		8		/* pages that one fault reads */

struct swap_env {
	struct nodemask memory, cpus;
	struct nodemask first, last;	/* masks of one node */
	struct segment seg, other;
	struct segment ballast;
	struct cgroup group;
	struct cgroup cpuset;
	struct swap swap;
};

static inline void env_setup(struct __test_metadata *_metadata,
			     struct swap_env *env,
			     int (*on)(struct swap *swap, size_t size))
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	env->memory = memory_nodes();
	env->cpus = cpu_nodes();
	env->first = nodes_of(first_node(&env->memory));
	env->last = nodes_of(last_node(&env->memory));
	env->seg.id = -1;
	env->other.id = -1;
	ASSERT_EQ(0, run_on_node(first_node(&env->cpus)));
	ASSERT_EQ(0, on(&env->swap, SWAP_SIZE));
	ASSERT_EQ(0, cgroup_create(&env->group, "memory"));
	ASSERT_EQ(0, cgroup_join(&env->group));
}

static inline void env_teardown(struct __test_metadata *_metadata,
				struct swap_env *env)
{
	segment_remove(&env->seg);
	segment_remove(&env->other);
	segment_detach(&env->ballast);
	EXPECT_EQ(0, swap_remove(&env->swap));
	write_file(PAGE_CLUSTER, "3");
	cgroup_leave();
	cgroup_remove(&env->group);
	cgroup_remove(&env->cpuset);
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

/* Write a different number to each page. Zeroes would not be swapped. */
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
 * Swap out two segments so that their slots alternate. Readahead for one
 * segment then reads pages of the other, by the policy of the first.
 */
static inline void swap_out_side_by_side(struct __test_metadata *_metadata,
					 struct swap_env *env)
{
	int pages = env->other.size / page_size();
	size_t step = page_size();

	write_numbers(&env->seg);
	write_numbers(&env->other);
	for (int page = 0; page < pages; page++) {
		madvise(env->seg.addr + page * step, step, MADV_PAGEOUT);
		madvise(env->other.addr + page * step, step, MADV_PAGEOUT);
	}
	swap_out(_metadata, &env->group, &env->seg);
	swap_out(_metadata, &env->group, &env->other);
}

/*
 * Swap out a segment of @pages and fill its node except for @room pages. The
 * node may be about a hundred pages below its watermark, so @room is 0 or
 * several times that.
 */
static inline void swap_out_of_crowded_node(struct __test_metadata *_metadata,
					    struct swap_env *env, int pages,
					    int room,
					    const struct nodemask *mask)
{
	ASSERT_EQ(0, segment_open(&env->seg, pages, MEM_HARDBIND, mask));
	write_numbers(&env->seg);
	swap_out(_metadata, &env->group, &env->seg);
	ASSERT_EQ(0, give_back_some(&env->ballast,
				    fill_node_locked(&env->ballast,
						     first_node(mask)), room));
}

/* swap_out_of_crowded_node() without any room. */
static inline void swap_out_of_full_node(struct __test_metadata *_metadata,
					 struct swap_env *env, int pages,
					 const struct nodemask *mask)
{
	swap_out_of_crowded_node(_metadata, env, pages, 0, mask);
}

/* The first page that is not resident, or @pages if all are. */
static inline int page_swapped_out(struct segment *seg, int pages)
{
	int page = 0;

	while (page < pages && resident(seg, page))
		page++;
	return page;
}

/* Read @page: 0, EFAULT for what is SIGBUS, ENOMEM for what a fault repeats. */
static inline int populate(struct segment *seg, int page)
{
	return madvise(seg->addr + page * page_size(), page_size(),
		       MADV_POPULATE_READ) ? errno : 0;
}

/* Create a cpuset beside the memory group. */
static inline int create_cpuset(struct swap_env *env)
{
	snprintf(env->cpuset.path, sizeof(env->cpuset.path),
		 CGROUP_ROOT "/shmbind.%d.cpuset", getpid());
	return cgroup_enable_cpuset() || mkdir(env->cpuset.path, 0700);
}

/* Move the calling process to a cpuset that has no node of @mask. */
static inline int join_cpuset_without(struct swap_env *env,
				      const struct nodemask *mask)
{
	struct nodemask rest = nodes_andnot(env->memory, *mask);

	return cgroup_set_mems(&env->cpuset, &rest) ||
	       cgroup_join(&env->cpuset);
}

#endif /* SELFTEST_SHMBIND_SWAPPED_H */
