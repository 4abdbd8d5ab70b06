/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * shmbind(2) for programs whose C library does not have it yet. Copy this file,
 * or install it with the command shmbind(1).
 */
#ifndef SHMBIND_H
#define SHMBIND_H

#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Policy: which node of the mask a page goes to; the default is FIRSTREF */
#define MEM_FIRSTREF	0x01	/* the node of the faulting CPU */
#define MEM_STRIPE	0x02	/* every node in turn */
#define MEM_MOSTFREE	0x04	/* the node with the most free memory */
#define MEM_WEIGHTED	0x08	/* every node in turn, by its weight */

/* Strength: what happens when that node is full; the default is SOFTBIND */
#define MEM_HARDBIND	0x10	/* the access gets SIGBUS */
#define MEM_SOFTBIND	0x20	/* the page goes to another node */
#define MEM_MASKBIND	0x40	/* stays in the mask; SIGBUS if all are full */

#ifndef __NR_shmbind
#if defined(__alpha__)
#define __NR_shmbind 583
#elif defined(_MIPS_SIM) && _MIPS_SIM == _MIPS_SIM_ABI32
#define __NR_shmbind 4473
#elif defined(_MIPS_SIM) && _MIPS_SIM == _MIPS_SIM_ABI64
#define __NR_shmbind 5473
#elif defined(_MIPS_SIM) && _MIPS_SIM == _MIPS_SIM_NABI32
#define __NR_shmbind 6473
#elif defined(__x86_64__) && defined(__ILP32__)
#define __NR_shmbind (__X32_SYSCALL_BIT + 473)
#else
#define __NR_shmbind 473
#endif
#endif

/**
 * shmbind_available() - Ask whether this kernel has shmbind(2).
 *
 * Another kernel may give the number of the system call to another call. Ask
 * before the first shmbind(), and treat false as ENOSYS.
 *
 * Return: Whether /proc/sysvipc/shmbind exists.
 */
static inline bool shmbind_available(void)
{
	return !access("/proc/sysvipc/shmbind", F_OK);
}

/**
 * shmbind() - Bind a System V shared memory segment to NUMA nodes.
 * @shmid: The segment, which must never have been attached.
 * @policy: One MEM_ policy and one MEM_ strength, or'ed together.
 * @mask: The nodes; node n is bit n % bits of word n / bits, where bits is the
 *	number of bits in an unsigned long.
 * @mask_len: The number of bits at @mask.
 *
 * Return: 0, or -1 with errno set; see shmbind(2).
 */
static inline int shmbind(int shmid, int policy, const unsigned long *mask,
			  int mask_len)
{
	return syscall(__NR_shmbind, shmid, policy, mask, mask_len);
}

#endif /* SHMBIND_H */
