/* SPDX-License-Identifier: GPL-2.0 */
/* Segments of large folios. */
#ifndef SELFTEST_SHMBIND_THP_H
#define SELFTEST_SHMBIND_THP_H

#include "segment.h"

#define THP_DIR		"/sys/kernel/mm/transparent_hugepage/"
#define FOLIO_SIZE	(2UL << 20)	/* bytes */

/* Open a segment at an address where large folios can be mapped as such. */
static inline void open_aligned(struct __test_metadata *_metadata,
				struct segment *seg, size_t pages, int policy,
				const struct nodemask *mask)
{
	uintptr_t place;

	ASSERT_EQ(0, segment_create(seg, pages));
	ASSERT_EQ(0, shmbind_nodes(seg->id, policy, mask));
	place = (uintptr_t)mmap(NULL, seg->size + FOLIO_SIZE, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE((uintptr_t)MAP_FAILED, place);
	place = (place + FOLIO_SIZE - 1) & ~(FOLIO_SIZE - 1);
	seg->addr = shmat(seg->id, (void *)place, SHM_REMAP);
	ASSERT_EQ((void *)place, seg->addr);
}

/* How many bytes of the attached segment are mapped as large folios. */
static inline size_t large_bytes(struct segment *seg)
{
	char line[256];
	bool here = false;
	unsigned long start, end, kib, large = 0;
	FILE *maps = fopen("/proc/self/smaps", "r");

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			here = start == (unsigned long)seg->addr;
		if (here && sscanf(line, "ShmemPmdMapped: %lu", &kib) == 1)
			large = kib;
	}
	if (maps)
		fclose(maps);
	return large * 1024;
}

#endif /* SELFTEST_SHMBIND_THP_H */
