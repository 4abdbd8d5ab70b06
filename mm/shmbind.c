// SPDX-License-Identifier: GPL-2.0
/*
 * Placement of System V shared memory segments bound by shmbind(2).
 *
 * A binding is a memory policy of mode MPOL_SHMBIND, which nothing but
 * shmbind(2) can create. The segment's inode holds the only long-lived
 * reference. shmbind(2) replaces the binding under the segment's IPC lock and
 * only while nobody has attached; from the first attach on it never changes
 * until the inode goes. A fault therefore uses it through a plain pointer, with
 * no lock and no reference.
 *
 * A folio is placed in two steps:
 *
 *   choose    firstref | stripe | mostfree    one node of the candidates
 *   allocate  hard | soft                     on it, or else as SOFT falls back
 *
 * The candidates are the mask's nodes that have memory and that the cpuset of
 * the faulting task allows.
 *
 * Only MEM_STRIPE has state that changes, struct stripe, under a spinlock that
 * is held for the choice alone and nests inside nothing.
 */

#include <linux/bitmap.h>
#include <linux/compat.h>
#include <linux/cpuset.h>
#include <linux/hugetlb.h>
#include <linux/memory_hotplug.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/shmbind.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/uaccess.h>
#include <linux/vmstat.h>
#include <linux/xarray.h>

#include <uapi/linux/shmbind.h>

#include "internal.h"
#include "page_alloc.h"

#define SHMBIND_POLICIES	(MEM_FIRSTREF | MEM_STRIPE | MEM_MOSTFREE)
#define SHMBIND_STRENGTHS	(MEM_HARDBIND | MEM_SOFTBIND)

/* Page cache entries counted without a break: some hundred microseconds */
#define SHMBIND_COUNT_BATCH	4096

/*
 * A stripe advances in rounds. In each round every node of the mask is due one
 * turn; a turn of a large folio pays for as many rounds as it has base pages.
 * With mask 0-2 and base pages, but one folio of four pages at (*):
 *
 *	round		1	2	3	4	5
 *	node 0		0	.	.	.	0
 *	node 1		1	1	1	1	1
 *	node 2		2	2	2	2	2
 *			*
 *
 * (node 0 got the large folio in round 1, which covers rounds 1 to 4). A round
 * ends when no candidate is due any more. Counts of nodes that were candidates
 * throughout hence differ by at most the largest folio, whatever the order of
 * offsets in which pages are faulted.
 */
struct stripe {
	spinlock_t lock;	/* protects what follows */
	unsigned int next;	/* node that is asked first */
	nodemask_t due;		/* nodes of the mask with given < level */
	u64 level;		/* base pages for each node, by end of round */
	u64 most;		/* no node was given more */
	u64 given[];		/* base pages by node, turns in flight too */
};

struct shmbind {
	struct mempolicy pol;	/* first: the last mpol_put() frees it all */
	unsigned int policy;	/* one of SHMBIND_POLICIES */
	unsigned int strength;	/* one of SHMBIND_STRENGTHS */
	union {
		/* MEM_FIRSTREF: by node of the CPU, plus 1; 0 if not known yet */
		DECLARE_FLEX_ARRAY(u16, nearest);
		/*
		 * MEM_STRIPE: on cache lines of its own, as all faults read what
		 * stands above.
		 */
		struct stripe stripe ____cacheline_aligned_in_smp;
	};
};

/* Never false again. Ordered by the attach that must come between. */
static bool shmbind_hard_published __read_mostly;

static struct shmbind *to_shmbind(const struct mempolicy *pol)
{
	VM_WARN_ON_ONCE(pol->mode != MPOL_SHMBIND);
	return container_of(pol, struct shmbind, pol);
}

bool __mpol_is_hardbind(const struct mempolicy *pol)
{
	return to_shmbind(pol)->strength == MEM_HARDBIND;
}

/**
 * mpol_hardbind_confine() - Restrict a choice of nodes to those of a binding.
 * @pol: The policy, may be NULL.
 * @load: For each of MAX_NUMNODES nodes how much there is to say for it; the
 *	  nodes with most are the choice.
 *
 * Only MEM_HARDBIND restricts. If its nodes have nothing to be said for them,
 * they are all the same.
 *
 * Context: Any context in which @pol cannot be freed.
 */
void mpol_hardbind_confine(const struct mempolicy *pol, u32 *load)
{
	bool loaded = false;
	int nid;

	if (!mpol_is_hardbind(pol))
		return;

	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		if (!node_isset(nid, pol->nodes))
			load[nid] = 0;
		else if (load[nid])
			loaded = true;
	}
	if (!loaded)
		for_each_node_mask(nid, pol->nodes)
			load[nid] = 1;
}

/*
 * Fill in the defaults.
 * Returns a negative error for an unknown flag, or two of a kind.
 */
static int shmbind_check_policy(int policy)
{
	int which = policy & SHMBIND_POLICIES;
	int strength = policy & SHMBIND_STRENGTHS;

	if (policy & ~(SHMBIND_POLICIES | SHMBIND_STRENGTHS))
		return -EINVAL;
	if (hweight32(which) > 1 || hweight32(strength) > 1)
		return -EINVAL;

	return (which ?: MEM_FIRSTREF) | (strength ?: MEM_SOFTBIND);
}

/* Read @nbits bits, at most BITS_PER_LONG, that start at bit @first. */
static int shmbind_get_word(unsigned long *word,
			    const unsigned long __user *mask_ptr,
			    unsigned int first, unsigned int nbits)
{
	if (in_compat_syscall()) {
		const compat_ulong_t __user *mask = (void __user *)mask_ptr;

		if (compat_get_bitmap(word, mask + first / BITS_PER_COMPAT_LONG,
				      nbits))
			return -EFAULT;
	} else if (get_user(*word, mask_ptr + BIT_WORD(first))) {
		return -EFAULT;
	}

	*word &= BITMAP_LAST_WORD_MASK(nbits);
	return 0;
}

/*
 * Read the whole mask before any of it is judged: an unreadable tail is worse
 * than a bit too far seen before it.
 */
static int shmbind_get_nodes(nodemask_t *nodes,
			     const unsigned long __user *mask_ptr, int mask_len)
{
	unsigned int first, nbits, known;
	bool unknown_node = false;
	unsigned long word;

	nodes_clear(*nodes);
	for (first = 0; first < mask_len; first += BITS_PER_LONG) {
		nbits = min_t(unsigned int, mask_len - first, BITS_PER_LONG);
		word = 0;
		if (shmbind_get_word(&word, mask_ptr, first, nbits))
			return -EFAULT;

		if (first < MAX_NUMNODES) {
			known = min(MAX_NUMNODES - first, BITS_PER_LONG);
			nodes_addr(*nodes)[BIT_WORD(first)] =
				word & BITMAP_LAST_WORD_MASK(known);
			word &= ~BITMAP_LAST_WORD_MASK(known);
		}
		if (word)
			unknown_node = true;
	}

	return unknown_node ? -EINVAL : 0;
}

/* A node without memory is never in N_MEMORY, nor is one that is offline. */
static bool shmbind_nodes_valid(const nodemask_t *nodes)
{
	bool allowed;

	if (nodes_empty(*nodes) || !nodes_subset(*nodes, node_states[N_MEMORY]))
		return false;

	task_lock(current);
	allowed = nodes_subset(*nodes, cpuset_current_mems_allowed);
	task_unlock(current);
	return allowed;
}

/* Many small segments must not all start at the same node. */
static int stripe_start(const nodemask_t *nodes)
{
	static atomic_t nr_stripes;
	unsigned int nr = (unsigned int)atomic_inc_return(&nr_stripes);

	return find_nth_bit(nodes->bits, MAX_NUMNODES,
			    nr % nodes_weight(*nodes));
}

static void stripe_init(struct stripe *s, const nodemask_t *nodes)
{
	spin_lock_init(&s->lock);
	s->next = stripe_start(nodes);
	s->due = *nodes;
	s->level = 1;
}

static size_t shmbind_size(int policy)
{
	struct shmbind *b;

	if (policy & MEM_FIRSTREF)
		return struct_size(b, nearest, nr_node_ids);
	if (policy & MEM_STRIPE)
		return struct_size(b, stripe.given, nr_node_ids);
	return offsetof(struct shmbind, stripe);
}

static struct mempolicy *shmbind_new(int policy, const nodemask_t *nodes)
{
	struct shmbind *b;

	b = kzalloc(shmbind_size(policy), GFP_KERNEL_ACCOUNT);
	if (!b)
		return ERR_PTR(-ENOMEM);

	atomic_set(&b->pol.refcnt, 1);
	b->pol.mode = MPOL_SHMBIND;
	b->pol.nodes = *nodes;
	b->pol.home_node = NUMA_NO_NODE;
	b->policy = policy & SHMBIND_POLICIES;
	b->strength = policy & SHMBIND_STRENGTHS;
	if (b->policy == MEM_STRIPE)
		stripe_init(&b->stripe, nodes);
	return &b->pol;
}

/**
 * shmbind_create() - Build a binding from the arguments of shmbind(2).
 * @policy: At most one policy and one strength, MEM_* flags.
 * @mask_ptr: User space address of the node mask.
 * @mask_len: Length of the mask in bits.
 *
 * The arguments are checked in the order in which they stand here.
 *
 * Context: Process context, may sleep.
 * Return: The binding, with one reference that the caller drops by mpol_put(),
 * or an error pointer: -EINVAL for a flag, length or node that is not valid,
 * -EFAULT if the mask cannot be read, -ENOMEM.
 */
struct mempolicy *shmbind_create(int policy,
				 const unsigned long __user *mask_ptr,
				 int mask_len)
{
	nodemask_t nodes;
	int err;

	policy = shmbind_check_policy(policy);
	if (policy < 0)
		return ERR_PTR(policy);
	if (mask_len <= 0 || mask_len > PAGE_SIZE * BITS_PER_BYTE)
		return ERR_PTR(-EINVAL);

	err = shmbind_get_nodes(&nodes, mask_ptr, mask_len);
	if (err)
		return ERR_PTR(err);
	if (!shmbind_nodes_valid(&nodes))
		return ERR_PTR(-EINVAL);

	return shmbind_new(policy, &nodes);
}

/**
 * shmbind_exchange() - Make a binding the one of a segment.
 * @binding: Where the segment has its binding, or NULL.
 * @pol: The new binding; the old one afterwards.
 *
 * Context: Called with the lock held that keeps others from attaching.
 */
void shmbind_exchange(struct mempolicy **binding, struct mempolicy **pol)
{
	if (mpol_is_hardbind(*pol))
		WRITE_ONCE(shmbind_hard_published, true);
	swap(*binding, *pol);
}

/**
 * shmbind_hard_possible() - Tell whether a page may belong to a HARD segment.
 *
 * For whoever cannot tell which segment a page belongs to, or would have to look
 * for such segments, and need not care where there are none.
 *
 * Context: Any context.
 * Return: True if a segment has ever had a MEM_HARDBIND binding.
 */
bool shmbind_hard_possible(void)
{
	return READ_ONCE(shmbind_hard_published);
}

static void shmbind_candidates(const struct shmbind *b, nodemask_t *candidates)
{
	nodes_and(*candidates, b->pol.nodes, node_states[N_MEMORY]);
	if (cpusets_enabled())
		nodes_and(*candidates, *candidates,
			  cpuset_current_mems_allowed);
}

/*
 * The node of the CPU, or the one that stands in for it: the first with memory
 * in the order in which its allocations fall back.
 */
static int shmbind_local_node(void)
{
	int nid = numa_node_id();
	struct zoneref *z;

	if (node_state(nid, N_MEMORY))
		return nid;

	z = first_zones_zonelist(node_zonelist(nid, GFP_HIGHUSER_MOVABLE),
				 gfp_zone(GFP_HIGHUSER_MOVABLE), NULL);
	return zonelist_zone(z) ? zonelist_node_idx(z) : nid;
}

/*
 * The distance of each node of the mask is looked at once for each node of CPUs:
 * not when the binding is made, which would have to do so for all of them, and
 * for nodes that are to come does not know it.
 */
static int firstref_nearest(struct shmbind *b, int nid)
{
	unsigned int nearest = READ_ONCE(b->nearest[nid]);

	if (!nearest) {
		nearest = nearest_node_nodemask(nid, &b->pol.nodes) + 1;
		WRITE_ONCE(b->nearest[nid], nearest);
	}
	return nearest - 1;
}

static int firstref_choose(struct shmbind *b, nodemask_t *candidates)
{
	int nid = shmbind_local_node();

	if (node_isset(nid, *candidates))
		return nid;
	if (nodes_equal(*candidates, b->pol.nodes))
		return firstref_nearest(b, nid);
	return nearest_node_nodemask(nid, candidates);
}

/* Count @nr_pages more for a node, less if negative. Called with lock held. */
static void stripe_count(struct stripe *s, int nid, s64 nr_pages)
{
	s->given[nid] += nr_pages;
	s->most = max(s->most, s->given[nid]);
	__assign_bit(nid, s->due.bits, s->given[nid] < s->level);
}

/*
 * Called with lock held and no candidate due.
 *
 * For nodes that are no candidates of this fault no time passes: they keep their
 * distance to the level. So what they missed is not made up for by a burst of
 * pages later, and tasks of different cpusets do not disturb each other's turns.
 *
 * Where all nodes of the mask are candidates, and stand at the level all, there
 * is nothing to look at.
 */
static void stripe_next_round(struct stripe *s, const nodemask_t *mask,
			      const nodemask_t *candidates)
{
	u64 least = U64_MAX, level = s->level;
	int nid;

	if (s->most <= level && nodes_equal(*candidates, *mask)) {
		s->level++;
		s->due = *mask;
		return;
	}

	s->most = 0;
	for_each_node_mask(nid, *candidates)
		least = min(least, s->given[nid]);

	s->level = least + 1;
	for_each_node_mask(nid, *mask) {
		bool passed = !node_isset(nid, *candidates);

		stripe_count(s, nid, passed ? s->level - level : 0);
	}
}

/*
 * The turn is taken here and not after the allocation: threads that fault at
 * the same time must not all be sent to one node.
 */
static int stripe_choose(struct shmbind *b, const nodemask_t *candidates,
			 unsigned int nr_pages)
{
	struct stripe *s = &b->stripe;
	nodemask_t due;
	int nid;

	spin_lock(&s->lock);
	if (!nodes_and(due, s->due, *candidates)) {
		stripe_next_round(s, &b->pol.nodes, candidates);
		nodes_and(due, s->due, *candidates);
	}
	nid = find_next_bit_wrap(due.bits, MAX_NUMNODES, s->next);
	stripe_count(s, nid, nr_pages);
	s->next = nid + 1;
	spin_unlock(&s->lock);
	return nid;
}

/*
 * Another turn for the node, or one given back: that comes next then, which is
 * how a full node stops a MEM_HARDBIND stripe.
 */
static void stripe_recount(struct shmbind *b, int nid, s64 nr_pages)
{
	struct stripe *s = &b->stripe;

	spin_lock(&s->lock);
	stripe_count(s, nid, nr_pages);
	s->next = nr_pages > 0 ? nid + 1 : nid;
	spin_unlock(&s->lock);
}

/* The zones are those that an allocation with __GFP_THISNODE walks. */
static unsigned long node_free_pages(int nid, enum zone_type highest_zoneidx)
{
	struct zonelist *list =
		&NODE_DATA(nid)->node_zonelists[ZONELIST_NOFALLBACK];
	unsigned long free = 0;
	struct zoneref *z;
	struct zone *zone;

	/* Read once: memory hotplug may empty the list meanwhile */
	for (z = list->_zonerefs; (zone = READ_ONCE(z->zone)); z++)
		if (zonelist_zone_idx(z) <= highest_zoneidx)
			free += zone_page_state(zone, NR_FREE_PAGES);
	return free;
}

#ifdef CONFIG_HUGETLBFS
static unsigned long node_free_huge_pages(const struct hstate *h, int nid)
{
	return READ_ONCE(h->free_huge_pages_node[nid]);
}
#else
static unsigned long node_free_huge_pages(const struct hstate *h, int nid)
{
	return 0;
}
#endif

/*
 * For a page of the pool of @h, or if that is NULL for one by @gfp.
 *
 * Each choice looks at all candidates. So this is inline, for @h to be looked at
 * once, and takes the mask word by word: for_each_node_mask() has to find its
 * place in the mask anew for each node.
 */
static __always_inline int mostfree_choose(gfp_t gfp, const struct hstate *h,
					   const nodemask_t *candidates)
{
	enum zone_type highest_zoneidx = gfp_zone(current_gfp_context(gfp));
	int local = numa_node_id(), best = NUMA_NO_NODE;
	unsigned long free, most = 0, left;
	unsigned int word, nid;

	for (word = 0; word < BITS_TO_LONGS(MAX_NUMNODES); word++) {
		left = nodes_addr(*candidates)[word];
		for (; left; left &= left - 1) {
			nid = word * BITS_PER_LONG + __ffs(left);
			free = h ? node_free_huge_pages(h, nid) :
				   node_free_pages(nid, highest_zoneidx);
			if (free < most)
				continue;
			if (free > most || best == NUMA_NO_NODE ||
			    node_distance(local, nid) <
			    node_distance(local, best)) {
				best = nid;
				most = free;
			}
		}
	}
	return best;
}

/*
 * Choose the node, once for each folio: a smaller order after a larger one
 * keeps the node and only takes its own turn there. @h if it is a huge page.
 */
static void shmbind_choose(struct shmbind *b, struct shmbind_turn *turn,
			   gfp_t gfp, unsigned int order,
			   const struct hstate *h, nodemask_t *candidates)
{
	unsigned int nr_pages = 1U << order;
	bool chosen = turn->nid != NUMA_NO_NODE &&
		      node_isset(turn->nid, *candidates);

	if (nodes_empty(*candidates)) {
		turn->nid = NUMA_NO_NODE;
		return;
	}

	switch (b->policy) {
	case MEM_FIRSTREF:
		if (!chosen)
			turn->nid = firstref_choose(b, candidates);
		break;
	case MEM_STRIPE:
		if (chosen)
			stripe_recount(b, turn->nid, nr_pages);
		else
			turn->nid = stripe_choose(b, candidates, nr_pages);
		turn->nr_pages = nr_pages;
		break;
	case MEM_MOSTFREE:
		if (!chosen)
			turn->nid = h ? mostfree_choose(gfp, h, candidates) :
					mostfree_choose(gfp, NULL, candidates);
		break;
	}
}

void __shmbind_give_back(struct mempolicy *pol, struct shmbind_turn *turn)
{
	stripe_recount(to_shmbind(pol), turn->nid, -(s64)turn->nr_pages);
	turn->nr_pages = 0;
}

/* For a try that leaves the emergency reserves alone although it cannot wait */
static gfp_t gfp_no_reclaim(gfp_t gfp)
{
	return (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOMEMALLOC | __GFP_NOWARN;
}

/**
 * shmbind_readahead_gfp() - How to allocate for pages that nobody waits for.
 * @gfp: GFP flags.
 * @pol: The policy, may be NULL.
 *
 * A full MEM_HARDBIND node is reclaimed from, and its per-CPU lists are drained,
 * for the page that is wanted, and not for each of its neighbours too. Nor does
 * a memory cgroup at its limit reclaim for them. MADV_WILLNEED wants each of its
 * pages.
 *
 * Context: Any context in which @pol cannot be freed.
 * Return: @gfp, without direct reclaim if @pol is MEM_HARDBIND.
 */
gfp_t shmbind_readahead_gfp(gfp_t gfp, const struct mempolicy *pol)
{
	return mpol_is_hardbind(pol) ? gfp_no_reclaim(gfp) : gfp;
}

static void drain_node(int nid, enum zone_type highest_zoneidx)
{
	struct zone *zones = NODE_DATA(nid)->node_zones;
	enum zone_type i;

	for (i = 0; i <= highest_zoneidx; i++)
		if (populated_zone(zones + i))
			drain_all_pages(zones + i);
}

static struct page *alloc_on_node(gfp_t gfp, unsigned int order, int nid)
{
	return __alloc_frozen_pages_noprof(gfp | __GFP_THISNODE | __GFP_NOWARN,
					   order, nid, NULL, ALLOC_DEFAULT);
}

/*
 * That node, or nothing. __GFP_THISNODE is also what keeps the OOM killer away:
 * with a node mask instead, it would be called and kill bystanders.
 */
static struct page *alloc_hard(gfp_t gfp, int nid)
{
	struct page *page = alloc_on_node(gfp, 0, nid);

	if (page || !gfpflags_allow_blocking(gfp))
		return page;

	/*
	 * The allocator drains the per-CPU lists only after reclaim has made
	 * progress, so what was freed a moment ago may still lie there.
	 */
	drain_node(nid, gfp_zone(gfp));
	return alloc_on_node(gfp_no_reclaim(gfp), 0, nid);
}

/* The candidate that SOFT tries after @n, by distance from @nid; or none. */
static int soft_next(int nid, int n, nodemask_t *left)
{
	node_clear(n, *left);
	return nodes_empty(*left) ? NUMA_NO_NODE :
				    nearest_node_nodemask(nid, left);
}

/*
 * That node, then the other candidates by distance from it, then all others.
 * The candidates are tried one by one because the walk of a zonelist leaves a
 * node for the next at its low watermark already, and is sorted by more than
 * the distance.
 */
static struct page *alloc_soft(gfp_t gfp, int nid, nodemask_t *candidates)
{
	struct page *page;
	int n;

	for (n = nid; n != NUMA_NO_NODE; n = soft_next(nid, n, candidates)) {
		page = alloc_on_node(gfp_no_reclaim(gfp), 0, n);
		if (page)
			return page;
	}
	return __alloc_frozen_pages_noprof(gfp, 0, nid == NUMA_NO_NODE ?
					   numa_node_id() : nid, NULL,
					   ALLOC_DEFAULT);
}

/*
 * A large folio is worth neither another node nor hard reclaim: smaller ones on
 * the same node come next.
 */
static struct page *shmbind_alloc_on(struct shmbind *b, gfp_t gfp,
				     unsigned int order, int nid,
				     nodemask_t *candidates)
{
	if (!order && b->strength == MEM_SOFTBIND)
		return alloc_soft(gfp, nid, candidates);
	if (nid == NUMA_NO_NODE)
		return NULL;
	if (order)
		return alloc_on_node(gfp | __GFP_NORETRY, order, nid);
	return alloc_hard(gfp, nid);
}

/* Has the choice been overtaken by a change of the cpuset, or by hotplug? */
static bool shmbind_stale(const struct shmbind_turn *turn, unsigned int cookie)
{
	return read_mems_allowed_retry(cookie) ||
	       (turn->nid != NUMA_NO_NODE && !node_state(turn->nid, N_MEMORY));
}

static struct page *shmbind_alloc(gfp_t gfp, unsigned int order,
				  struct mempolicy *pol,
				  struct shmbind_turn *turn)
{
	struct shmbind *b = to_shmbind(pol);
	nodemask_t candidates;
	unsigned int cookie;
	struct page *page;

	for (;;) {
		cookie = read_mems_allowed_begin();
		shmbind_candidates(b, &candidates);
		shmbind_choose(b, turn, gfp, order, NULL, &candidates);
		page = shmbind_alloc_on(b, gfp, order, turn->nid, &candidates);
		if (page)
			return page;

		shmbind_give_back(pol, turn);
		if (!shmbind_stale(turn, cookie))
			return NULL;
		turn->nid = NUMA_NO_NODE;
	}
}

#ifdef CONFIG_HUGETLBFS
static struct folio *hugetlb_hard(struct hstate *h, int nid,
				  struct mm_struct *mm, u8 alloc_flags)
{
	nodemask_t node = nodemask_of_node(nid);
	struct mempolicy_interpreted mpoli = {
		.nid = nid,
		.mode = MPOL_SHMBIND,
		.nodemask = &node,
	};

	return hugetlb_alloc_folio(h, &mpoli, mm, alloc_flags);
}

/*
 * As alloc_soft(). A node whose pool is empty is passed without an attempt, as
 * each is charged to the controllers and may run into their limits.
 */
static struct folio *hugetlb_soft(struct hstate *h, int nid,
				  nodemask_t *candidates,
				  struct mm_struct *mm, u8 alloc_flags)
{
	nodemask_t left = *candidates;
	struct mempolicy_interpreted mpoli = {
		.nid = nid == NUMA_NO_NODE ? numa_node_id() : nid,
		.mode = nodes_empty(left) ? MPOL_DEFAULT : MPOL_PREFERRED_MANY,
		.nodemask = nodes_empty(left) ? NULL : candidates,
	};
	struct folio *folio;
	int n;

	for (n = nid; n != NUMA_NO_NODE; n = soft_next(nid, n, &left)) {
		if (!node_free_huge_pages(h, n))
			continue;
		folio = hugetlb_hard(h, n, mm, alloc_flags);
		if (!IS_ERR(folio))
			return folio;
		/*
		 * Not for want of a page: a limit, or all are reserved. What
		 * comes of the attempt on all nodes is what the caller gets.
		 */
		if (node_free_huge_pages(h, n))
			break;
	}
	return hugetlb_alloc_folio(h, &mpoli, mm, alloc_flags);
}

/* Was the pool's last page taken since MEM_MOSTFREE has chosen the node? */
static bool hugetlb_overtaken(const struct shmbind *b, const struct hstate *h,
			      int nid, const nodemask_t *candidates)
{
	if (b->policy != MEM_MOSTFREE || node_free_huge_pages(h, nid))
		return false;

	for_each_node_mask(nid, *candidates)
		if (node_free_huge_pages(h, nid))
			return true;
	return false;
}

/**
 * shmbind_alloc_hugetlb_folio() - Allocate a huge page for a bound segment.
 * @h: Its size.
 * @pol: The binding.
 * @mm: As for hugetlb_alloc_folio().
 * @alloc_flags: As for hugetlb_alloc_folio().
 *
 * Only the node is chosen here; reservations and charges are those of any
 * allocation by hugetlb_alloc_folio().
 *
 * Context: Process context, may sleep.
 * Return: The folio, or %-ENOSPC as hugetlb_alloc_folio() has it.
 */
struct folio *shmbind_alloc_hugetlb_folio(struct hstate *h,
					  struct mempolicy *pol,
					  struct mm_struct *mm, u8 alloc_flags)
{
	struct shmbind_turn turn = SHMBIND_TURN_INIT;
	struct folio *folio = ERR_PTR(-ENOSPC);
	struct shmbind *b = to_shmbind(pol);
	nodemask_t candidates;
	unsigned int cookie;

	for (;;) {
		cookie = read_mems_allowed_begin();
		shmbind_candidates(b, &candidates);
		shmbind_choose(b, &turn, htlb_alloc_mask(h), huge_page_order(h),
			       h, &candidates);
		if (b->strength == MEM_SOFTBIND)
			folio = hugetlb_soft(h, turn.nid, &candidates, mm,
					     alloc_flags);
		else if (turn.nid != NUMA_NO_NODE)
			folio = hugetlb_hard(h, turn.nid, mm, alloc_flags);
		if (!IS_ERR(folio))
			return folio;

		shmbind_give_back(pol, &turn);
		if (!shmbind_stale(&turn, cookie) &&
		    (turn.nid == NUMA_NO_NODE ||
		     !hugetlb_overtaken(b, h, turn.nid, &candidates)))
			return folio;
		turn.nid = NUMA_NO_NODE;
	}
}
#endif /* CONFIG_HUGETLBFS */

/**
 * shmbind_alloc_folio() - Allocate a folio for a bound segment.
 * @gfp: GFP flags.
 * @order: Order of the folio.
 * @pol: The binding.
 * @turn: %SHMBIND_TURN_INIT at the first order that is tried, then as this
 *	  function left it. On failure the turn has been given back already.
 *
 * Context: Process context, may sleep if @gfp allows it.
 * Return: The folio, whose turn the caller gives back by shmbind_give_back()
 * if it does not use it, or NULL: on the chosen node nothing was found, for
 * order 0 and MEM_SOFTBIND on no other either.
 */
struct folio *shmbind_alloc_folio_noprof(gfp_t gfp, unsigned int order,
					 struct mempolicy *pol,
					 struct shmbind_turn *turn)
{
	struct page *page = shmbind_alloc(gfp | __GFP_COMP, order, pol, turn);

	if (!page)
		return NULL;

	set_page_refcounted(page);
	return page_rmappable_folio(page);
}

static const char *shmbind_policy_name(unsigned int policy)
{
	switch (policy) {
	case MEM_STRIPE:
		return "stripe";
	case MEM_MOSTFREE:
		return "mostfree";
	default:
		return "firstref";
	}
}

/**
 * shmbind_show() - Print a binding, e.g. "shmbind=stripe|hard:0-3".
 * @m: Where to.
 * @pol: The binding.
 *
 * Context: Any context in which @pol cannot be freed.
 */
void shmbind_show(struct seq_file *m, const struct mempolicy *pol)
{
	seq_printf(m, "shmbind=%s|%s:%*pbl",
		   shmbind_policy_name(to_shmbind(pol)->policy),
		   mpol_is_hardbind(pol) ? "hard" : "soft",
		   nodemask_pr_args(&pol->nodes));
}

/* Count up to SHMBIND_COUNT_BATCH entries. Returns false at the end. */
static bool count_batch(struct xa_state *xas, unsigned long *pages)
{
	unsigned int nr = 0;
	struct folio *folio;

	guard(rcu)();
	xas_for_each(xas, folio, ULONG_MAX) {
		if (!xas_retry(xas, folio) && !xa_is_value(folio))
			pages[folio_nid(folio)] += 1UL << xas_get_order(xas);
		if (++nr == SHMBIND_COUNT_BATCH) {
			xas_pause(xas);
			return true;
		}
	}
	return false;
}

/**
 * shmbind_count_pages() - Count the resident pages of a segment by node.
 * @mapping: The segment's page cache.
 * @pages: Array of nr_node_ids counters in base pages, added to.
 *
 * The counts are of no single moment, and too low if the task is being killed.
 *
 * Context: Process context, may sleep. Memory hotplug waits while a batch of
 * pages is counted, since they are not pinned, and while it is under way the
 * caller waits, fatal signals or not; nothing else does.
 */
void shmbind_count_pages(struct address_space *mapping, unsigned long *pages)
{
	XA_STATE(xas, &mapping->i_pages, 0);
	bool more = true;

	while (more && !fatal_signal_pending(current)) {
		get_online_mems();
		more = count_batch(&xas, pages);
		put_online_mems();
		cond_resched();
	}
}
