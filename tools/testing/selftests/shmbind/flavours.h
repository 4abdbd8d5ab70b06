/* SPDX-License-Identifier: GPL-2.0 */
/* Bindings that can be told apart. main() calls init_flavours(). */
#ifndef SELFTEST_SHMBIND_FLAVOURS_H
#define SELFTEST_SHMBIND_FLAVOURS_H

#include "segment.h"

/*
 * Bindings that differ in policy, strength and mask, so a mixture of two is
 * noticed. The masks are all nodes with memory, the last and the first of them.
 */
enum { FLAVOURS = 3 };

static const int flavour_policy[FLAVOURS] = {
	MEM_STRIPE | MEM_SOFTBIND,
	MEM_MOSTFREE | MEM_HARDBIND,
	MEM_FIRSTREF | MEM_HARDBIND,
};

static struct nodemask flavour_mask[FLAVOURS];

static inline void init_flavours(void)
{
	struct nodemask memory = memory_nodes();

	flavour_mask[0] = memory;
	flavour_mask[1] = nodes_of(last_node(&memory));
	flavour_mask[2] = nodes_of(first_node(&memory));
}

static inline int bind_flavour(int shmid, int flavour)
{
	return shmbind_nodes(shmid, flavour_policy[flavour],
			     &flavour_mask[flavour]);
}

/* The binding that has exactly this text, or -1. */
static inline int flavour_of(const char *text)
{
	char want[BINDING_MAX];

	for (int flavour = 0; flavour < FLAVOURS; flavour++) {
		binding_text(flavour_policy[flavour], &flavour_mask[flavour],
			     want);
		if (!strcmp(text, want))
			return flavour;
	}
	return -1;
}

static inline int segment_flavour(int shmid)
{
	char seen[BINDING_MAX];

	return flavour_of(segment_binding(shmid, seen));
}

static inline int mapping_flavour(void *addr)
{
	char seen[BINDING_MAX];

	return flavour_of(mapping_policy(addr, seen));
}

#endif /* SELFTEST_SHMBIND_FLAVOURS_H */
