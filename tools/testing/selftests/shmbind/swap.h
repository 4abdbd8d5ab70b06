/* SPDX-License-Identifier: GPL-2.0 */
/* Swap devices, and pages that are swapped out. */
#ifndef SELFTEST_SHMBIND_SWAP_H
#define SELFTEST_SHMBIND_SWAP_H

#include <sys/swap.h>

#include "cgroup.h"
#include "loop.h"
#include "segment.h"

#define ZRAM	"/sys/class/zram-control/"
#define ZSWAP	"/sys/module/zswap/parameters/enabled"

struct swap {
	char path[LOOP_PATH_MAX];	/* "" if there is none */
	int disk;	/* a descriptor that keeps the loop device, or 0 */
	int zram;	/* its number, if there is no disk */
	bool compressed;	/* by zswap, which has to be turned off again */
};

/* Write the header that mkswap(8) writes; @size is in bytes. */
static inline int make_swap(int device, size_t size)
{
	size_t block = page_size();
	unsigned int *page = calloc(1, block);

	if (!page)
		return -1;
	page[1024 / sizeof(*page)] = 1;				/* version */
	page[1024 / sizeof(*page) + 1] = size / block - 1;	/* last page */
	memcpy((char *)page + block - 10, "SWAPSPACE2", 10);
	return pwrite(device, page, block, 0) == (ssize_t)block ? 0 : -1;
}

static inline int swap_on(const char *path, size_t size)
{
	int device = open(path, O_RDWR), err;

	if (device < 0)
		return -1;
	err = make_swap(device, size);
	close(device);
	return err ? -1 : swapon(path, 0);
}

/* Pages are read asynchronously, with readahead. */
static inline int swap_to_disk(struct swap *swap, size_t size)
{
	swap->disk = loop_open(size, O_RDWR, swap->path);
	return swap->disk < 0 ? -1 : swap_on(swap->path, size);
}

/* Pages are read synchronously, one by one. */
static inline int swap_to_zram(struct swap *swap, size_t size)
{
	char line[32], path[64];

	/* reading this file makes a device and returns its number */
	if (!*read_line(ZRAM "hot_add", line, sizeof(line)))
		return -1;
	swap->zram = atoi(line);
	snprintf(swap->path, sizeof(swap->path), "/dev/zram%d", swap->zram);
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", swap->zram);
	snprintf(line, sizeof(line), "%lu", (unsigned long)size);
	return write_file(path, line) ? -1 : swap_on(swap->path, size);
}

/* Pages are read synchronously, with readahead, from compressed memory. */
static inline int swap_to_zswap(struct swap *swap, size_t size)
{
	swap->compressed = true;
	return write_file(ZSWAP, "Y") ? -1 : swap_to_disk(swap, size);
}

/* Does nothing if there was no swap. */
static inline int swap_remove(struct swap *swap)
{
	char line[32];

	if (swap->compressed)
		write_file(ZSWAP, "N");
	if (!swap->path[0])
		return 0;
	if (swapoff(swap->path) && errno != EINVAL)
		return -1;
	if (swap->disk > 0)
		return close(swap->disk);
	snprintf(line, sizeof(line), "%d", swap->zram);
	return write_file(ZRAM "hot_remove", line);
}

static inline bool resident(struct segment *seg, size_t page)
{
	unsigned char here;

	return !mincore(seg->addr + page * page_size(), 1, &here) && here & 1;
}

/* How many pages of @seg are resident; with @touch, each is mapped again. */
static inline int residents(struct segment *seg, bool touch)
{
	int pages = seg->size / page_size(), left = 0;

	for (int page = 0; page < pages; page++) {
		if (!resident(seg, page))
			continue;
		left++;
		if (touch)
			touch_page(seg->addr, page);
	}
	return left;
}

/*
 * Have all pages of @seg, which are charged to @group, written to swap and
 * freed. Rarely a page is under writeback each time reclaim scans it, or is
 * read ahead with its neighbour. MADV_PAGEOUT takes such a page when it is
 * mapped again.
 */
static inline void swap_out(struct __test_metadata *_metadata,
			    const struct cgroup *group, struct segment *seg)
{
	int left = 1;

	for (int tries = 0; left && tries < 200; tries++) {
		madvise(seg->addr, seg->size, MADV_PAGEOUT);
		/* pages that were written wait on lists to be reclaimed */
		if (tries)
			compact_nodes();
		cgroup_write(group, "memory.reclaim", "1M");
		left = residents(seg, tries % 20 == 19);
		usleep(10000);
	}
	ASSERT_EQ(0, left);
}

#endif /* SELFTEST_SHMBIND_SWAP_H */
