/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM shmbind

#if !defined(_TRACE_SHMBIND_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_SHMBIND_H

#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

#include <uapi/linux/shmbind.h>

#define show_shmbind_policy(policy)			\
	__print_symbolic(policy,			\
			 { MEM_FIRSTREF, "firstref" },	\
			 { MEM_STRIPE, "stripe" },	\
			 { MEM_MOSTFREE, "mostfree" },	\
			 { MEM_WEIGHTED, "weighted" })

#define show_shmbind_strength(strength)			\
	__print_symbolic(strength,			\
			 { MEM_HARDBIND, "hard" },	\
			 { MEM_SOFTBIND, "soft" },	\
			 { MEM_MASKBIND, "mask" })

/**
 * shmbind_alloc - called when a bound segment got a folio, or could not get one
 *
 * @inode:	the inode of the segment; its number is the shmid
 * @index:	the offset of the folio in the segment, in base pages
 * @order:	the order of the folio
 * @policy:	one of the policies of shmbind(2)
 * @strength:	one of its strengths
 * @chosen:	the node that the policy has chosen, or NUMA_NO_NODE
 * @nid:	the node that the folio is on, or NUMA_NO_NODE without a folio
 *
 * If no large folio is available, attempts with smaller ones follow. Readahead
 * is not traced.
 */
TRACE_EVENT(shmbind_alloc,
	    TP_PROTO(const struct inode *inode, pgoff_t index,
		     unsigned int order, unsigned int policy,
		     unsigned int strength, int chosen, int nid),

	    TP_ARGS(inode, index, order, policy, strength, chosen, nid),

	    TP_STRUCT__entry(__field(dev_t, dev)
			     __field(u64, ino)
			     __field(unsigned long, index)
			     __field(unsigned int, order)
			     __field(unsigned int, policy)
			     __field(unsigned int, strength)
			     __field(int, chosen)
			     __field(int, nid)
	    ),

	    TP_fast_assign(__entry->dev = inode->i_sb->s_dev;
			   __entry->ino = inode->i_ino;
			   __entry->index = index;
			   __entry->order = order;
			   __entry->policy = policy;
			   __entry->strength = strength;
			   __entry->chosen = chosen;
			   __entry->nid = nid;
	    ),

	    TP_printk("dev %d:%d ino %llu index %lu order %u policy %s strength %s chosen %d nid %d",
		      MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino,
		      __entry->index, __entry->order,
		      show_shmbind_policy(__entry->policy),
		      show_shmbind_strength(__entry->strength),
		      __entry->chosen, __entry->nid)
);

#endif /* _TRACE_SHMBIND_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
