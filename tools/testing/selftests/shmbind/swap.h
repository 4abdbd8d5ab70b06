/* SPDX-License-Identifier: GPL-2.0 */
/* Something to swap to, and pages that are swapped out. */
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
	int disk;	/* 0, or what keeps the loop device until it is removed */
	int zram;	/* its number, if there is no disk */
	bool compressed;	/* by zswap, which is not even turned off else */
};

/* What mkswap(8) writes; @size is in bytes. */
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

/* Read asynchronously and ahead. */
static inline int swap_to_disk(struct swap *swap, size_t size)
{
	swap->disk = loop_open(size, O_RDWR, swap->path);
	return swap->disk < 0 ? -1 : swap_on(swap->path, size);
}

/* Read synchronously and one by one. */
static inline int swap_to_zram(struct swap *swap, size_t size)
{
	char line[32], path[64];

	/* which makes a device and tells its number */
	if (!*read_line(ZRAM "hot_add", line, sizeof(line)))
		return -1;
	swap->zram = atoi(line);
	snprintf(swap->path, sizeof(swap->path), "/dev/zram%d", swap->zram);
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", swap->zram);
	snprintf(line, sizeof(line), "%lu", (unsigned long)size);
	return write_file(path, line) ? -1 : swap_on(swap->path, size);
}

/* Read synchronously, and ahead, out of compressed memory before a disk. */
static inline int swap_to_zswap(struct swap *swap, size_t size)
{
	swap->compressed = true;
	return write_file(ZSWAP, "Y") ? -1 : swap_to_disk(swap, size);
}

/* Does nothing if there never was any. */
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

/* How many pages of @seg are resident; with @touch, each is mapped anew. */
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
 * Have all pages of @seg, which @group pays for, written to swap and freed. Once
 * in a while a page is under writeback whenever reclaim comes by, or read ahead
 * for whoever wants its neighbour: MADV_PAGEOUT takes it again when it is mapped.
 */
static inline void swap_out(struct __test_metadata *_metadata,
			    const struct cgroup *group, struct segment *seg)
{
	int left = 1;

	for (int tries = 0; left && tries < 200; tries++) {
		madvise(seg->addr, seg->size, MADV_PAGEOUT);
		/* what has been written waits to be reclaimed, on lists */
		if (tries)
			compact_nodes();
		cgroup_write(group, "memory.reclaim", "1M");
		left = residents(seg, tries % 20 == 19);
		usleep(10000);
	}
	ASSERT_EQ(0, left);
}

#endif /* SELFTEST_SHMBIND_SWAP_H */
