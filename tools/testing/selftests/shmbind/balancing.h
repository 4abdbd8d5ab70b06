/* SPDX-License-Identifier: GPL-2.0 */
/* The modes of NUMA balancing, and the speed of its scan. */
#ifndef SELFTEST_SHMBIND_BALANCING_H
#define SELFTEST_SHMBIND_BALANCING_H

#include "nodes.h"

#define BALANCING	"/proc/sys/kernel/numa_balancing"
#define BALANCING_DIR	"/sys/kernel/debug/sched/numa_balancing/"

/*
 * "0" is off, "1" moves pages to the CPU that uses them, "2" promotes pages
 * from slow memory, and "3" does both. The default scan would be too slow for a
 * test.
 */
static inline int balance(const char *mode)
{
	bool on = strcmp(mode, "0");

	return write_file(BALANCING_DIR "scan_delay_ms", on ? "1" : "1000") ||
	       write_file(BALANCING_DIR "scan_period_min_ms",
			  on ? "10" : "1000") ||
	       write_file(BALANCING_DIR "scan_period_max_ms",
			  on ? "10" : "60000") ||
	       write_file(BALANCING, mode);
}

#endif /* SELFTEST_SHMBIND_BALANCING_H */
