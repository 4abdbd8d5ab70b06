/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Have allocations of objects and pages fail. The kernel needs
 * CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC and CONFIG_FAULT_INJECTION_DEBUG_FS; tests
 * that use it have REQUIRE("failslab").
 */
#ifndef SELFTEST_SHMBIND_INJECT_H
#define SELFTEST_SHMBIND_INJECT_H

#include <sched.h>
#include <sys/mount.h>

#include "cgroup.h"

#define DEBUGFS	"/sys/kernel/debug"

struct inject {
	int nth;	/* fail-nth of the calling thread */
	int rest;	/* its make-it-fail */
};

/* Write a setting of both kinds of allocations. */
static inline int inject_set(const char *name, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), DEBUGFS "/failslab/%s", name);
	if (write_file(path, value))
		return -1;
	snprintf(path, sizeof(path), DEBUGFS "/fail_page_alloc/%s", name);
	return write_file(path, value);
}

/*
 * Prepare the functions below, which act on the calling thread alone: the settings
 * are the system's, but with task-filter they apply to a thread that asks for it.
 * Include allocations that may wait, and print no stack traces.
 */
static inline int inject_start(struct inject *inject)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    (mount("debugfs", DEBUGFS, "debugfs", 0, NULL) && errno != EBUSY))
		return -1;
	if (inject_set("ignore-gfp-wait", "N") || inject_set("verbose", "0") ||
	    inject_set("task-filter", "Y") || inject_set("times", "-1") ||
	    inject_set("interval", "1") || inject_set("space", "0") ||
	    inject_set("probability", "100") ||
	    write_file(DEBUGFS "/fail_page_alloc/ignore-gfp-highmem", "N") ||
	    write_file(DEBUGFS "/fail_page_alloc/min-order", "0"))
		return -1;
	inject->nth = open("/proc/thread-self/fail-nth", O_RDWR);
	inject->rest = open("/proc/thread-self/make-it-fail", O_RDWR);
	return inject->nth < 0 || inject->rest < 0 ? -1 : 0;
}

/* Have the @nth allocation from now on fail. */
static inline int inject_at(const struct inject *inject, int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	return pwrite(inject->nth, text, len, 0) == len ? 0 : -1;
}

/* Have the @nth allocation from now on fail, and all that follow it. */
static inline int inject_from(const struct inject *inject, int nth)
{
	if (inject_at(inject, nth))
		return -1;
	return pwrite(inject->rest, "1", 1, 0) == 1 ? 0 : -1;
}

/* Stop injecting. Returns whether an allocation has failed. */
static inline bool inject_stop(const struct inject *inject)
{
	char text[16] = {};
	ssize_t stopped = pwrite(inject->rest, "0", 1, 0);
	ssize_t length = pread(inject->nth, text, sizeof(text) - 1, 0);

	return !inject_at(inject, 0) && stopped == 1 && length > 0 &&
	       !atoi(text);
}

#endif /* SELFTEST_SHMBIND_INJECT_H */
