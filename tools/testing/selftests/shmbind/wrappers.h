/* SPDX-License-Identifier: GPL-2.0 */
/* The system calls under test, without libnuma. Errors are in errno. */
#ifndef SELFTEST_SHMBIND_WRAPPERS_H
#define SELFTEST_SHMBIND_WRAPPERS_H

#include <linux/mempolicy.h>
#include <linux/shmbind.h>
#include <shmbind.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * Tests of MEM_HARDBIND whose masks have room on all nodes or on none also hold
 * for MEM_MASKBIND. They are built a second time for it.
 */
#ifdef TEST_MASKBIND
#undef MEM_HARDBIND
#define MEM_HARDBIND	MEM_MASKBIND
#endif

static inline int mbind(void *addr, size_t len, int mode,
			const unsigned long *mask, unsigned long maxnode,
			unsigned int flags)
{
	return syscall(__NR_mbind, addr, len, mode, mask, maxnode, flags);
}

static inline int set_mempolicy(int mode, const unsigned long *mask,
				unsigned long maxnode)
{
	return syscall(__NR_set_mempolicy, mode, mask, maxnode);
}

static inline int get_mempolicy(int *mode, unsigned long *mask,
				unsigned long maxnode, void *addr,
				unsigned long flags)
{
	return syscall(__NR_get_mempolicy, mode, mask, maxnode, addr, flags);
}

static inline int set_mempolicy_home_node(void *addr, size_t len,
					  unsigned long home,
					  unsigned long flags)
{
	return syscall(__NR_set_mempolicy_home_node, addr, len, home, flags);
}

static inline int move_pages(pid_t pid, unsigned long count, void **pages,
			     const int *nodes, int *status, int flags)
{
	return syscall(__NR_move_pages, pid, count, pages, nodes, status,
		       flags);
}

static inline int migrate_pages(pid_t pid, unsigned long maxnode,
				const unsigned long *from,
				const unsigned long *to)
{
	return syscall(__NR_migrate_pages, pid, maxnode, from, to);
}

#endif /* SELFTEST_SHMBIND_WRAPPERS_H */
