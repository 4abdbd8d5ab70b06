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
 *   choose    firstref | stripe | weighted    one node of the candidates
 *             mostfree
 *   allocate  hard | mask | soft              on that node, or where MASK and
 *                                             SOFT fall back to
 *
 * The candidates are the mask's nodes that the cpuset of the faulting task
 * allows and that have memory in a zone which the allocation may use.
 *
 * An allocation that fails returns -ENOSPC if the binding allows no other node,
 * which a fault turns into SIGBUS, and -ENOMEM otherwise.
 *
 * Only MEM_STRIPE and MEM_WEIGHTED have state that affects later choices, in
 * struct stripe.
 */

#include <kunit/static_stub.h>
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/blkdev.h>
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/cleanup.h>
#include <linux/compat.h>
#include <linux/container_of.h>
#include <linux/cpuset.h>
#include <linux/err.h>
#include <linux/find.h>
#include <linux/gfp.h>
#include <linux/hugetlb.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/memory-tiers.h>
#include <linux/memory_hotplug.h>
#include <linux/mempolicy.h>
#include <linux/migrate.h>
#include <linux/migrate_mode.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmdebug.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/shmbind.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stddef.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd_k.h>
#include <linux/vm_event_item.h>
#include <linux/vmstat.h>
#include <linux/xarray.h>
#include <linux/zswap.h>

#include <uapi/linux/shmbind.h>

#include "internal.h"
#include "page_alloc.h"
#include "swap.h"

#define CREATE_TRACE_POINTS
#include <trace/events/shmbind.h>

#define SHMBIND_STRIPES		(MEM_STRIPE | MEM_WEIGHTED)
#define SHMBIND_POLICIES	(MEM_FIRSTREF | SHMBIND_STRIPES | MEM_MOSTFREE)
#define SHMBIND_STRENGTHS	(MEM_HARDBIND | MEM_SOFTBIND | MEM_MASKBIND)

/* Passed instead of a page count: a choice of a stripe for readahead */
#define TURN_AHEAD		(-1)

/* Page cache entries counted in one batch: a few hundred microseconds */
#define SHMBIND_COUNT_BATCH	4096

/*
 * A stripe advances in rounds. In each round every node of the mask is due one
 * page; a large folio counts for as many rounds as it has base pages. With mask
 * 0-2, and base pages except for one folio of four pages at (*):
 *
 *	round		1	2	3	4	5
 *	node 0		0	.	.	.	0
 *	node 1		1	1	1	1	1
 *	node 2		2	2	2	2	2
 *			*
 *
 * (node 0 got the large folio in round 1, which covers rounds 1 to 4). A round
 * ends when no candidate is due any more.
 *
 * A node is chosen only while it is due, that is, while no candidate has fewer
 * pages. The choice is counted at once, as a turn of the node: otherwise
 * concurrent faults would all be sent to the same node, which may have room for
 * only one of them. If the folio does not enter the segment the turn is
 * returned.
 *
 * A folio in the swap cache may have been read by any task, for any segment.
 * Folios allocated for the swap cache therefore take no turn. They are counted
 * when they enter the segment, for the node that they are on, as are folios of
 * UFFDIO_COPY and those that replace another folio.
 *
 * The counts of nodes that have always been candidates therefore differ by at
 * most the largest folio for each thread that faults, in whatever order the
 * threads touch the pages.
 *
 * With MEM_WEIGHTED a node is due as many pages in a round as its weight is
 * when the round begins. It takes these turns one after the other: if it
 * alternated with others, faults would have to walk past all nodes that are no
 * longer due. With weights 3, 1 and 2:
 *
 *	round		1		2
 *	node 0		0 0 0		0 0 0
 *	node 1		      1		      1
 *	node 2			2 2		2 2
 */
struct stripe {
	spinlock_t lock;	/* a leaf */
	int next;		/* node where the search begins */
	int nr_nodes;		/* weight of the mask */
	int nr_due;		/* how many of them have given < level */
	u64 level;		/* given of each node at the end of the round */
	u64 most;		/* the largest given */
	bool begun;		/* MEM_WEIGHTED: weights have been read */
	unsigned int ahead;	/* rounds that readahead is ahead of level */
	int ahead_from;		/* node where these rounds begin, or none */
	int ahead_at;		/* node that readahead chose last */
	int ahead_turns;	/* turns that it may still take there */
	struct {
		u64 given;		/* base pages; rounds of MEM_WEIGHTED */
		int next;		/* next node of the mask, in a ring */
		u8 weight;		/* in this round; 1 for MEM_STRIPE */
		u8 part;		/* base pages beyond the given rounds */
	} node[];
};

struct shmbind {
	struct mempolicy pol;	/* first: the last mpol_put() frees it all */
	unsigned int policy;	/* one of SHMBIND_POLICIES */
	unsigned int strength;	/* one of SHMBIND_STRENGTHS */
	/*
	 * fallback: base pages that are not on the chosen node
	 * failed: allocations that were refused
	 */
	atomic_long_t fallback ____cacheline_aligned_in_smp;
	atomic_long_t failed;
	union {
		/*
		 * MEM_FIRSTREF: for each CPU's node, the nearest node of the
		 * mask plus 1; 0 if not known yet
		 */
		DECLARE_FLEX_ARRAY(u16, nearest);
		/*
		 * Stripes only: on cache lines of its own, since all faults
		 * read the fields above.
		 */
		struct stripe stripe ____cacheline_aligned_in_smp;
	};
};

/*
 * Set once, never cleared. A fault sees it because an attach comes in between.
 */
static bool ever_confined __read_mostly;

static struct shmbind *to_shmbind(const struct mempolicy *pol)
{
	VM_WARN_ON_ONCE(pol->mode != MPOL_SHMBIND);
	return container_of(pol, struct shmbind, pol);
}

/**
 * mpol_confine_load() - Restrict a choice of nodes to those of a policy.
 * @pol: The policy, may be NULL.
 * @load: The weight of each of MAX_NUMNODES nodes; one of the nodes with the
 *	  highest weight will be chosen.
 *
 * Only a policy with mpol_is_confined() restricts. If all of its nodes have
 * weight 0, each gets weight 1.
 *
 * Context: Any context in which @pol cannot be freed.
 */
void mpol_confine_load(const struct mempolicy *pol, u32 *load)
{
	bool loaded = false;
	int nid;

	if (!mpol_is_confined(pol))
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

/*
 * Read @nbits bits, at most BITS_PER_LONG, that start at bit @first. A @compat
 * mask has words of 32 bits.
 */
static int shmbind_get_word(unsigned long *word,
			    const unsigned long __user *mask_ptr,
			    unsigned int first, unsigned int nbits, bool compat)
{
	if (compat) {
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
 * Read the whole mask before checking it: -EFAULT for an unreadable tail takes
 * precedence over -EINVAL for a bit out of range.
 */
static int shmbind_get_nodes(nodemask_t *nodes,
			     const unsigned long __user *mask_ptr, int mask_len,
			     bool compat)
{
	unsigned int first, nbits, known;
	bool unknown_node = false;
	unsigned long word;

	nodes_clear(*nodes);
	for (first = 0; first < (unsigned int)mask_len;
	     first += BITS_PER_LONG) {
		nbits = min_t(unsigned int, mask_len - first, BITS_PER_LONG);
		word = 0;
		if (shmbind_get_word(&word, mask_ptr, first, nbits, compat))
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
static unsigned int stripe_start(const nodemask_t *nodes)
{
	static atomic_t nr_stripes;
	unsigned int nr = (unsigned int)atomic_inc_return(&nr_stripes);

	return find_nth_bit(nodes->bits, MAX_NUMNODES,
			    nr % nodes_weight(*nodes));
}

static void stripe_init(struct stripe *s, const nodemask_t *nodes)
{
	int nid;

	spin_lock_init(&s->lock);
	s->next = stripe_start(nodes);
	s->nr_nodes = nodes_weight(*nodes);
	s->nr_due = s->nr_nodes;
	s->level = 1;
	s->ahead_from = NUMA_NO_NODE;
	for_each_node_mask(nid, *nodes) {
		s->node[nid].next = next_node_in(nid, *nodes);
		s->node[nid].weight = 1;
	}
}

static size_t shmbind_size(int policy)
{
	struct shmbind *b;

	if (policy & MEM_FIRSTREF)
		return struct_size(b, nearest, nr_node_ids);
	if (policy & SHMBIND_STRIPES)
		return struct_size(b, stripe.node, nr_node_ids);
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
	if (b->strength != MEM_SOFTBIND)
		b->pol.flags |= MPOL_F_CONFINED;
	if (b->policy & SHMBIND_STRIPES) {
		b->pol.flags |= MPOL_F_STRIPE;
		stripe_init(&b->stripe, nodes);
	}
	return &b->pol;
}

/**
 * shmbind_create() - Build a binding from the arguments of shmbind(2).
 * @policy: At most one policy and one strength, MEM_* flags.
 * @mask_ptr: User space address of the node mask.
 * @mask_len: Length of the mask in bits.
 *
 * @policy is checked first, then @mask_len, then the mask.
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
	if (mask_len <= 0 || mask_len > (int)(PAGE_SIZE * BITS_PER_BYTE))
		return ERR_PTR(-EINVAL);

	err = shmbind_get_nodes(&nodes, mask_ptr, mask_len,
				in_compat_syscall());
	if (err)
		return ERR_PTR(err);
	if (!shmbind_nodes_valid(&nodes))
		return ERR_PTR(-EINVAL);

	return shmbind_new(policy, &nodes);
}

/**
 * shmbind_publish() - Replace the binding of a segment.
 * @binding: The segment's pointer to its binding, or to NULL.
 * @pol: The new binding.
 *
 * Context: Called with the segment's IPC lock held, so that no task can attach.
 * Return: The old binding, or NULL.
 */
struct mempolicy *shmbind_publish(struct mempolicy **binding,
				  struct mempolicy *pol)
{
	struct mempolicy *old = *binding;

	/* Read without a lock; set before the first page of such a segment */
	if (mpol_is_confined(pol))
		WRITE_ONCE(ever_confined, true);
	*binding = pol;
	return old;
}

/**
 * shmbind_ever_confined() - Tell whether a page may belong to a confined
 * segment.
 *
 * For callers that do not know the segment of a page, or would have to look for
 * such segments, and have nothing to do if there has never been one.
 *
 * Context: Any context.
 * Return: True if there has ever been a segment with mpol_is_confined().
 */
bool shmbind_ever_confined(void)
{
	/* Only ever becomes true, so no lock is needed */
	return READ_ONCE(ever_confined);
}

/*
 * Nodes with memory in a zone that the allocation may use. Wherever a node is
 * chosen, @gfp is what current_gfp_context() has returned: during a long-term
 * pin the allocation is not movable.
 */
static const nodemask_t *usable_nodes(gfp_t gfp)
{
	return &node_states[gfp & __GFP_MOVABLE ? N_MEMORY : N_HIGH_MEMORY];
}

/*
 * Whether every node of the mask is a candidate, which is nearly always true.
 * The mask itself is then the set of candidates. A nodemask may have 1024 bits,
 * and building one costs more than the rest of the choice, so look only at the
 * words that can have a node in them.
 */
static bool shmbind_unrestricted(const struct shmbind *b, gfp_t gfp)
{
	const unsigned long *mask = nodes_addr(b->pol.nodes);
	const unsigned long *usable = nodes_addr(*usable_nodes(gfp));
	const unsigned long *allowed = usable;
	unsigned int word;

	if (cpusets_enabled())
		allowed = nodes_addr(cpuset_current_mems_allowed);

	for (word = 0; word < BITS_TO_LONGS(nr_node_ids); word++)
		if (mask[word] & ~(usable[word] & allowed[word]))
			return false;
	return true;
}

static bool is_candidate(const struct shmbind *b, gfp_t gfp, int nid)
{
	return node_isset(nid, b->pol.nodes) &&
	       node_isset(nid, *usable_nodes(gfp)) &&
	       node_isset(nid, cpuset_current_mems_allowed);
}

/* Returns false if there are none. */
static bool shmbind_candidates(const struct shmbind *b, gfp_t gfp,
			       nodemask_t *candidates)
{
	const unsigned long *mask = nodes_addr(b->pol.nodes);
	const unsigned long *usable = nodes_addr(*usable_nodes(gfp));
	const unsigned long *allowed = usable;
	unsigned long nodes, any = 0;
	unsigned int word;

	if (cpusets_enabled())
		allowed = nodes_addr(cpuset_current_mems_allowed);

	nodes_clear(*candidates);
	for (word = 0; word < BITS_TO_LONGS(nr_node_ids); word++) {
		nodes = mask[word] & usable[word] & allowed[word];
		nodes_addr(*candidates)[word] = nodes;
		any |= nodes;
	}
	return any;
}

/*
 * The node of the CPU. If that has no memory, the first node with memory in its
 * fallback order.
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
 * The nearest node of the mask, cached for each node at its first fault.
 * Computing it for all nodes when the binding is made would cost more, and
 * would miss nodes that come online later.
 */
static int firstref_nearest(struct shmbind *b, int nid)
{
	/* Faults may race to fill it in; all of them compute the same node */
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
	if (candidates == &b->pol.nodes)
		return firstref_nearest(b, nid);
	return nearest_node_nodemask(nid, candidates);
}

static bool stripe_is_due(const struct stripe *s, int nid)
{
	return s->node[nid].given < s->level;
}

/*
 * Called with lock held and no candidate due.
 *
 * Nodes that are not candidates of this fault keep their distance to the level.
 * They therefore do not catch up later with a burst of pages, and tasks in
 * different cpusets do not disturb each other's rounds.
 *
 * If all nodes of the mask are candidates and have reached the level exactly,
 * only the level changes, and all of them are due again.
 */
static void stripe_advance(struct shmbind *b, const nodemask_t *candidates)
{
	const nodemask_t *mask = &b->pol.nodes;
	struct stripe *s = &b->stripe;
	u64 least = U64_MAX, passed;
	int i, nid;

	if (s->most <= s->level && candidates == mask) {
		s->level++;
		s->nr_due = s->nr_nodes;
		return;
	}

	for (i = 0, nid = s->next; i < s->nr_nodes; i++, nid = s->node[nid].next)
		if (candidates == mask || node_isset(nid, *candidates))
			least = min(least, s->node[nid].given);
	passed = least + 1 - s->level;
	s->level = least + 1;

	s->most = 0;
	s->nr_due = 0;
	for (i = 0; i < s->nr_nodes; i++, nid = s->node[nid].next) {
		if (candidates != mask && !node_isset(nid, *candidates))
			s->node[nid].given += passed;
		s->most = max(s->most, s->node[nid].given);
		s->nr_due += stripe_is_due(s, nid);
	}
}

/*
 * A node that is ahead of the others stays ahead by the same number of pages.
 */
static void stripe_set_weight(struct stripe *s, int nid, u8 weight)
{
	u64 ahead = s->node[nid].given - s->level;
	u32 part;

	if (weight == s->node[nid].weight)
		return;
	if (!stripe_is_due(s, nid)) {
		ahead = ahead * s->node[nid].weight + s->node[nid].part;
		s->node[nid].given = s->level + div_u64_rem(ahead, weight, &part);
		s->node[nid].part = part;
		s->most = max(s->most, s->node[nid].given);
	}
	s->node[nid].weight = weight;
}

static u8 stripe_weight(int nid)
{
	KUNIT_STATIC_STUB_REDIRECT(stripe_weight, nid);
	return get_il_weight(nid);
}

/*
 * Read the weights of @nodes for the next round. A node whose memory was added
 * after the kernel computed the weights may have weight 0.
 */
static void stripe_read_weights(struct shmbind *b, const nodemask_t *nodes)
{
	struct stripe *s = &b->stripe;
	int i, nid = s->next;

	for (i = 0; i < s->nr_nodes; i++, nid = s->node[nid].next)
		if (nodes == &b->pol.nodes || node_isset(nid, *nodes))
			stripe_set_weight(s, nid, stripe_weight(nid) ?: 1);
}

/*
 * The first round begins with the first page, which may be long after
 * shmbind(2).
 */
static void stripe_begin(struct shmbind *b)
{
	if (likely(b->stripe.begun))
		return;
	stripe_read_weights(b, &b->pol.nodes);
	b->stripe.begun = true;
}

/*
 * The weight of a single node makes no difference, and need not be read again.
 */
static void stripe_next_round(struct shmbind *b, const nodemask_t *candidates)
{
	if (b->policy == MEM_WEIGHTED && b->stripe.nr_nodes > 1)
		stripe_read_weights(b, candidates);
	stripe_advance(b, candidates);
}

/* A candidate that is due, or NUMA_NO_NODE. */
static int stripe_find_due(const struct shmbind *b,
			   const nodemask_t *candidates)
{
	const struct stripe *s = &b->stripe;
	int i, nid = s->next;

	for (i = 0; i < s->nr_nodes; i++, nid = s->node[nid].next)
		if (stripe_is_due(s, nid) &&
		    (candidates == &b->pol.nodes ||
		     node_isset(nid, *candidates)))
			return nid;
	return NUMA_NO_NODE;
}

/*
 * stripe_find_due() for readahead. Its choices are not counted, so the same
 * nodes would stay due for all pages that a task reads ahead. Count the choices
 * provisionally, until the next choice for a page that a task waits for.
 */
static int stripe_find_ahead(struct shmbind *b, const nodemask_t *candidates)
{
	struct stripe *s = &b->stripe;
	int i, nid = s->next;

	if (s->ahead_from == NUMA_NO_NODE) {
		s->ahead = 0;
		s->ahead_turns = 0;
	}
	if (s->ahead_turns > 0 && node_isset(s->ahead_at, *candidates)) {
		s->ahead_turns--;
		return s->ahead_at;
	}

	for (i = 0; i < s->nr_nodes; i++, nid = s->node[nid].next) {
		if (nid == s->ahead_from)
			s->ahead++;
		if (s->node[nid].given >= s->level + s->ahead ||
		    !node_isset(nid, *candidates))
			continue;
		if (s->ahead_from == NUMA_NO_NODE)
			s->ahead_from = nid;
		s->ahead_at = nid;
		s->ahead_turns = s->node[nid].weight - 1;
		if (!s->ahead)
			s->ahead_turns -= s->node[nid].part;
		return nid;
	}
	return NUMA_NO_NODE;
}

/* Returns the number of rounds that @nr_pages complete. */
static unsigned int weighted_charge(struct stripe *s, int nid,
				    unsigned int nr_pages)
{
	unsigned int weight = s->node[nid].weight;
	unsigned int part = s->node[nid].part + nr_pages;

	if (part < weight) {
		s->node[nid].part = part;
		return 0;
	}
	s->node[nid].part = part % weight;
	return part / weight;
}

/*
 * Returns the number of rounds that are no longer complete without @nr_pages.
 */
static unsigned int weighted_uncharge(struct stripe *s, int nid,
				      unsigned int nr_pages)
{
	unsigned int weight = s->node[nid].weight, rounds;

	if (s->node[nid].part >= nr_pages) {
		s->node[nid].part -= nr_pages;
		return 0;
	}
	nr_pages -= s->node[nid].part;
	rounds = DIV_ROUND_UP(nr_pages, weight);
	s->node[nid].part = rounds * weight - nr_pages;
	return rounds;
}

/* Called with lock held. Returns whether the node is still due in the round. */
static bool stripe_add(struct shmbind *b, int nid, unsigned int nr_pages)
{
	struct stripe *s = &b->stripe;
	bool was_due = stripe_is_due(s, nid);

	if (b->policy == MEM_WEIGHTED)
		nr_pages = weighted_charge(s, nid, nr_pages);
	s->node[nid].given += nr_pages;
	s->most = max(s->most, s->node[nid].given);
	if (stripe_is_due(s, nid))
		return true;
	if (was_due && !--s->nr_due)
		stripe_next_round(b, &b->pol.nodes);
	return false;
}

static int stripe_choose(struct shmbind *b, const nodemask_t *candidates,
			 int turn)
{
	struct stripe *s = &b->stripe;
	int nid;

	guard(spinlock)(&s->lock);
	if (b->policy == MEM_WEIGHTED)
		stripe_begin(b);
	if (turn == TURN_AHEAD) {
		nid = stripe_find_ahead(b, candidates);
	} else {
		s->ahead_from = NUMA_NO_NODE;
		nid = stripe_find_due(b, candidates);
	}
	/* Only nodes that are not candidates of this fault are due */
	if (unlikely(nid == NUMA_NO_NODE)) {
		stripe_next_round(b, candidates);
		nid = stripe_find_due(b, candidates);
	}
	s->next = s->node[nid].next;
	if (turn > 0 && stripe_add(b, nid, turn) && b->policy == MEM_WEIGHTED)
		s->next = nid;
	return nid;
}

/* Pages outside the mask are not counted. */
static bool stripe_counts_node(const struct shmbind *b, int nid)
{
	return b->pol.flags & MPOL_F_STRIPE && nid != NUMA_NO_NODE &&
	       node_isset(nid, b->pol.nodes);
}

static void stripe_charge(struct shmbind *b, int nid, unsigned int nr_pages)
{
	if (!stripe_counts_node(b, nid))
		return;

	guard(spinlock)(&b->stripe.lock);
	stripe_add(b, nid, nr_pages);
}

/*
 * The round is not over as long as @nid is due in it. Otherwise all nodes would be
 * due again, and the others could get ahead of @nid.
 */
static void stripe_reopen_round(struct stripe *s, int nid)
{
	int i;

	s->level = min(s->level, s->node[nid].given + 1);
	s->nr_due = 0;
	for (i = 0; i < s->nr_nodes; i++, nid = s->node[nid].next)
		s->nr_due += stripe_is_due(s, nid);
}

/*
 * Return a turn of @nr_pages, or of 0 if it has not been counted. The next search
 * begins at the same node, so that a HARD stripe does not skip a full node.
 */
static void stripe_return_turn(struct shmbind *b, int nid, unsigned int nr_pages)
{
	struct stripe *s = &b->stripe;

	if (!stripe_counts_node(b, nid))
		return;

	guard(spinlock)(&s->lock);
	if (b->policy == MEM_WEIGHTED)
		nr_pages = weighted_uncharge(s, nid, nr_pages);
	/*
	 * mbind() may have changed the policy of a huge page since the choice
	 */
	s->node[nid].given -= min_t(u64, nr_pages, s->node[nid].given);
	s->next = nid;
	stripe_reopen_round(s, nid);
}

/**
 * shmbind_return_turn() - Return the turn of a folio that is not used.
 * @pol: The binding that placed the folio.
 * @nid: The node that was chosen for it.
 * @nr_pages: Its size in base pages.
 *
 * Context: Any context except interrupts. @pol must not be freed meanwhile.
 */
void shmbind_return_turn(struct mempolicy *pol, int nid, unsigned int nr_pages)
{
	stripe_return_turn(to_shmbind(pol), nid, nr_pages);
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
		if (zonelist_zone_idx(z) <= (int)highest_zoneidx)
			free += zone_page_state(zone, NR_FREE_PAGES);
	return free;
}

#ifdef CONFIG_HUGETLBFS
static unsigned long node_free_huge_pages(const struct hstate *h, int nid)
{
	/* Written under hugetlb_lock; a choice may be outdated anyway */
	return READ_ONCE(h->free_huge_pages_node[nid]);
}
#else
static unsigned long node_free_huge_pages(const struct hstate *h, int nid)
{
	return 0;
}
#endif

/*
 * Choose for a huge page from the pool of @h, or for a page that is allocated
 * with @gfp if @h is NULL.
 *
 * Each choice looks at all candidates. The function is therefore inline, so
 * that @h is not tested for each of them, and walks the mask word by word:
 * for_each_node_mask() would search the mask again for each node.
 */
static __always_inline int mostfree_choose(gfp_t gfp, const struct hstate *h,
					   const nodemask_t *candidates)
{
	enum zone_type highest_zoneidx = gfp_zone(gfp);
	unsigned long free, most = 0, left;
	int distance, least = 0;	/* for huge pages only */
	unsigned int word, nid;
	int best = NUMA_NO_NODE;

	for (word = 0; word < BITS_TO_LONGS(nr_node_ids); word++) {
		left = nodes_addr(*candidates)[word];
		for (; left; left &= left - 1) {
			nid = word * BITS_PER_LONG + __ffs(left);
			free = h ? node_free_huge_pages(h, nid) :
				   node_free_pages(nid, highest_zoneidx);
			if (free < most)
				continue;
			/* Ties are common among pools, and rare among nodes */
			distance = h ? node_distance(numa_node_id(), nid) : 0;
			if (free > most || best == NUMA_NO_NODE ||
			    (h ? distance < least :
				 node_distance(numa_node_id(), nid) <
				 node_distance(numa_node_id(), best))) {
				best = nid;
				most = free;
				least = distance;
			}
		}
	}
	return best;
}

/*
 * @turn is the number of pages to count immediately. If the caller does not use
 * them, it calls stripe_return_turn(). @turn is 0 for a folio that will be
 * counted when it enters the segment, and TURN_AHEAD for readahead.
 */
static int shmbind_choose_from(struct shmbind *b, gfp_t gfp,
			       const struct hstate *h, nodemask_t *candidates,
			       int turn)
{
	switch (b->policy) {
	case MEM_STRIPE:
	case MEM_WEIGHTED:
		return stripe_choose(b, candidates, turn);
	case MEM_MOSTFREE:
		return h ? mostfree_choose(gfp, h, candidates) :
			   mostfree_choose(gfp, NULL, candidates);
	default:
		return firstref_choose(b, candidates);
	}
}

/*
 * A function of its own, so that other faults have no nodemask on their stack.
 */
static noinline int shmbind_choose_by_mask(struct shmbind *b, gfp_t gfp,
					   int turn)
{
	nodemask_t candidates;
	int nid;

	if (shmbind_candidates(b, gfp, &candidates))
		return shmbind_choose_from(b, gfp, NULL, &candidates, turn);
	if (mpol_is_confined(&b->pol))
		return NUMA_NO_NODE;

	/* SOFT may use any node: prefer the local one */
	nid = shmbind_local_node();
	if (turn > 0)
		stripe_charge(b, nid, turn);
	return nid;
}

/*
 * FIRSTREF does not need the set of candidates if the local node is one of
 * them.
 */
static noinline int shmbind_choose_restricted(struct shmbind *b, gfp_t gfp,
					      int turn)
{
	int nid;

	if (b->policy == MEM_FIRSTREF) {
		nid = shmbind_local_node();
		if (is_candidate(b, gfp, nid))
			return nid;
	}
	return shmbind_choose_by_mask(b, gfp, turn);
}

/*
 * Choose the node for a folio. Without a candidate, SOFT takes the local node,
 * and any other strength NUMA_NO_NODE.
 */
static int shmbind_choose(struct shmbind *b, gfp_t gfp, int turn)
{
	if (likely(shmbind_unrestricted(b, gfp)))
		return shmbind_choose_from(b, gfp, NULL, &b->pol.nodes, turn);
	return shmbind_choose_restricted(b, gfp, turn);
}

/* Only for a folio that is not on its chosen node: no cost for other faults. */
static void count_fallback(struct shmbind *b, unsigned int nr_pages)
{
	atomic_long_add(nr_pages, &b->fallback);
	count_vm_events(SHMBIND_FALLBACK, nr_pages);
}

static struct page *note_fallback(struct shmbind *b, struct page *page,
				  unsigned int order, int nid)
{
	if (page && page_to_nid(page) != nid)
		count_fallback(b, BIT(order));
	return page;
}

/*
 * Count only failures that are final. A large order is followed by smaller
 * ones. An attempt without reclaim is followed by another attempt, or the
 * caller can do without the page. A failure that is retried because another
 * thread was first is counted as well.
 */
static void count_failure(struct shmbind *b, gfp_t gfp, unsigned int order)
{
	if (order || !gfpflags_allow_blocking(gfp))
		return;
	atomic_long_inc(&b->failed);
	count_vm_event(SHMBIND_FAIL);
}

/* For an attempt that neither waits nor uses the emergency reserves */
static gfp_t gfp_no_reclaim(gfp_t gfp)
{
	return (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOMEMALLOC | __GFP_NOWARN;
}

/**
 * shmbind_readahead_gfp() - Get the GFP flags for pages that no task waits for.
 * @gfp: GFP flags.
 * @pol: The policy, may be NULL.
 *
 * Only the wanted page reclaims from a full node, or from a memory cgroup at
 * its limit. The pages that are read ahead with it do not.
 *
 * Context: Any context in which @pol cannot be freed.
 * Return: @gfp, without direct reclaim if @pol is a binding.
 */
gfp_t shmbind_readahead_gfp(gfp_t gfp, const struct mempolicy *pol)
{
	return mpol_is_shmbind(pol) ? gfp_no_reclaim(gfp) : gfp;
}

static void drain_node(int nid, enum zone_type highest_zoneidx)
{
	struct zone *zones = NODE_DATA(nid)->node_zones;
	enum zone_type i;

	for (i = 0; i <= highest_zoneidx; i++)
		if (populated_zone(zones + i))
			drain_zone_pcplists(zones + i);
}

static struct page *alloc_on_node(gfp_t gfp, unsigned int order, int nid)
{
	return __alloc_frozen_pages_noprof(gfp | __GFP_THISNODE | __GFP_NOWARN,
					   order, nid, NULL, ALLOC_DEFAULT);
}

/*
 * Allocate on that node or fail. __GFP_THISNODE also keeps the OOM killer away:
 * with a nodemask instead, it would be invoked and kill unrelated processes.
 */
static struct page *alloc_hard(gfp_t gfp, int nid)
{
	struct page *page = alloc_on_node(gfp, 0, nid);

	if (page || !gfpflags_allow_blocking(gfp))
		return page;

	/*
	 * The allocator drains the per-CPU lists only after reclaim has made
	 * progress, so pages that were freed a moment ago may still be there.
	 */
	drain_node(nid, gfp_zone(gfp));
	return alloc_on_node(gfp_no_reclaim(gfp), 0, nid);
}

/* The next candidate after @n by distance from @nid, or NUMA_NO_NODE. */
static int fallback_next(int nid, int n, nodemask_t *left)
{
	node_clear(n, *left);
	return nodes_empty(*left) ? NUMA_NO_NODE :
				    nearest_node_nodemask(nid, left);
}

/*
 * Allocate on a node of @left other than @nid, by distance from @nid. The nodes
 * are tried one by one: a walk of the zonelist would skip a node that is merely
 * below its low watermark, and zonelists are not sorted by distance alone.
 */
static struct page *alloc_by_distance(gfp_t gfp, unsigned int order, int nid,
				      nodemask_t *left)
{
	struct page *page = NULL;
	int n;

	for (n = fallback_next(nid, nid, left); !page && n != NUMA_NO_NODE;
	     n = fallback_next(nid, n, left))
		page = alloc_on_node(gfp, order, n);
	return page;
}

/* Allocate on the other candidates by distance from @nid, then on any node. */
static noinline struct page *alloc_soft_fallback(const struct shmbind *b,
						 gfp_t gfp, int nid)
{
	nodemask_t left;
	struct page *page;

	if (shmbind_candidates(b, gfp, &left)) {
		page = alloc_by_distance(gfp_no_reclaim(gfp), 0, nid, &left);
		if (page)
			return page;
	}
	return __alloc_frozen_pages_noprof(gfp, 0, nid, NULL, ALLOC_DEFAULT);
}

static struct page *alloc_soft(struct shmbind *b, gfp_t gfp, int nid)
{
	struct page *page = alloc_on_node(gfp_no_reclaim(gfp), 0, nid);

	return page ?: note_fallback(b, alloc_soft_fallback(b, gfp, nid), 0,
				     nid);
}

/*
 * Reclaim from all candidates in one walk of the slow path. __GFP_RETRY_MAYFAIL
 * keeps the OOM killer away. With __GFP_NOMEMALLOC, victims of the OOM killer
 * do not ignore the nodemask. If the cpuset loses all candidates meanwhile, the
 * walk ignores the nodemask; the caller sees that the cpuset has changed, and
 * chooses again.
 */
static struct page *alloc_reclaimed(gfp_t gfp, int nid, nodemask_t *candidates)
{
	struct page *page;
	int n;

	page = __alloc_frozen_pages_noprof(gfp | __GFP_RETRY_MAYFAIL |
					   __GFP_NOMEMALLOC | __GFP_NOWARN,
					   0, nid, candidates, ALLOC_DEFAULT);
	if (page && !node_isset(page_to_nid(page), *candidates)) {
		free_frozen_pages(page, 0);
		return NULL;
	}
	if (page)
		return page;

	/* As in alloc_hard() */
	for_each_node_mask(n, *candidates) {
		drain_node(n, gfp_zone(gfp));
		cond_resched();
	}
	gfp = gfp_no_reclaim(gfp);
	page = alloc_on_node(gfp, 0, nid);
	return page ?: alloc_by_distance(gfp, 0, nid, candidates);
}

/* Allocate on the other candidates by distance from @nid, or fail. */
static noinline struct page *alloc_mask_fallback(const struct shmbind *b,
						 gfp_t gfp, int nid)
{
	nodemask_t candidates, left;
	struct page *page;

	if (!shmbind_candidates(b, gfp, &candidates))
		return NULL;

	left = candidates;
	page = alloc_by_distance(gfp_no_reclaim(gfp), 0, nid, &left);
	if (page || !gfpflags_allow_blocking(gfp))
		return page;
	return alloc_reclaimed(gfp, nid, &candidates);
}

static struct page *alloc_mask(struct shmbind *b, gfp_t gfp, int nid)
{
	struct page *page = alloc_on_node(gfp_no_reclaim(gfp), 0, nid);

	return page ?: note_fallback(b, alloc_mask_fallback(b, gfp, nid), 0,
				     nid);
}

/*
 * A large folio falls back to another node only for SOFT without a candidate.
 * Otherwise smaller orders are tried on the same node. A confined binding
 * reclaims only for the smallest order, because otherwise it would walk the
 * slow path once for each order.
 */
static struct page *alloc_large(struct shmbind *b, gfp_t gfp,
				unsigned int order, int nid)
{
	struct page *page;

	if (mpol_is_confined(&b->pol))
		gfp = gfp_no_reclaim(gfp);
	gfp |= __GFP_NORETRY | __GFP_NOWARN;
	if (mpol_is_confined(&b->pol) || is_candidate(b, gfp, nid))
		return alloc_on_node(gfp, order, nid);
	page = __alloc_frozen_pages_noprof(gfp, order, nid, NULL, ALLOC_DEFAULT);
	return note_fallback(b, page, order, nid);
}

static struct page *shmbind_alloc_on(struct shmbind *b, gfp_t gfp,
				     unsigned int order, int nid)
{
	KUNIT_STATIC_STUB_REDIRECT(shmbind_alloc_on, b, gfp, order, nid);

	if (unlikely(nid == NUMA_NO_NODE))
		return NULL;
	if (order)
		return alloc_large(b, gfp, order, nid);
	if (b->strength == MEM_SOFTBIND)
		return alloc_soft(b, gfp, nid);
	if (b->strength == MEM_MASKBIND)
		return alloc_mask(b, gfp, nid);
	return alloc_hard(gfp, nid);
}

/*
 * Whether the cpuset or memory hotplug has invalidated the choice of an
 * allocation that failed. SOFT does not depend on a single node.
 */
static bool shmbind_stale(const struct shmbind *b, gfp_t gfp, int nid,
			  unsigned int cookie)
{
	if (read_mems_allowed_retry(cookie))
		return true;
	return mpol_is_confined(&b->pol) && nid != NUMA_NO_NODE &&
	       !is_candidate(b, gfp, nid);
}

static int shmbind_error(const struct shmbind *b)
{
	return mpol_is_confined(&b->pol) ? -ENOSPC : -ENOMEM;
}

static struct folio *frozen_page_folio(struct page *page)
{
	set_page_refcounted(page);
	return page_rmappable_folio(page);
}

/*
 * Allocate on node *@nid, or where the binding falls back to. Choose *@nid
 * first if it is NUMA_NO_NODE. Count @turn pages for it.
 */
static struct folio *alloc_chosen(gfp_t gfp, unsigned int order,
				  struct mempolicy *pol, int *nid, int turn)
{
	struct shmbind *b = to_shmbind(pol);
	unsigned int cookie;
	struct page *page;

	gfp = current_gfp_context(gfp) | __GFP_COMP;
	for (;;) {
		cookie = read_mems_allowed_begin();
		if (*nid == NUMA_NO_NODE)
			*nid = shmbind_choose(b, gfp, turn);
		else if (turn)
			stripe_charge(b, *nid, turn);
		page = shmbind_alloc_on(b, gfp, order, *nid);
		if (likely(page))
			return frozen_page_folio(page);
		stripe_return_turn(b, *nid, turn);
		if (!shmbind_stale(b, gfp, *nid, cookie))
			break;
		*nid = NUMA_NO_NODE;
	}

	count_failure(b, gfp, order);
	return ERR_PTR(shmbind_error(b));
}

/*
 * Allocate a folio that is counted when it enters the segment. It is then
 * counted for the node that it is on, because readahead for another segment may
 * have allocated it. If folios that fell back were counted only there, a full
 * node would stay due without ever getting a page, and all of its pages would
 * go to its neighbour. A fallback is therefore also counted here, for the
 * chosen node.
 */
static struct folio *alloc_uncharged(gfp_t gfp, unsigned int order,
				     struct mempolicy *pol, int *nid)
{
	struct folio *folio = alloc_chosen(gfp, order, pol, nid, 0);

	if (!IS_ERR(folio) && folio_nid(folio) != *nid)
		stripe_charge(to_shmbind(pol), *nid, BIT(order));
	return folio;
}

static void trace_alloc(struct mempolicy *pol, const struct inode *inode,
			pgoff_t index, unsigned int order, int nid,
			const struct folio *folio)
{
	struct shmbind *b = to_shmbind(pol);

	if (trace_shmbind_alloc_enabled())
		trace_shmbind_alloc(inode, index, order, b->policy, b->strength,
				    nid, IS_ERR(folio) ? NUMA_NO_NODE :
							 folio_nid(folio));
}

/*
 * Out of line, so that a fault that is not traced does not save registers. @nid
 * is NULL for a folio that is counted later.
 */
static noinline struct folio *
alloc_folio_slow(gfp_t gfp, unsigned int order, struct mempolicy *pol,
		 struct shmem_inode_info *info, pgoff_t index, int *nid)
{
	int chosen = NUMA_NO_NODE;
	struct folio *folio;

	if (nid) {
		folio = alloc_chosen(gfp, order, pol, nid, BIT(order));
		chosen = *nid;
	} else {
		folio = alloc_uncharged(gfp, order, pol, &chosen);
	}
	trace_alloc(pol, &info->vfs_inode, index, order, chosen, folio);
	return folio;
}

/**
 * shmbind_alloc_folio() - Allocate a folio for a bound segment.
 * @gfp: GFP flags.
 * @order: Order of the folio.
 * @pol: The binding.
 * @info: The segment.
 * @index: Where the folio is to enter it.
 * @nid: The chosen node; if %NUMA_NO_NODE, set to the node that is chosen here. It
 *	 stays the same while smaller orders are tried after a larger one has
 *	 failed. The folio has been counted: if it does not enter the segment, the
 *	 caller must call shmbind_return_turn(). %NULL if shmbind_charge_folio()
 *	 will count the folio when it enters.
 *
 * Context: Process context, may sleep if @gfp allows it.
 * Return: The folio, or an error pointer: %-ENOSPC if there is no room on the
 * chosen node (MEM_HARDBIND) or on any candidate (MEM_MASKBIND), or if these
 * have no candidate; %-ENOMEM if there is no room anywhere (MEM_SOFTBIND).
 */
struct folio *shmbind_alloc_folio_noprof(gfp_t gfp, unsigned int order,
					 struct mempolicy *pol,
					 struct shmem_inode_info *info,
					 pgoff_t index, int *nid)
{
	if (trace_shmbind_alloc_enabled() || !nid)
		return alloc_folio_slow(gfp, order, pol, info, index, nid);
	return alloc_chosen(gfp, order, pol, nid, BIT(order));
}

/**
 * shmbind_alloc_mpol() - Allocate a folio for folio_alloc_mpol().
 * @gfp: GFP flags.
 * @order: Order of the folio.
 * @pol: The binding.
 * @ilx: The node that shmbind_swapin() has chosen, or %NO_INTERLEAVE_INDEX for a
 *	 folio that no task waits for. Such a folio is allocated without reclaim on
 *	 the node that is chosen here, or not at all. If a confined binding has
 *	 no candidate, shmbind_swapin() passes the same value, and the
 *	 allocation fails as it should.
 *
 * Context: Process context, may sleep if @gfp allows it.
 * Return: As for shmbind_alloc_folio().
 */
struct folio *shmbind_alloc_mpol_noprof(gfp_t gfp, unsigned int order,
					struct mempolicy *pol, pgoff_t ilx)
{
	struct page *page = NULL;
	int nid = (int)ilx;

	BUILD_BUG_ON(NO_INTERLEAVE_INDEX != (pgoff_t)NUMA_NO_NODE);
	if (ilx != NO_INTERLEAVE_INDEX)
		return alloc_uncharged(gfp, order, pol, &nid);

	gfp = current_gfp_context(gfp);
	nid = shmbind_choose(to_shmbind(pol), gfp, TURN_AHEAD);
	if (nid != NUMA_NO_NODE)
		page = alloc_on_node(gfp_no_reclaim(gfp | __GFP_COMP), order,
				     nid);
	return page ? frozen_page_folio(page) :
		      ERR_PTR(shmbind_error(to_shmbind(pol)));
}

#ifdef CONFIG_HUGETLBFS
static bool hugetlb_has_free_surplus(const struct hstate *h)
{
	int nid;

	/* Written under hugetlb_lock, which not every caller holds */
	if (!READ_ONCE(h->surplus_huge_pages))
		return false;

	for_each_node_state(nid, N_MEMORY) {
		if (READ_ONCE(h->surplus_huge_pages_node[nid]) &&
		    node_free_huge_pages(h, nid))
			return true;
	}
	return false;
}

/**
 * hugetlb_surplus_possible() - Tell whether a fault may make a surplus page.
 * @h: The huge page size.
 * @alloc_flags: As for hugetlb_alloc_folio().
 *
 * At the limit of surplus pages, a new one can take the place of one that is
 * free on another node.
 *
 * Context: Any context. The answer may be outdated unless hugetlb_lock is held.
 * Return: True if hugetlb_alloc_folio() may make one for a binding.
 */
bool hugetlb_surplus_possible(struct hstate *h, u8 alloc_flags)
{
	if (hstate_is_gigantic(h) && !gigantic_page_runtime_supported())
		return false;
	if (!(alloc_flags & HUGETLB_ALLOC_NO_GROWTH) &&
	    READ_ONCE(h->surplus_huge_pages) <
	    READ_ONCE(h->nr_overcommit_huge_pages))
		return true;
	return hugetlb_may_dequeue(h, alloc_flags) &&
	       hugetlb_has_free_surplus(h);
}

/* Remove from @candidates the nodes that have no huge page, free or in use. */
static void drop_nodes_without_pages(const struct hstate *h,
				     nodemask_t *candidates)
{
	int nid;

	for_each_node_mask(nid, *candidates)
		/* Written under hugetlb_lock; a choice may be outdated anyway */
		if (!READ_ONCE(h->nr_huge_pages_node[nid]))
			node_clear(nid, *candidates);
}

/*
 * Point *@candidates to the mask itself if all its nodes are candidates, which
 * is the common case; otherwise fill in @space and point *@candidates to it. A
 * node that has no huge page is not a candidate unless its pool can get one at
 * this fault. Check only the chosen node for that at first: walking the mask
 * would cost more than the choice.
 */
static int hugetlb_choose(struct shmbind *b, struct hstate *h,
			  nodemask_t **candidates, nodemask_t *space,
			  u8 alloc_flags)
{
	unsigned int turn = pages_per_huge_page(h);
	gfp_t gfp = current_gfp_context(htlb_alloc_mask(h));
	int nid;

	*candidates = &b->pol.nodes;
	if (unlikely(!shmbind_unrestricted(b, gfp))) {
		*candidates = space;
		if (!shmbind_candidates(b, gfp, space))
			return NUMA_NO_NODE;
	}

	nid = shmbind_choose_from(b, gfp, h, *candidates, turn);
	/* As in drop_nodes_without_pages() */
	if (likely(READ_ONCE(h->nr_huge_pages_node[nid])) ||
	    hugetlb_surplus_possible(h, alloc_flags))
		return nid;

	stripe_return_turn(b, nid, turn);
	if (*candidates != space)
		*space = **candidates;
	*candidates = space;
	drop_nodes_without_pages(h, space);
	if (nodes_empty(*space))
		return NUMA_NO_NODE;
	return shmbind_choose_from(b, gfp, h, space, turn);
}

/* Allocate on that node, from the pool or as a surplus page, or fail. */
static struct folio *hugetlb_alloc_on_node(struct hstate *h, int nid,
					   struct mm_struct *mm, u8 alloc_flags)
{
	struct mempolicy_interpreted mpoli = {
		.nid = nid,
		.mode = MPOL_SHMBIND,
	};

	return hugetlb_alloc_folio(h, &mpoli, mm, alloc_flags);
}

/*
 * Allocate on the nearest candidate to @nid that can provide a page. Skip the
 * others without an attempt, because each attempt charges the controllers.
 */
static struct folio *hugetlb_by_distance(struct hstate *h, int nid,
					 const nodemask_t *candidates,
					 struct mm_struct *mm, u8 alloc_flags)
{
	nodemask_t left = *candidates;
	struct folio *folio;
	int n;

	for (n = nid; n != NUMA_NO_NODE; n = fallback_next(nid, n, &left)) {
		if (!node_free_huge_pages(h, n) &&
		    !hugetlb_surplus_possible(h, alloc_flags))
			continue;
		folio = hugetlb_alloc_on_node(h, n, mm, alloc_flags);
		if (!IS_ERR(folio))
			return folio;
		/*
		 * The node has a page, so this was a controller's limit, which
		 * applies on other nodes as well. A long-term pin is different:
		 * it cannot use every free page.
		 */
		if (node_free_huge_pages(h, n) &&
		    hugetlb_may_dequeue(h, alloc_flags) &&
		    !(current->flags & PF_MEMALLOC_PIN))
			break;
	}
	return ERR_PTR(-ENOSPC);
}

/* Whether no pool of @nodes has a page that the fault may take. */
static bool hugetlb_pools_empty(const struct hstate *h, const nodemask_t *nodes,
				u8 alloc_flags)
{
	int nid;

	if (!hugetlb_may_dequeue(h, alloc_flags))
		return true;

	for_each_node_mask(nid, *nodes)
		if (node_free_huge_pages(h, nid))
			return false;
	return true;
}

/*
 * Use the pools before growing them: first those of the candidates, then, for
 * SOFT, all others. Exchanging a free surplus page is not growth. The
 * candidates are tried one by one because zonelists are not sorted by distance
 * alone. The last attempt reclaims.
 */
static noinline struct folio *hugetlb_fallback(const struct shmbind *b,
					       struct hstate *h, int nid,
					       nodemask_t *candidates,
					       struct mm_struct *mm,
					       u8 alloc_flags)
{
	struct mempolicy_interpreted mpoli = {
		.nid = nid == NUMA_NO_NODE ? numa_node_id() : nid,
		.mode = MPOL_DEFAULT,
	};
	const nodemask_t *pools = &cpuset_current_mems_allowed;
	u8 gentle = alloc_flags | HUGETLB_ALLOC_NO_RECLAIM;
	struct folio *folio;

	if (b->strength == MEM_MASKBIND) {
		pools = candidates;
		mpoli.mode = MPOL_SHMBIND;
		mpoli.nodemask = candidates;
	}

	folio = hugetlb_by_distance(h, nid, candidates, mm,
				    gentle | HUGETLB_ALLOC_NO_GROWTH);
	if (IS_ERR(folio) && hugetlb_pools_empty(h, pools, alloc_flags))
		folio = hugetlb_by_distance(h, nid, candidates, mm, gentle);
	if (!IS_ERR(folio))
		return folio;

	return hugetlb_alloc_folio(h, &mpoli, mm, alloc_flags);
}

static struct folio *hugetlb_alloc_near(const struct shmbind *b,
					struct hstate *h, int nid,
					nodemask_t *candidates,
					struct mm_struct *mm, u8 alloc_flags)
{
	struct folio *folio;

	if (nid != NUMA_NO_NODE && node_free_huge_pages(h, nid)) {
		folio = hugetlb_alloc_on_node(h, nid, mm, alloc_flags |
					      HUGETLB_ALLOC_NO_RECLAIM |
					      HUGETLB_ALLOC_NO_GROWTH);
		if (!IS_ERR(folio))
			return folio;
	}
	return hugetlb_fallback(b, h, nid, candidates, mm, alloc_flags);
}

/*
 * Whether the pool's last page was taken after MEM_MOSTFREE had chosen the
 * node.
 */
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

/*
 * Choose a node, *@chosen, and allocate there or where the binding falls back
 * to.
 */
static struct folio *hugetlb_alloc_chosen(struct hstate *h,
					  struct mempolicy *pol,
					  struct mm_struct *mm, u8 alloc_flags,
					  int *chosen)
{
	struct folio *folio;
	struct shmbind *b = to_shmbind(pol);
	unsigned int turn = pages_per_huge_page(h);
	gfp_t gfp = current_gfp_context(htlb_alloc_mask(h));
	nodemask_t space, *candidates;
	unsigned int cookie;
	int nid;

	for (;;) {
		cookie = read_mems_allowed_begin();
		nid = hugetlb_choose(b, h, &candidates, &space, alloc_flags);
		*chosen = nid;
		if (mpol_is_confined(pol) && nid == NUMA_NO_NODE)
			folio = ERR_PTR(-ENOSPC);
		else if (b->strength == MEM_HARDBIND)
			folio = hugetlb_alloc_on_node(h, nid, mm, alloc_flags);
		else
			folio = hugetlb_alloc_near(b, h, nid, candidates, mm,
						   alloc_flags);
		if (!IS_ERR(folio)) {
			/* The turn to return if the folio is not used */
			if (folio_nid(folio) != nid)
				stripe_charge(b, folio_nid(folio), turn);
			if (folio_nid(folio) != nid && nid != NUMA_NO_NODE)
				count_fallback(b, turn);
			return folio;
		}

		stripe_return_turn(b, nid, turn);
		if (!shmbind_stale(b, gfp, nid, cookie) &&
		    (nid == NUMA_NO_NODE ||
		     !hugetlb_overtaken(b, h, nid, candidates)))
			break;
	}

	/* If the node has pages, a controller's limit was hit: do not count */
	if (nid == NUMA_NO_NODE || !node_free_huge_pages(h, nid) ||
	    !hugetlb_may_dequeue(h, alloc_flags))
		count_failure(b, gfp, 0);
	return folio;
}

/**
 * shmbind_alloc_hugetlb_folio() - Allocate a huge page for a bound segment.
 * @h: The huge page size.
 * @pol: The binding.
 * @vma: The mapping that it is for.
 * @addr: The address.
 * @alloc_flags: As for hugetlb_alloc_folio().
 *
 * Only the node is chosen here; reservations and charges are those of any
 * allocation by hugetlb_alloc_folio(). If the folio does not enter the segment,
 * the caller must call shmbind_return_hugetlb_turn().
 *
 * Context: Process context, may sleep.
 * Return: The folio, or %-ENOSPC as from hugetlb_alloc_folio().
 */
struct folio *shmbind_alloc_hugetlb_folio(struct hstate *h,
					  struct mempolicy *pol,
					  struct vm_area_struct *vma,
					  unsigned long addr, u8 alloc_flags)
{
	struct folio *folio;
	int nid;

	folio = hugetlb_alloc_chosen(h, pol, vma->vm_mm, alloc_flags, &nid);
	trace_alloc(pol, file_inode(vma->vm_file), linear_page_index(vma, addr),
		    huge_page_order(h), nid, folio);
	return folio;
}

/**
 * shmbind_return_hugetlb_turn() - Return the turn of a huge page that is not
 * used.
 * @vma: The mapping that it was allocated for, bound or not.
 * @addr: The address.
 * @folio: The huge page. After a fallback it is counted for the chosen node and for
 *	   the node that it is on; only the latter turn is returned.
 *
 * Context: Process context in which @vma cannot go away.
 */
void shmbind_return_hugetlb_turn(struct vm_area_struct *vma, unsigned long addr,
				 struct folio *folio)
{
	struct mempolicy *pol;
	pgoff_t ilx;

	pol = get_vma_policy(vma, addr, folio_order(folio), &ilx);
	if (mpol_is_shmbind(pol))
		stripe_return_turn(to_shmbind(pol), folio_nid(folio),
				   folio_nr_pages(folio));
	mpol_cond_put(pol);
}
#endif /* CONFIG_HUGETLBFS */

/* The policy of a page of a bound segment; the caller calls mpol_cond_put(). */
static struct mempolicy *shmem_index_policy(struct shmem_inode_info *info,
					    pgoff_t index)
{
	if (likely(!info->policy.root.rb_node))
		return shmem_binding(info);
	return mpol_shared_policy_lookup(&info->policy, index);
}

/* The policy of a page if it is a binding, otherwise NULL. */
static struct mempolicy *shmem_index_binding(struct shmem_inode_info *info,
					     pgoff_t index)
{
	struct mempolicy *pol = shmem_index_policy(info, index);

	if (mpol_is_shmbind(pol))
		return pol;
	mpol_cond_put(pol);
	return NULL;
}

/* Trace each attempt. If @order is not 0, try a large folio first. */
static noinline struct folio *swapin_by_binding(struct mempolicy *pol,
						struct shmem_inode_info *info,
						pgoff_t index, swp_entry_t swap,
						int order, gfp_t gfp,
						struct vm_fault *vmf, int nid)
{
	struct folio *folio;

	if (order) {
		folio = swapin_sync(swap, gfp, BIT(order), vmf, pol, nid);
		trace_alloc(pol, &info->vfs_inode,
			    round_down(index, BIT(order)), order, nid, folio);
		if (!IS_ERR(folio))
			return folio;
	}
	folio = swapin_sync(swap, gfp, BIT(0), vmf, pol, nid);
	trace_alloc(pol, &info->vfs_inode, index, 0, nid, folio);
	return folio;
}

/*
 * Read the wanted page first; only that one may reclaim. The readahead that
 * follows only takes free memory on the chosen nodes.
 */
static noinline struct folio *swapin_around(struct mempolicy *pol,
					    struct shmem_inode_info *info,
					    pgoff_t index, swp_entry_t swap,
					    gfp_t gfp, struct vm_fault *vmf,
					    int nid)
{
	struct folio *folio, *ahead;
	struct blk_plug plug;

	blk_start_plug(&plug);
	folio = swapin_by_binding(pol, info, index, swap, 0, gfp, vmf, nid);
	if (!IS_ERR(folio)) {
		ahead = swap_cluster_readahead(swap, gfp_no_reclaim(gfp), pol,
					       NO_INTERLEAVE_INDEX);
		if (!IS_ERR_OR_NULL(ahead))
			folio_put(ahead);
	}
	blk_finish_plug(&plug);
	return folio;
}

/* Swap in by a policy that mbind(2) has set, as shmem_swapin_folio() does. */
static noinline struct folio *swapin_by_range(struct mempolicy *pol, u64 ino,
					      pgoff_t index, swp_entry_t swap,
					      int order, gfp_t gfp,
					      struct vm_fault *vmf, bool sync)
{
	struct folio *folio;

	if (!sync)
		return swap_cluster_readahead(swap, gfp, pol, ino + index);
	if (order) {
		folio = swapin_sync(swap, gfp, BIT(order), vmf, pol,
				    ino + (index >> order));
		if (!IS_ERR(folio))
			return folio;
	}
	return swapin_sync(swap, gfp, BIT(0), vmf, pol, ino + index);
}

/**
 * shmbind_swapin() - Swap in a page of a bound segment.
 * @info: The segment.
 * @index: The page.
 * @swap: Its swap entry.
 * @order: Order of the entry.
 * @gfp: GFP flags.
 * @vmf: The fault, or NULL.
 * @swapoff: True for swapoff(2), which must not fail because a node is full: the
 *	     page follows the binding if there is room, and goes elsewhere if not.
 *
 * The policy is looked up only here: mbind(2) may change it at any time.
 *
 * Context: Process context, may sleep.
 * Return: The folio, or an error pointer as from swapin_sync() and
 * shmbind_alloc_folio(); %NULL if there is no memory.
 */
struct folio *shmbind_swapin(struct shmem_inode_info *info, pgoff_t index,
			     swp_entry_t swap, int order, gfp_t gfp,
			     struct vm_fault *vmf, bool swapoff)
{
	struct mempolicy *pol = shmem_index_policy(info, index);
	bool elsewhere = swapoff && mpol_is_confined(pol);
	gfp_t bound_gfp = elsewhere ? gfp_no_reclaim(gfp) : gfp;
	struct folio *folio;
	bool sync;
	int nid;

	/* As in shmem_swap_alloc_folio() */
	if (order && ((vmf && userfaultfd_armed(vmf->vma)) ||
		      !zswap_never_enabled()))
		order = 0;

	/* Racy as in shmem_swapin_folio(): either way of reading is right */
	sync = data_race(__swap_entry_to_info(swap)->flags & SWP_SYNCHRONOUS_IO);
	if (unlikely(!mpol_is_shmbind(pol))) {
		folio = swapin_by_range(pol, info->vfs_inode.i_ino, index, swap,
					order, gfp, vmf, sync);
		mpol_cond_put(pol);
		return folio;
	}

	nid = shmbind_choose(to_shmbind(pol), current_gfp_context(bound_gfp), 0);
	if (!sync)
		folio = swapin_around(pol, info, index, swap, bound_gfp, vmf,
				      nid);
	else if (order || trace_shmbind_alloc_enabled())
		folio = swapin_by_binding(pol, info, index, swap, order,
					  bound_gfp, vmf, nid);
	else
		folio = swapin_sync(swap, bound_gfp, BIT(0), vmf, pol, nid);
	if (!IS_ERR(folio))
		return folio;

	/* Without a candidate, the allocation looks like readahead */
	if (nid == NUMA_NO_NODE && folio == ERR_PTR(-ENOSPC))
		count_failure(to_shmbind(pol), bound_gfp, 0);
	stripe_return_turn(to_shmbind(pol), nid, 0);
	if (!elsewhere)
		return folio;

	folio = swapin_sync(swap, gfp, BIT(0), vmf, get_task_policy(current),
			    NO_INTERLEAVE_INDEX);
	if (!IS_ERR(folio) && mpol_excludes_node(pol, folio_nid(folio)))
		count_fallback(to_shmbind(pol), 1);
	return folio;
}

/* See shmbind_charge_folio(). */
void __shmbind_charge_folio(struct shmem_inode_info *info, pgoff_t index,
			    struct folio *folio)
{
	struct mempolicy *pol = shmem_index_binding(info, index);

	if (pol)
		stripe_charge(to_shmbind(pol), folio_nid(folio),
			      folio_nr_pages(folio));
}

/*
 * The binding of the segment that a folio belongs to. Called with RCU held or
 * with the folio locked; the inode and the binding may be freed afterwards.
 */
static struct mempolicy *folio_binding(const struct folio *folio)
{
	struct address_space *mapping = folio_mapping(folio);

	if (folio_test_hugetlb(folio))
		return hugetlb_folio_binding(folio);
	if (mapping && shmem_mapping(mapping))
		return shmem_binding(SHMEM_I(mapping->host));
	return NULL;
}

/**
 * folio_is_confined() - Tell whether a folio may be on certain nodes only.
 * @folio: The folio, locked.
 *
 * Context: Any context.
 * Return: True if the folio is in a segment with mpol_is_confined().
 */
bool folio_is_confined(const struct folio *folio)
{
	return shmbind_ever_confined() && mpol_is_confined(folio_binding(folio));
}

/**
 * vma_is_shmbound() - Tell whether a mapping maps a bound segment.
 * @vma: The mapping.
 *
 * Context: The mapping must not go away.
 * Return: True if the segment has a binding, even where ranges have policies.
 * Always false for SHM_HUGETLB, where mbind(2) policies belong to the mapping.
 */
bool vma_is_shmbound(struct vm_area_struct *vma)
{
	struct address_space *mapping;

	if (!vma->vm_file)
		return false;
	mapping = vma->vm_file->f_mapping;
	return shmem_mapping(mapping) && shmem_binding(SHMEM_I(mapping->host));
}

/*
 * Whether a binding confines moves for this reason. Moves that are requested
 * explicitly, such as MR_SYSCALL and MR_MEMORY_HOTPLUG, are not confined.
 * Compaction stays within a zone anyway.
 */
static bool move_is_confined(enum migrate_reason reason)
{
	switch (reason) {
	case MR_MEMORY_FAILURE:
	case MR_CONTIG_RANGE:
	case MR_LONGTERM_PIN:
	case MR_DEMOTION:
	case MR_DAMON:
		return true;
	default:
		return false;
	}
}

/**
 * shmbind_confine_move() - Restrict where the kernel may move a folio.
 * @folio: The folio, isolated.
 * @reason: Why it is moved, one of enum migrate_reason.
 * @nodes: Set to the nodes that it may go to, if it may not go to all.
 *
 * A folio in the swap cache does not identify its segment, and a fault may map
 * it before it has been moved. Such a folio therefore stays on its node once
 * there has been a confined segment.
 *
 * Context: Any context.
 * Return: True if @nodes has been set.
 */
bool shmbind_confine_move(const struct folio *folio, int reason,
			  nodemask_t *nodes)
{
	struct mempolicy *pol;

	if (!shmbind_ever_confined() || !move_is_confined(reason) ||
	    folio_test_anon(folio) || page_has_movable_ops(&folio->page))
		return false;

	/* Read the mapping first: the folio may be entering the swap cache */
	guard(rcu)();
	pol = folio_binding(folio);
	if (mpol_is_confined(pol))
		*nodes = pol->nodes;
	else if (!pol && folio_test_swapbacked(folio) &&
		 (folio_test_swapcache(folio) || !folio_mapping(folio)))
		init_nodemask_of_node(nodes, folio_nid(folio));
	else
		return false;
	return true;
}

/* Choose by offset, in proportion to the weights of this round. */
static int weighted_choose_by_offset(struct shmbind *b,
				     const nodemask_t *candidates, pgoff_t offset)
{
	struct stripe *s = &b->stripe;
	unsigned int sum = 0, left;
	int nid;

	guard(spinlock)(&s->lock);
	stripe_begin(b);
	for_each_node_mask(nid, *candidates)
		sum += s->node[nid].weight;
	left = offset % sum;
	for_each_node_mask(nid, *candidates) {
		if (left < s->node[nid].weight)
			break;
		left -= s->node[nid].weight;
	}
	return nid;
}

static int stripe_choose_by_offset(struct shmbind *b,
				   const nodemask_t *candidates, pgoff_t offset)
{
	if (b->policy == MEM_WEIGHTED)
		return weighted_choose_by_offset(b, candidates, offset);
	return find_nth_bit(candidates->bits, MAX_NUMNODES,
			    offset % nodes_weight(*candidates));
}

/*
 * Choose the node for a page that is already in the segment and has been
 * counted. A stripe chooses by offset here, so that a repeated attempt gets the
 * same node.
 */
static int choose_again(struct shmbind *b, gfp_t gfp, struct folio *folio,
			nodemask_t *candidates)
{
	const struct hstate *h = NULL;

	if (b->pol.flags & MPOL_F_STRIPE)
		return stripe_choose_by_offset(b, candidates, folio->index >>
					       folio_order(folio));
	if (folio_test_hugetlb(folio))
		h = folio_hstate(folio);
	return shmbind_choose_from(b, gfp, h, candidates, 0);
}

/*
 * Allocate on @nid, or on another node of @candidates. Reclaim only from @nid.
 */
static struct folio *alloc_within(gfp_t gfp, unsigned int order, int nid,
				  nodemask_t *candidates)
{
	gfp_t gentle = gfp_no_reclaim(gfp);
	struct page *page;

	page = alloc_on_node(gentle, order, nid);
	if (!page)
		page = alloc_by_distance(gentle, order, nid, candidates);
	if (!page)
		page = alloc_on_node(gfp, order, nid);
	return page ? frozen_page_folio(page) : NULL;
}

static gfp_t move_gfp(struct folio *src)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_RETRY_MAYFAIL;

	if (folio_test_hugetlb(src))
		gfp = htlb_alloc_mask(folio_hstate(src));
	else if (folio_test_large(src))
		gfp = GFP_TRANSHUGE;
	return current_gfp_context(gfp);
}

static struct folio *alloc_again(struct folio *src, struct mempolicy *pol)
{
	struct shmbind *b = to_shmbind(pol);
	gfp_t gfp = move_gfp(src);
	bool in_mask = node_isset(folio_nid(src), pol->nodes);
	nodemask_t candidates;
	struct folio *dst;
	int nid;

	/*
	 * The CPU that faulted is unknown, so no other node of the mask is
	 * better
	 */
	if (b->policy == MEM_FIRSTREF && in_mask)
		return ERR_PTR(-ENOSPC);
	if (!shmbind_candidates(b, gfp, &candidates))
		return ERR_PTR(-ENOSPC);
	nid = choose_again(b, gfp, src, &candidates);
	if (nid == folio_nid(src))
		return ERR_PTR(-ENOSPC);
	/* From a node of the mask, move to the chosen node only */
	if (in_mask)
		init_nodemask_of_node(&candidates, nid);

	if (folio_test_hugetlb(src))
		dst = alloc_hugetlb_folio_nodemask(folio_hstate(src), nid,
						   &candidates, gfp, true);
	else
		dst = alloc_within(gfp, folio_order(src), nid, &candidates);
	if (dst)
		return dst;

	/* The caller splits it, as mbind(2) does for other policies */
	if (!in_mask && folio_test_large(src) && !folio_test_hugetlb(src))
		return NULL;
	return ERR_PTR(-ENOSPC);
}

/**
 * shmbind_alloc_move() - Allocate for a folio that is to follow its binding.
 * @src: The folio, isolated.
 * @dst: Set to the new folio, which is on a node of the mask; to %NULL if @src is
 *	 to be split and moved in pieces; to an error pointer if it stays where it is.
 *
 * For MPOL_DEFAULT of mbind(2) with MPOL_MF_MOVE. A stripe spreads the pages
 * by their offset. A folio of MEM_FIRSTREF that is on a node of the mask stays
 * there.
 *
 * Context: Process context, may sleep.
 * Return: False if @src is not in a bound segment.
 */
bool shmbind_alloc_move(struct folio *src, struct folio **dst)
{
	struct mempolicy *pol;

	scoped_guard(rcu) {
		pol = folio_binding(src);
		if (pol && !atomic_inc_not_zero(&pol->refcnt))
			pol = NULL;
	}
	if (!pol)
		return false;

	*dst = alloc_again(src, pol);
	mpol_put(pol);
	return true;
}

/**
 * shmbind_promotion_node() - Choose where a folio on slow memory is promoted
 * to.
 * @pol: The binding of its segment.
 * @folio: The folio.
 *
 * Context: Any context in which @pol cannot be freed, does not sleep.
 * Return: A node of the mask in the top tier, by the policy; %NUMA_NO_NODE if
 * there is none, or if the folio is already in the top tier.
 */
int shmbind_promotion_node(struct mempolicy *pol, struct folio *folio)
{
	struct shmbind *b = to_shmbind(pol);
	gfp_t gfp = current_gfp_context(GFP_HIGHUSER_MOVABLE);
	nodemask_t candidates;
	int nid;

	if (node_is_toptier(folio_nid(folio)) ||
	    !shmbind_candidates(b, gfp, &candidates))
		return NUMA_NO_NODE;

	for_each_node_mask(nid, candidates)
		if (!node_is_toptier(nid))
			node_clear(nid, candidates);
	if (nodes_empty(candidates))
		return NUMA_NO_NODE;
	return choose_again(b, gfp, folio, &candidates);
}

static const char *shmbind_policy_name(unsigned int policy)
{
	switch (policy) {
	case MEM_STRIPE:
		return "stripe";
	case MEM_WEIGHTED:
		return "weighted";
	case MEM_MOSTFREE:
		return "mostfree";
	default:
		return "firstref";
	}
}

static const char *shmbind_strength_name(unsigned int strength)
{
	switch (strength) {
	case MEM_HARDBIND:
		return "hard";
	case MEM_MASKBIND:
		return "mask";
	default:
		return "soft";
	}
}

/**
 * shmbind_show() - Print a binding, e.g. "shmbind=stripe|hard:0-3".
 * @m: The file to print to.
 * @pol: The binding.
 *
 * Context: Any context in which @pol cannot be freed.
 */
void shmbind_show(struct seq_file *m, const struct mempolicy *pol)
{
	seq_printf(m, "shmbind=%s|%s:%*pbl",
		   shmbind_policy_name(to_shmbind(pol)->policy),
		   shmbind_strength_name(to_shmbind(pol)->strength),
		   nodemask_pr_args(&pol->nodes));
}

/**
 * shmbind_read_counts() - Read how often a binding fell back or failed.
 * @pol: The binding.
 * @fallback: Set to the number of base pages that were allocated on another node
 *	      than the chosen one, since the binding was made.
 * @failed: Set to the number of allocations that were refused.
 *
 * Context: Any context in which @pol cannot be freed.
 */
void shmbind_read_counts(const struct mempolicy *pol, unsigned long *fallback,
			 unsigned long *failed)
{
	*fallback = atomic_long_read(&to_shmbind(pol)->fallback);
	*failed = atomic_long_read(&to_shmbind(pol)->failed);
}

/**
 * shmbind_count_pages() - Count a batch of a segment's resident pages by node.
 * @mapping: The segment's page cache.
 * @index: Where to begin, 0 for the first batch; set to where the next begins.
 * @pages: Array of nr_node_ids counters of base pages, to which this adds.
 *
 * Context: Called with RCU held, which alone keeps @mapping alive, and with
 * memory hotplug excluded by get_online_mems(), since pages are not pinned.
 * Return: False at the end.
 */
bool shmbind_count_pages(struct address_space *mapping, pgoff_t *index,
			 unsigned long *pages)
{
	XA_STATE(xas, &mapping->i_pages, *index);
	unsigned int nr = 0, order;
	struct folio *folio;

	xas_for_each(&xas, folio, ULONG_MAX) {
		if (xas_retry(&xas, folio))
			continue;
		order = xas_get_order(&xas);
		if (!xa_is_value(folio))
			pages[folio_nid(folio)] += 1UL << order;
		if (++nr == SHMBIND_COUNT_BATCH) {
			*index = round_down(xas.xa_index, 1UL << order) +
				 (1UL << order);
			return true;
		}
	}
	return false;
}

#ifdef CONFIG_SHMBIND_KUNIT_TEST
#include "tests/shmbind_kunit.c"
#endif
