/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bindings of System V shared memory segments to nodes, made by shmbind(2).
 */
#ifndef _LINUX_SHMBIND_H
#define _LINUX_SHMBIND_H

#include <linux/alloc_tag.h>
#include <linux/gfp_types.h>
#include <linux/mempolicy.h>
#include <linux/numa.h>
#include <linux/types.h>

struct address_space;
struct folio;
struct page;
struct seq_file;

/**
 * struct shmbind_turn - The node that a folio of a bound segment goes to.
 * @nid: The chosen node, %NUMA_NO_NODE before the choice. It stays the same
 *	 while smaller orders are tried after a larger one has failed.
 * @nr_pages: Base pages that a MEM_STRIPE binding has counted for @nid, 0 when
 *	      there is nothing to give back.
 */
struct shmbind_turn {
	int nid;
	unsigned int nr_pages;
};

#define SHMBIND_TURN_INIT	{ .nid = NUMA_NO_NODE }

#ifdef CONFIG_SHMBIND

static inline bool mpol_is_shmbind(const struct mempolicy *pol)
{
	return pol && pol->mode == MPOL_SHMBIND;
}

bool mpol_is_hardbind(const struct mempolicy *pol);

struct mempolicy *shmbind_create(int policy,
				 const unsigned long __user *mask_ptr,
				 int mask_len);

struct page *shmbind_alloc_pages_noprof(gfp_t gfp, unsigned int order,
					struct mempolicy *pol);
struct folio *shmbind_alloc_folio_noprof(gfp_t gfp, unsigned int order,
					 struct mempolicy *pol,
					 struct shmbind_turn *turn);
#define shmbind_alloc_folio(...) \
	alloc_hooks(shmbind_alloc_folio_noprof(__VA_ARGS__))
bool shmbind_exhausted(gfp_t gfp, struct mempolicy *pol);

void __shmbind_give_back(struct mempolicy *pol, struct shmbind_turn *turn);

/**
 * shmbind_give_back() - Give back the turn of a folio that was not used.
 * @pol: The binding that the turn was taken from.
 * @turn: The turn; nothing happens when it holds nothing.
 *
 * Context: Process context.
 */
static inline void shmbind_give_back(struct mempolicy *pol,
				     struct shmbind_turn *turn)
{
	if (turn->nr_pages)
		__shmbind_give_back(pol, turn);
}

void shmbind_show(struct seq_file *m, const struct mempolicy *pol);
void shmbind_count_pages(struct address_space *mapping, unsigned long *pages);

#else /* !CONFIG_SHMBIND */

static inline bool mpol_is_shmbind(const struct mempolicy *pol)
{
	return false;
}

static inline bool mpol_is_hardbind(const struct mempolicy *pol)
{
	return false;
}

static inline struct page *shmbind_alloc_pages_noprof(gfp_t gfp,
						      unsigned int order,
						      struct mempolicy *pol)
{
	return NULL;
}

static inline struct folio *shmbind_alloc_folio(gfp_t gfp, unsigned int order,
						struct mempolicy *pol,
						struct shmbind_turn *turn)
{
	return NULL;
}

static inline bool shmbind_exhausted(gfp_t gfp, struct mempolicy *pol)
{
	return false;
}

static inline void shmbind_give_back(struct mempolicy *pol,
				     struct shmbind_turn *turn)
{
}

static inline void shmbind_show(struct seq_file *m,
				const struct mempolicy *pol)
{
}

#endif /* CONFIG_SHMBIND */
#endif /* _LINUX_SHMBIND_H */
