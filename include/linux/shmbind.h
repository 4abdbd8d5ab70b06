/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bindings of System V shared memory segments to nodes, made by shmbind(2).
 */
#ifndef _LINUX_SHMBIND_H
#define _LINUX_SHMBIND_H

#include <linux/alloc_tag.h>
#include <linux/bits.h>
#include <linux/gfp_types.h>
#include <linux/mempolicy.h>
#include <linux/mm_types.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/types.h>

struct address_space;
struct folio;
struct hstate;
struct mm_struct;
struct page;
struct seq_file;
struct shmem_inode_info;
struct vm_area_struct;
struct vm_fault;

#ifdef CONFIG_SHMBIND

static inline bool mpol_is_shmbind(const struct mempolicy *pol)
{
	return pol && pol->mode == MPOL_SHMBIND;
}

/* Internal flags of a binding, which can be tested without a function call */
#define MPOL_F_CONFINED	BIT(5)	/* pages may be on the mask's nodes only */
#define MPOL_F_STRIPE	BIT(6)	/* the policy counts pages by node */

/**
 * mpol_is_confined() - Tell whether a policy keeps its pages within its nodes.
 * @pol: The policy, may be NULL.
 *
 * Context: Any context in which @pol cannot be freed.
 * Return: True for a MEM_HARDBIND or MEM_MASKBIND binding.
 */
static inline bool mpol_is_confined(const struct mempolicy *pol)
{
	return mpol_is_shmbind(pol) && (pol->flags & MPOL_F_CONFINED);
}

/**
 * mpol_excludes_node() - Tell whether a policy forbids a node.
 * @pol: The policy, may be NULL.
 * @nid: The node.
 *
 * Context: Any context in which @pol cannot be freed.
 * Return: True if @pol keeps its pages within its nodes, and @nid is not among
 * them.
 */
static inline bool mpol_excludes_node(const struct mempolicy *pol, int nid)
{
	return mpol_is_confined(pol) && !node_isset(nid, pol->nodes);
}

void mpol_confine_load(const struct mempolicy *pol, u32 *load);

struct mempolicy *shmbind_create(int policy,
				 const unsigned long __user *mask_ptr,
				 int mask_len);
struct mempolicy *shmbind_publish(struct mempolicy **binding,
				  struct mempolicy *pol);
bool shmbind_ever_confined(void);

void shmbind_return_turn(struct mempolicy *pol, int nid, unsigned int nr_pages);

gfp_t shmbind_readahead_gfp(gfp_t gfp, const struct mempolicy *pol);
struct folio *shmbind_alloc_folio_noprof(gfp_t gfp, unsigned int order,
					 struct mempolicy *pol,
					 struct shmem_inode_info *info,
					 pgoff_t index, int *nid);
#define shmbind_alloc_folio(...) \
	alloc_hooks(shmbind_alloc_folio_noprof(__VA_ARGS__))
struct folio *shmbind_alloc_mpol_noprof(gfp_t gfp, unsigned int order,
					struct mempolicy *pol, pgoff_t ilx);
struct folio *shmbind_alloc_hugetlb_folio(struct hstate *h,
					  struct mempolicy *pol,
					  struct vm_area_struct *vma,
					  unsigned long addr, u8 alloc_flags);
void shmbind_return_hugetlb_turn(struct vm_area_struct *vma, unsigned long addr,
				 struct folio *folio);

struct folio *shmbind_swapin(struct shmem_inode_info *info, pgoff_t index,
			     swp_entry_t swap, int order, gfp_t gfp,
			     struct vm_fault *vmf, bool swapoff);
void __shmbind_charge_folio(struct shmem_inode_info *info, pgoff_t index,
			    struct folio *folio);

/**
 * shmbind_charge_folio() - Count a folio whose node was chosen without a turn.
 * @binding: The binding of the segment.
 * @info: The segment.
 * @index: The offset at which the folio has entered it.
 * @folio: The folio, for example from the swap cache. It is counted for the node
 *	   that it is on, even if another segment's readahead has allocated it.
 *
 * A folio in a range that has a policy of mbind(2) is not counted.
 *
 * Context: Process context.
 */
static inline void shmbind_charge_folio(const struct mempolicy *binding,
					struct shmem_inode_info *info,
					pgoff_t index, struct folio *folio)
{
	if (binding->flags & MPOL_F_STRIPE)
		__shmbind_charge_folio(info, index, folio);
}

bool shmbind_confine_move(const struct folio *folio, int reason,
			  nodemask_t *nodes);
bool folio_is_confined(const struct folio *folio);
bool vma_is_shmbound(struct vm_area_struct *vma);
int shmbind_promotion_node(struct mempolicy *pol, struct folio *folio);
bool shmbind_alloc_move(struct folio *src, struct folio **dst);

void shmbind_show(struct seq_file *m, const struct mempolicy *pol);
void shmbind_read_counts(const struct mempolicy *pol, unsigned long *fallback,
			 unsigned long *failed);
bool shmbind_count_pages(struct address_space *mapping, pgoff_t *index,
			 unsigned long *pages);

#else /* !CONFIG_SHMBIND */

static inline bool mpol_is_shmbind(const struct mempolicy *pol)
{
	return false;
}

static inline bool mpol_is_confined(const struct mempolicy *pol)
{
	return false;
}

static inline bool mpol_excludes_node(const struct mempolicy *pol, int nid)
{
	return false;
}

static inline void mpol_confine_load(const struct mempolicy *pol, u32 *load)
{
}

static inline bool shmbind_ever_confined(void)
{
	return false;
}

static inline gfp_t shmbind_readahead_gfp(gfp_t gfp,
					  const struct mempolicy *pol)
{
	return gfp;
}

static inline void shmbind_return_turn(struct mempolicy *pol, int nid,
				       unsigned int nr_pages)
{
}

static inline struct folio *shmbind_alloc_folio(gfp_t gfp, unsigned int order,
						struct mempolicy *pol,
						struct shmem_inode_info *info,
						pgoff_t index, int *nid)
{
	return NULL;
}

static inline struct folio *
shmbind_alloc_mpol_noprof(gfp_t gfp, unsigned int order, struct mempolicy *pol,
			  pgoff_t ilx)
{
	return NULL;
}

static inline struct folio *
shmbind_alloc_hugetlb_folio(struct hstate *h, struct mempolicy *pol,
			    struct vm_area_struct *vma, unsigned long addr,
			    u8 alloc_flags)
{
	return NULL;
}

static inline void shmbind_return_hugetlb_turn(struct vm_area_struct *vma,
					       unsigned long addr,
					       struct folio *folio)
{
}

static inline struct folio *
shmbind_swapin(struct shmem_inode_info *info, pgoff_t index, swp_entry_t swap,
	       int order, gfp_t gfp, struct vm_fault *vmf, bool swapoff)
{
	return NULL;
}

static inline void shmbind_charge_folio(const struct mempolicy *binding,
					struct shmem_inode_info *info,
					pgoff_t index, struct folio *folio)
{
}

static inline bool shmbind_confine_move(const struct folio *folio, int reason,
					nodemask_t *nodes)
{
	return false;
}

static inline bool folio_is_confined(const struct folio *folio)
{
	return false;
}

static inline bool vma_is_shmbound(struct vm_area_struct *vma)
{
	return false;
}

static inline int shmbind_promotion_node(struct mempolicy *pol,
					 struct folio *folio)
{
	return NUMA_NO_NODE;
}

static inline bool shmbind_alloc_move(struct folio *src, struct folio **dst)
{
	return false;
}

static inline void shmbind_show(struct seq_file *m,
				const struct mempolicy *pol)
{
}

#endif /* CONFIG_SHMBIND */
#endif /* _LINUX_SHMBIND_H */
