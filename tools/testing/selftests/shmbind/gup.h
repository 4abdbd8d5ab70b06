/* SPDX-License-Identifier: GPL-2.0 */
/* Long-term pins, by the kernel's mm/gup_test.c. */
#ifndef SELFTEST_SHMBIND_GUP_H
#define SELFTEST_SHMBIND_GUP_H

#include <linux/types.h>
#include <sys/ioctl.h>

#define GUP_TEST	"/sys/kernel/debug/gup_test"

/* Its interface. */
struct pin_longterm_test {
	__u64 addr;
	__u64 size;
	__u32 flags;
};

#define PIN_LONGTERM_TEST_START	_IOW('g', 7, struct pin_longterm_test)
#define PIN_LONGTERM_TEST_STOP	_IO('g', 8)
#define PIN_LONGTERM_TEST_FLAG_USE_WRITE	1
#define PIN_LONGTERM_TEST_FLAG_USE_FAST		2

/*
 * Pin a range for writing, slow as drivers do, or with USE_FAST as RDMA does. The
 * last descriptor of @test releases the pins if gup_unpin() does not.
 */
static inline int gup_pin(int test, void *addr, size_t size, int flags)
{
	struct pin_longterm_test pin = {
		.addr = (unsigned long)addr,
		.size = size,
		.flags = flags | PIN_LONGTERM_TEST_FLAG_USE_WRITE,
	};

	return ioctl(test, PIN_LONGTERM_TEST_START, &pin);
}

static inline int gup_unpin(int test)
{
	return ioctl(test, PIN_LONGTERM_TEST_STOP);
}

#endif /* SELFTEST_SHMBIND_GUP_H */
