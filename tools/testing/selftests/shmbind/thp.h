/* SPDX-License-Identifier: GPL-2.0 */
/* Segments of large folios. */
#ifndef SELFTEST_SHMBIND_THP_H
#define SELFTEST_SHMBIND_THP_H

#include "segment.h"

#define THP_DIR		"/sys/kernel/mm/transparent_hugepage/"
#define FOLIO_SIZE	(2UL << 20)	/* bytes */

/* Attached where large folios can be mapped as such. */
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

#endif /* SELFTEST_SHMBIND_THP_H */
