/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Have single allocations of objects and pages fail. The kernel needs
 * CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC and CONFIG_FAULT_INJECTION_DEBUG_FS; tests
 * that use it have REQUIRE("failslab").
 */
#ifndef SELFTEST_SHMBIND_INJECT_H
#define SELFTEST_SHMBIND_INJECT_H

#include <sched.h>
#include <sys/mount.h>

#include "cgroup.h"

#define DEBUGFS	"/sys/kernel/debug"

/*
 * Returns a descriptor for the functions below, which act on the calling thread
 * alone, or -1.
 */
static inline int inject_start(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    (mount("debugfs", DEBUGFS, "debugfs", 0, NULL) && errno != EBUSY))
		return -1;
	/* include allocations that may wait, and print no stack traces */
	if (write_file(DEBUGFS "/failslab/ignore-gfp-wait", "N") ||
	    write_file(DEBUGFS "/failslab/verbose", "0") ||
	    write_file(DEBUGFS "/fail_page_alloc/ignore-gfp-wait", "N") ||
	    write_file(DEBUGFS "/fail_page_alloc/ignore-gfp-highmem", "N") ||
	    write_file(DEBUGFS "/fail_page_alloc/min-order", "0") ||
	    write_file(DEBUGFS "/fail_page_alloc/verbose", "0"))
		return -1;
	return open("/proc/thread-self/fail-nth", O_RDWR);
}

/* Have the @nth allocation from now on fail. */
static inline int inject_at(int fd, int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	return pwrite(fd, text, len, 0) == len ? 0 : -1;
}

/* Stop injecting. Returns whether an allocation has failed. */
static inline bool inject_stop(int fd)
{
	char text[16] = {};
	bool failed = pread(fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	inject_at(fd, 0);
	return failed;
}

#endif /* SELFTEST_SHMBIND_INJECT_H */
