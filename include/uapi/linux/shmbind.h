/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Flags of shmbind(2): one policy and one strength, or'ed together.
 */
#ifndef _UAPI_LINUX_SHMBIND_H
#define _UAPI_LINUX_SHMBIND_H

/* Policy: which node of the mask a page goes to; the default is FIRSTREF */
#define MEM_FIRSTREF	0x01	/* the node of the faulting CPU */
#define MEM_STRIPE	0x02	/* every node in turn */
#define MEM_MOSTFREE	0x04	/* the node with the most free memory */
#define MEM_WEIGHTED	0x08	/* every node in turn, by its weight */

/* Strength: what happens when that node is full; the default is SOFTBIND */
#define MEM_HARDBIND	0x10	/* the access gets SIGBUS */
#define MEM_SOFTBIND	0x20	/* the page goes to another node */
#define MEM_MASKBIND	0x40	/* stays in the mask; SIGBUS if all are full */

#endif /* _UAPI_LINUX_SHMBIND_H */
