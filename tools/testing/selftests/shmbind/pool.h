/* SPDX-License-Identifier: GPL-2.0 */
/* The pools of huge pages, one on each node, and segments of huge pages. */
#ifndef SELFTEST_SHMBIND_POOL_H
#define SELFTEST_SHMBIND_POOL_H

#include "sigbus.h"

#ifndef SHM_HUGETLB
#define SHM_HUGETLB	04000
#endif
#ifndef SHM_HUGE_SHIFT
#define SHM_HUGE_SHIFT	26
#endif

enum { EVERYWHERE = -1 };	/* in place of a node: the sum over all */

/* A file of the pool of pages of @size bytes, such as "free_hugepages". */
static inline char *pool_path(size_t size, int node, const char *file,
			      char *path, size_t path_size)
{
	char dir[64] = "/sys/kernel/mm";

	if (node != EVERYWHERE)
		snprintf(dir, sizeof(dir), NODES_DIR "/node%d", node);
	snprintf(path, path_size, "%s/hugepages/hugepages-%zukB/%s", dir,
		 size / 1024, file);
	return path;
}

static inline long pool_count(size_t size, int node, const char *file)
{
	char path[256], line[32];

	pool_path(size, node, file, path, sizeof(path));
	return *read_line(path, line, sizeof(line)) ? atol(line) : -1;
}

static inline int pool_set(size_t size, int node, const char *file, long count)
{
	char path[256], text[32];

	pool_path(size, node, file, path, sizeof(path));
	snprintf(text, sizeof(text), "%ld", count);
	return write_file(path, text);
}

/* Set the pool of each node of @mask to @count pages; -1 if one fails. */
static inline int pools_fill(size_t size, const struct nodemask *mask,
			     long count)
{
	int node;

	for (node = -1; next_node(&node, mask);) {
		if (pool_set(size, node, "nr_hugepages", count) ||
		    pool_count(size, node, "free_hugepages") != count)
			return -1;
	}
	return 0;
}

/* An unbound segment of @pages huge pages of @size bytes each. */
static inline int huge_create(struct segment *seg, size_t size, size_t pages,
			      int flags)
{
	flags |= __builtin_ctzl(size) << SHM_HUGE_SHIFT;
	seg->size = pages * size;
	seg->addr = NULL;
	seg->id = shmget(IPC_PRIVATE, seg->size,
			 IPC_CREAT | SHM_HUGETLB | 0600 | flags);
	return seg->id < 0 ? -1 : 0;
}

static inline int huge_open(struct segment *seg, size_t size, size_t pages,
			    int flags, int policy, const struct nodemask *mask)
{
	if (huge_create(seg, size, pages, flags))
		return -1;
	return segment_bind(seg, policy, mask);
}

#endif /* SELFTEST_SHMBIND_POOL_H */
