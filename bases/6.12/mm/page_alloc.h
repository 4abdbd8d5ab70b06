/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What mm/shmbind.c needs of the kernel that this release does not have under
 * these names. In later releases a header of this name declares the page
 * allocator.
 */
#ifndef __MM_PAGE_ALLOC_H
#define __MM_PAGE_ALLOC_H

#include <linux/bits.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/pagemap.h>
#include <linux/swap.h>

#include "internal.h"
#include "swap.h"

/*
 * The mapping of a folio that is in a file's page cache. That of the swap cache is
 * freed by swapoff(2), and is never a segment's.
 */
static inline struct address_space *file_folio_mapping(const struct folio *folio)
{
	struct address_space *mapping = READ_ONCE(folio->mapping);

	return (unsigned long)mapping & PAGE_MAPPING_FLAGS ? NULL : mapping;
}
#define folio_mapping(folio)	file_folio_mapping(folio)

#define page_has_movable_ops(page)	__PageMovable(page)

/* Pages come from the allocator with a reference, so none is set later. */
#define ALLOC_DEFAULT	0
#define set_page_refcounted(page)	((void)(page))

static inline struct page *__alloc_frozen_pages_noprof(gfp_t gfp,
		unsigned int order, int nid, nodemask_t *nodes,
		unsigned int alloc_flags)
{
	return __alloc_pages_noprof(gfp, order, nid, nodes);
}

static inline void free_frozen_pages(struct page *page, unsigned int order)
{
	__free_pages(page, order);
}

#define __swap_entry_to_info(entry)	swp_swap_info(entry)

/* Only single pages are read. An entry that is gone is an error as well. */
static inline struct folio *swapin_sync(swp_entry_t entry, gfp_t gfp,
		unsigned long orders, struct vm_fault *vmf,
		struct mempolicy *mpol, pgoff_t ilx)
{
	struct folio *folio = NULL;
#ifdef CONFIG_SWAP
	bool allocated;

	if (orders != BIT(0))
		return ERR_PTR(-ENOMEM);
	folio = __read_swap_cache_async(entry, gfp, mpol, ilx, &allocated, false);
	if (allocated)
		swap_read_folio(folio, NULL);
#endif
	return folio ?: ERR_PTR(-ENOMEM);
}

#endif /* __MM_PAGE_ALLOC_H */
