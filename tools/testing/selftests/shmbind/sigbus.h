/* SPDX-License-Identifier: GPL-2.0 */
/* Accesses that may get SIGBUS, in any thread. */
#ifndef SELFTEST_SHMBIND_SIGBUS_H
#define SELFTEST_SHMBIND_SIGBUS_H

#include <setjmp.h>
#include <signal.h>

#include "segment.h"

static __thread sigjmp_buf sigbus_jump;
static __thread bool sigbus_expected;
static __thread siginfo_t sigbus_info;	/* of the last one in this thread */

static inline void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	/*
	 * An unexpected SIGBUS ends the process, as without this handler. That
	 * includes one that the harness raises because a test died from it.
	 */
	if (!sigbus_expected) {
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	sigbus_info = *info;
	siglongjmp(sigbus_jump, 1);
}

static inline int catch_signal(int sig)
{
	struct sigaction action = {
		.sa_sigaction = on_sigbus,
		/* not blocked in the handler, so that it may jump out of it */
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	return sigaction(sig, &action, NULL);
}

static inline int catch_sigbus(void)
{
	return catch_signal(SIGBUS);
}

/* Write to the page; false if it gets SIGBUS. Needs catch_sigbus(). */
static inline bool try_touch(char *addr, size_t page)
{
	bool touched = false;

	__atomic_store_n(&sigbus_expected, true, __ATOMIC_SEQ_CST);
	if (!sigsetjmp(sigbus_jump, 0)) {
		touch_page(addr, page);
		touched = true;
	}
	__atomic_store_n(&sigbus_expected, false, __ATOMIC_SEQ_CST);
	return touched;
}

/* Load *@from; false if it gets SIGBUS. */
static inline bool try_load(const long *from, long *value)
{
	bool loaded = false;

	__atomic_store_n(&sigbus_expected, true, __ATOMIC_SEQ_CST);
	if (!sigsetjmp(sigbus_jump, 0)) {
		*value = __atomic_load_n(from, __ATOMIC_RELAXED);
		loaded = true;
	}
	__atomic_store_n(&sigbus_expected, false, __ATOMIC_SEQ_CST);
	return loaded;
}

/* Store @value to *@to; false if it gets SIGBUS. */
static inline bool try_store(long *to, long value)
{
	bool stored = false;

	__atomic_store_n(&sigbus_expected, true, __ATOMIC_SEQ_CST);
	if (!sigsetjmp(sigbus_jump, 0)) {
		__atomic_store_n(to, value, __ATOMIC_RELAXED);
		stored = true;
	}
	__atomic_store_n(&sigbus_expected, false, __ATOMIC_SEQ_CST);
	return stored;
}

static inline bool try_read(char *addr, size_t page)
{
	long value;

	return try_load((long *)(addr + page * page_size()), &value);
}

/* Write to the pages in order until the first SIGBUS; returns how many. */
static inline long try_touch_pages(char *addr, long pages)
{
	long page = 0;

	while (page < pages && try_touch(addr, page))
		page++;
	return page;
}

#endif /* SELFTEST_SHMBIND_SIGBUS_H */
