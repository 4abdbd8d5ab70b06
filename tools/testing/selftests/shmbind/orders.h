/* SPDX-License-Identifier: GPL-2.0 */
/* The orders in which one thread may touch the pages of a segment. */
#ifndef SELFTEST_SHMBIND_ORDERS_H
#define SELFTEST_SHMBIND_ORDERS_H

#include <stddef.h>

#define SPAN	8192UL		/* pages of the segment, most never touched */

static inline size_t sequential(size_t i)
{
	return i;
}

static inline size_t reverse(size_t i)
{
	return SPAN - 1 - i;
}

static inline size_t strided(size_t i)
{
	return i * 8 % SPAN + i * 8 / SPAN;
}

static inline size_t at_random(size_t i)
{
	/* an odd factor modulo a power of two visits every page once */
	return i * 2654435761UL % SPAN;
}

#endif /* SELFTEST_SHMBIND_ORDERS_H */
