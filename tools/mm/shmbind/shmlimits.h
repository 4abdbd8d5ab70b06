/* SPDX-License-Identifier: GPL-2.0 */
/* What limits shmget(2), and how much of it is used. */
#ifndef SHMLIMITS_H
#define SHMLIMITS_H

#include <stdbool.h>

/**
 * struct limits - Limits of this IPC namespace and of this process.
 * @shmmax: Bytes of a segment.
 * @shmall: Base pages of all segments.
 * @shmmni: The number of segments.
 * @pages: Base pages of the segments that exist.
 * @segments: Their number.
 * @group: The group that may create SHM_HUGETLB segments; -1 if unknown.
 * @may_use_huge: This process may create them.
 * @rmid_forced: A segment that nobody has attached goes when its creator ends.
 */
struct limits {
	unsigned long shmmax, shmall, shmmni;
	unsigned long pages, segments;
	long group;
	bool may_use_huge, rmid_forced;
};

/* False with errno set: this kernel has no System V shared memory. */
bool limits_read(struct limits *limits);

#endif /* SHMLIMITS_H */
