// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the choice of nodes where it does not depend on free memory:
 * rounds of stripes, weights, masks from user space, order of fallback, choices
 * that are overtaken.
 * Included by mm/shmbind.c.
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/mman.h>

/* Nodes of the tests. The machine need not have them. */
#define KUNIT_NODES	4

/* For one test, replaces /sys/kernel/mm/mempolicy/weighted_interleave */
static u8 test_weights[KUNIT_NODES];

static u8 test_weight(int nid)
{
	return test_weights[nid];
}

static void set_weights(u8 w0, u8 w1, u8 w2, u8 w3)
{
	test_weights[0] = w0;
	test_weights[1] = w1;
	test_weights[2] = w2;
	test_weights[3] = w3;
}

/* A stripe over the first @nr_nodes nodes that begins at node 0. */
static struct shmbind *new_stripe(struct kunit *test, int policy, int nr_nodes)
{
	struct shmbind *b;
	int nid;

	b = kunit_kzalloc(test, struct_size(b, stripe.node, KUNIT_NODES),
			  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b);

	b->policy = policy;
	b->strength = MEM_SOFTBIND;
	b->pol.mode = MPOL_SHMBIND;
	b->pol.flags = MPOL_F_STRIPE;
	for (nid = 0; nid < nr_nodes; nid++)
		node_set(nid, b->pol.nodes);
	stripe_init(&b->stripe, &b->pol.nodes);
	b->stripe.next = 0;
	kunit_activate_static_stub(test, stripe_weight, test_weight);
	return b;
}

/*
 * Expect that the next choices of @b among @candidates are the nodes in
 * @expected, such as "0 1 2 0". Each choice is for @turn pages.
 */
static void expect_choices(struct kunit *test, struct shmbind *b,
			   const nodemask_t *candidates, int turn,
			   const char *expected)
{
	char chosen[64] = "";
	int len = 0;

	while (len < strlen(expected))
		len += scnprintf(chosen + len, sizeof(chosen) - len, "%s%d",
				 len ? " " : "",
				 stripe_choose(b, candidates, turn));
	KUNIT_EXPECT_STREQ(test, chosen, expected);
}

/* expect_choices() for base pages and the whole mask. */
static void expect_turns(struct kunit *test, struct shmbind *b,
			 const char *expected)
{
	expect_choices(test, b, &b->pol.nodes, 1, expected);
}

/*
 *	round		1	2	3
 *	node 0		0	0	0
 *	node 1		1	1	1
 *	node 2		2	2	2
 */
static void stripe_takes_turns(struct kunit *test)
{
	expect_turns(test, new_stripe(test, MEM_STRIPE, 3),
		     "0 1 2 0 1 2 0 1 2");
}

/*
 * A folio of four pages at (*) pays for rounds 1 to 4:
 *
 *	round		1	2	3	4	5
 *	node 0		0*	.	.	.	0
 *	node 1		1	1	1	1	1
 *	node 2		2	2	2	2	2
 */
static void stripe_counts_large_folios_by_pages(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);

	expect_choices(test, b, &b->pol.nodes, 4, "0");
	expect_turns(test, b, "1 2 1 2 1 2 1 2");
	expect_turns(test, b, "0 1 2 0");
}

/*
 * The turns at (-) are returned, and taken again at once. The second is the
 * last of round 1:
 *
 *	round		1	2
 *	node 0		0	0
 *	node 1		1- 1	1
 *	node 2		2- 2	2
 */
static void stripe_takes_a_returned_turn_again(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);

	expect_turns(test, b, "0 1");
	stripe_return_turn(b, 1, 1);
	expect_turns(test, b, "1 2");
	stripe_return_turn(b, 2, 1);
	expect_turns(test, b, "2 0 1 2");
}

/*
 * Two threads wait for a page of node 1, each at the end of a round, and return
 * their turns (-). Node 0 is not due until node 1 has caught up:
 *
 *	round		1	2	1	2	3
 *	node 0		0	0	.	.	0
 *	node 1		1-	1-	1	1	1
 */
static void stripe_does_not_pass_returned_turns(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 2);

	expect_turns(test, b, "0 1 0 1");
	stripe_return_turn(b, 1, 1);
	stripe_return_turn(b, 1, 1);
	expect_turns(test, b, "1 1 0 1");
}

/* More pages can be returned than were counted if mbind(2) came between. */
static void stripe_never_counts_less_than_nothing(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);

	stripe_return_turn(b, 0, 8);
	expect_turns(test, b, "0 1 2 0 1 2");
}

/*
 * A cpuset restricts a task to nodes 0 and 1 for two rounds. Node 2 keeps its
 * turn of round 1, but does not catch up on what the others took after that:
 *
 *	cpuset		0-1	0-1	all	all
 *	node 0		0	0	.	0
 *	node 1		1	1	.	1
 *	node 2		.	.	2	2
 */
static void stripe_does_not_catch_up_after_a_cpuset(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);
	nodemask_t narrow = b->pol.nodes;

	node_clear(2, narrow);
	expect_choices(test, b, &narrow, 1, "0 1 0 1");
	expect_turns(test, b, "2 0 1 2 0 1 2");
}

/*
 * Three pages that readahead brought to node 0 enter the segment at (+). They
 * count, so the other nodes catch up:
 *
 *	round		1	2	3	4
 *	node 0		+	+	+	0
 *	node 1		1	1	1	1
 *	node 2		2	2	2	2
 */
static void stripe_counts_pages_that_enter(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);

	stripe_charge(b, 0, 3);
	expect_turns(test, b, "1 2 1 2 1 2");
	expect_turns(test, b, "0 1 2");
}

/* Pages on nodes outside the mask do not count. */
static void stripe_counts_pages_of_its_mask_only(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);

	KUNIT_EXPECT_TRUE(test, stripe_counts_node(b, 0));
	KUNIT_EXPECT_FALSE(test, stripe_counts_node(b, 3));
	KUNIT_EXPECT_FALSE(test, stripe_counts_node(b, NUMA_NO_NODE));
}

/*
 * Nodes 1 and 2 are chosen for readahead at (~), and still have their turns of
 * round 1:
 *
 *	round		1	2
 *	node 0		0	0
 *	node 1		~ 1	1
 *	node 2		~ 2	2
 */
static void stripe_does_not_count_readahead(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);

	expect_turns(test, b, "0");
	expect_choices(test, b, &b->pol.nodes, TURN_AHEAD, "1 2");
	expect_turns(test, b, "1 2 0 1 2");
}

/* Readahead uses the nodes in turn, although its choices do not count. */
static void stripe_takes_turns_for_readahead(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);

	expect_choices(test, b, &b->pol.nodes, TURN_AHEAD, "0 1 2 0 1");
}

/*
 * Node 0 is not due in round 1, so readahead goes past it there. Its choices (~)
 * for the following rounds are not counted:
 *
 *	round		1	2	3
 *	node 0		0	  ~	  ~
 *	node 1		~	~	~
 *	node 2		~	~	~
 */
static void stripe_reads_ahead_past_nodes_not_due(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);

	expect_turns(test, b, "0");
	expect_choices(test, b, &b->pol.nodes, TURN_AHEAD, "1 2 1 2 0 1 2 0");
	expect_turns(test, b, "1 2 0 1 2");
}

/* A HARD stripe chooses a full node again and again until it has room. */
static void stripe_stops_at_a_full_node(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, 3);

	expect_turns(test, b, "0 1");
	stripe_return_turn(b, 1, 1);
	expect_turns(test, b, "1");
	stripe_return_turn(b, 1, 1);
	expect_turns(test, b, "1 2 0 1 2");
}

/*
 * Weights 3, 1, 2:
 *
 *	round		1		2
 *	node 0		0 0 0		0 0 0
 *	node 1		      1		      1
 *	node 2			2 2		2 2
 */
static void weighted_takes_turns_by_weight(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_WEIGHTED, 3);

	set_weights(3, 1, 2, 0);
	expect_turns(test, b, "0 0 0 1 2 2 0 0 0 1 2 2");
}

/*
 * The weights become 1, 1, 2 at (|), in the middle of round 1:
 *
 *	round		1		2	3
 *	node 0		0 |0 0		0	0
 *	node 1			1	1	1
 *	node 2			2 2	2 2	2 2
 */
static void weighted_changes_at_the_next_round(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_WEIGHTED, 3);

	set_weights(3, 1, 2, 0);
	expect_turns(test, b, "0");
	set_weights(1, 1, 2, 0);
	expect_turns(test, b, "0 0 1 2 2");
	expect_turns(test, b, "0 1 2 2 0 1 2 2");
}

/* A node that came after the weights were computed has none. It counts as 1. */
static void weighted_counts_no_weight_as_one(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_WEIGHTED, 3);

	set_weights(2, 0, 1, 0);
	expect_turns(test, b, "0 0 1 2 0 0 1 2");
}

/*
 * A folio of eight pages at (*) pays for two rounds of weight 3, and for two
 * turns of the next:
 *
 *	round		1	2	3		4
 *	node 0		*	*	* * 0		0 0 0
 *	node 1		1	1	      1		      1
 */
static void weighted_counts_large_folios_by_pages(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_WEIGHTED, 2);

	set_weights(3, 1, 0, 0);
	expect_choices(test, b, &b->pol.nodes, 8, "0");
	expect_turns(test, b, "1 1 0 1 0 0 0 1");
}

/*
 * The turn at (-), the last of node 0 in round 1, is returned, and taken again
 * at once:
 *
 *	round		1		2
 *	node 0		0 0 0- 0	0 0 0
 *	node 1			 1	      1
 *	node 2			   2 2		2 2
 */
static void weighted_takes_a_returned_turn_again(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_WEIGHTED, 3);

	set_weights(3, 1, 2, 0);
	expect_turns(test, b, "0 0 0");
	stripe_return_turn(b, 0, 1);
	expect_turns(test, b, "0 1 2 2 0 0 0 1 2 2");
}

/*
 * Eight pages enter the segment on node 0 in round 2. Four of them pay for this
 * round, of weight 4. The others pay for two more, as the weight is then 2:
 *
 *	round		2	3	4	5
 *	node 0		++++	++	++	0 0
 *	node 1		1	1	1	1
 */
static void weighted_keeps_a_lead_in_pages(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_WEIGHTED, 2);

	set_weights(4, 1, 0, 0);
	expect_turns(test, b, "0 0 0 0 1");
	stripe_charge(b, 0, 8);
	set_weights(2, 1, 0, 0);
	expect_turns(test, b, "1 1 1 0 0 1 0 0 1");
}

/* The only node of a mask gets all turns, whatever its weight. */
static void weighted_needs_no_weight_of_one_node(struct kunit *test)
{
	struct shmbind *b = new_stripe(test, MEM_WEIGHTED, 1);

	set_weights(3, 0, 0, 0);
	expect_turns(test, b, "0 0 0 0 0 0 0");
}

/*
 * Weights 3, 1, 2: the nodes of pages that are moved depend on their offsets,
 * 0 0 0 1 2 2.
 */
static void weighted_moves_go_by_offset(struct kunit *test)
{
	static const int expected[] = { 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 2, 2 };
	struct shmbind *b = new_stripe(test, MEM_WEIGHTED, 3);
	int i;

	set_weights(3, 1, 2, 0);
	for (i = 0; i < ARRAY_SIZE(expected); i++)
		KUNIT_EXPECT_EQ(test, expected[i],
				stripe_choose_by_offset(b, &b->pol.nodes, i));
}

/* Two pages of user space. The second cannot be read. */
static void __user *new_user_pages(struct kunit *test)
{
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, 2 * PAGE_SIZE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr) || !addr);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + PAGE_SIZE, PAGE_SIZE));
	return (void __user *)addr;
}

/* Bits 1 and 35 of a mask, in words of 64 bits and in words of 32. */
static void mask_is_read_in_words_of_the_caller(struct kunit *test)
{
	static const u64 wide[] = { BIT_ULL(1) | BIT_ULL(35) };
	static const u32 narrow[] = { BIT(1), BIT(3) };
	void __user *page = new_user_pages(test);
	nodemask_t nodes;

	if (MAX_NUMNODES <= 35 || BITS_PER_LONG < 64)
		kunit_skip(test, "no node 35, or no words of 64 bits");

	KUNIT_ASSERT_EQ(test, 0, copy_to_user(page, wide, sizeof(wide)));
	KUNIT_EXPECT_EQ(test, 0, shmbind_get_nodes(&nodes, page, 64, false));
	KUNIT_EXPECT_EQ(test, 2, nodes_weight(nodes));
	KUNIT_EXPECT_TRUE(test, node_isset(1, nodes) && node_isset(35, nodes));

	if (!IS_ENABLED(CONFIG_COMPAT))
		return;
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(page, narrow, sizeof(narrow)));
	KUNIT_EXPECT_EQ(test, 0, shmbind_get_nodes(&nodes, page, 64, true));
	KUNIT_EXPECT_EQ(test, 2, nodes_weight(nodes));
	KUNIT_EXPECT_TRUE(test, node_isset(1, nodes) && node_isset(35, nodes));
}

/* For a 32-bit caller, four readable bytes are a whole mask of 32 bits. */
static void mask_of_32_bits_has_four_bytes(struct kunit *test)
{
	u8 __user *page = new_user_pages(test);
	void __user *end = page + PAGE_SIZE - sizeof(u32);
	nodemask_t nodes;

	if (!IS_ENABLED(CONFIG_COMPAT) || BITS_PER_LONG < 64)
		kunit_skip(test, "one size of word");

	KUNIT_ASSERT_EQ(test, 0, put_user(1, (u32 __user *)end));
	KUNIT_EXPECT_EQ(test, 0, shmbind_get_nodes(&nodes, end, 32, true));
	KUNIT_EXPECT_TRUE(test, node_isset(0, nodes));
	KUNIT_EXPECT_EQ(test, -EFAULT,
			shmbind_get_nodes(&nodes, end, 32, false));
}

/* Bits of the last word beyond the length are ignored. */
static void mask_ends_at_its_length(struct kunit *test)
{
	unsigned long __user *page = new_user_pages(test);
	nodemask_t nodes;

	KUNIT_ASSERT_EQ(test, 0, put_user(~0UL, page));
	KUNIT_EXPECT_EQ(test, 0, shmbind_get_nodes(&nodes, page, 1, false));
	KUNIT_EXPECT_EQ(test, 1, nodes_weight(nodes));
	KUNIT_EXPECT_TRUE(test, node_isset(0, nodes));
}

/* A bit beyond the kernel's nodes is an error. Zeros there are accepted. */
static void mask_can_be_longer_than_a_nodemask(struct kunit *test)
{
	u8 __user *page = new_user_pages(test);
	nodemask_t nodes;

	KUNIT_ASSERT_EQ(test, 0, put_user(1, page));
	KUNIT_EXPECT_EQ(test, 0, shmbind_get_nodes(&nodes, (void __user *)page,
						   PAGE_SIZE * 8, false));
	KUNIT_EXPECT_EQ(test, 1, nodes_weight(nodes));

	KUNIT_ASSERT_EQ(test, 0, put_user(1, page + PAGE_SIZE - 8));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			shmbind_get_nodes(&nodes, (void __user *)page,
					  PAGE_SIZE * 8, false));
}

/* An unreadable tail is EFAULT, even if a bit before it is too high. */
static void mask_with_unreadable_tail_is_efault(struct kunit *test)
{
	u8 __user *page = new_user_pages(test);
	nodemask_t nodes;

	KUNIT_ASSERT_EQ(test, 0, put_user(1, page + PAGE_SIZE - 8));
	KUNIT_EXPECT_EQ(test, -EFAULT,
			shmbind_get_nodes(&nodes, (void __user *)page,
					  PAGE_SIZE * 8 + 1, false));
}

/* Expect every other node with memory once, in order of distance from @from. */
static void expect_by_distance(struct kunit *test, int from)
{
	nodemask_t left = node_states[N_MEMORY], seen = nodemask_of_node(from);
	int distance = 0, nid;

	for (nid = fallback_next(from, from, &left); nid != NUMA_NO_NODE;
	     nid = fallback_next(from, nid, &left)) {
		KUNIT_EXPECT_FALSE(test, node_test_and_set(nid, seen));
		KUNIT_EXPECT_LE(test, distance, node_distance(from, nid));
		distance = node_distance(from, nid);
	}
	KUNIT_EXPECT_TRUE(test, nodes_equal(seen, node_states[N_MEMORY]));
}

static void fallback_goes_by_distance(struct kunit *test)
{
	int nid;

	if (nodes_weight(node_states[N_MEMORY]) < 3)
		kunit_skip(test, "fewer than three nodes have memory");

	for_each_node_state(nid, N_MEMORY)
		expect_by_distance(test, nid);
}

/*
 * Allocations of one test. The first one fails after something has changed; the
 * others have their page.
 */
static struct {
	int calls;
	void (*change)(void);
} test_alloc;

static struct page *test_alloc_on(struct shmbind *b, gfp_t gfp,
				  unsigned int order, int nid)
{
	if (test_alloc.calls++)
		return alloc_on_node(gfp, order, nid);
	test_alloc.change();
	return NULL;
}

/*
 * Have a HARD stripe over the first @nr_nodes nodes allocate a page on node 0,
 * with @change. Returns its node, or the error.
 */
static int node_after(struct kunit *test, void (*change)(void), int nr_nodes)
{
	struct shmbind *b = new_stripe(test, MEM_STRIPE, nr_nodes);
	int nid = NUMA_NO_NODE;
	struct folio *folio;

	b->strength = MEM_HARDBIND;
	b->pol.flags |= MPOL_F_CONFINED;
	test_alloc.calls = 0;
	test_alloc.change = change;
	kunit_activate_static_stub(test, shmbind_alloc_on, test_alloc_on);
	folio = alloc_chosen(GFP_HIGHUSER_MOVABLE, 0, &b->pol, &nid, 1);
	if (IS_ERR(folio))
		return PTR_ERR(folio);
	nid = folio_nid(folio);
	folio_put(folio);
	return nid;
}

static void change_nothing(void)
{
}

/* An allocation that fails is not repeated for no reason. */
static void choice_that_stands_is_made_once(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -ENOSPC, node_after(test, change_nothing, 1));
	KUNIT_EXPECT_EQ(test, 1, test_alloc.calls);
}

#ifdef CONFIG_CPUSETS
static void change_cpuset(void)
{
	local_irq_disable();
	write_seqcount_begin(&current->mems_allowed_seq);
	write_seqcount_end(&current->mems_allowed_seq);
	local_irq_enable();
}

static void enable_cpusets(bool enable)
{
	guard(cpus_read_lock)();
	if (enable)
		cpuset_inc();
	else
		cpuset_dec();
}
#endif

/* It is repeated if the task's cpuset has changed since the choice. */
static void choice_overtaken_by_a_cpuset_is_repeated(struct kunit *test)
{
#ifdef CONFIG_CPUSETS
	enable_cpusets(true);
	KUNIT_EXPECT_EQ(test, 0, node_after(test, change_cpuset, 1));
	enable_cpusets(false);
	KUNIT_EXPECT_EQ(test, 2, test_alloc.calls);
#else
	kunit_skip(test, "needs CONFIG_CPUSETS");
#endif
}

static void remove_node_0(void)
{
	node_clear_state(0, N_MEMORY);
}

/* It is repeated if the chosen node has lost its memory. */
static void choice_overtaken_by_hotplug_is_repeated(struct kunit *test)
{
	if (!node_state(0, N_MEMORY) || !node_state(1, N_MEMORY))
		kunit_skip(test, "needs memory on nodes 0 and 1");

	KUNIT_EXPECT_EQ(test, 1, node_after(test, remove_node_0, 2));
	node_set_state(0, N_MEMORY);
	KUNIT_EXPECT_EQ(test, 2, test_alloc.calls);
}

static struct kunit_case shmbind_cases[] = {
	KUNIT_CASE(stripe_takes_turns),
	KUNIT_CASE(stripe_counts_large_folios_by_pages),
	KUNIT_CASE(stripe_takes_a_returned_turn_again),
	KUNIT_CASE(stripe_does_not_pass_returned_turns),
	KUNIT_CASE(stripe_never_counts_less_than_nothing),
	KUNIT_CASE(stripe_does_not_catch_up_after_a_cpuset),
	KUNIT_CASE(stripe_counts_pages_that_enter),
	KUNIT_CASE(stripe_counts_pages_of_its_mask_only),
	KUNIT_CASE(stripe_does_not_count_readahead),
	KUNIT_CASE(stripe_takes_turns_for_readahead),
	KUNIT_CASE(stripe_reads_ahead_past_nodes_not_due),
	KUNIT_CASE(stripe_stops_at_a_full_node),
	KUNIT_CASE(weighted_takes_turns_by_weight),
	KUNIT_CASE(weighted_changes_at_the_next_round),
	KUNIT_CASE(weighted_counts_no_weight_as_one),
	KUNIT_CASE(weighted_counts_large_folios_by_pages),
	KUNIT_CASE(weighted_takes_a_returned_turn_again),
	KUNIT_CASE(weighted_keeps_a_lead_in_pages),
	KUNIT_CASE(weighted_needs_no_weight_of_one_node),
	KUNIT_CASE(weighted_moves_go_by_offset),
	KUNIT_CASE(mask_is_read_in_words_of_the_caller),
	KUNIT_CASE(mask_of_32_bits_has_four_bytes),
	KUNIT_CASE(mask_ends_at_its_length),
	KUNIT_CASE(mask_can_be_longer_than_a_nodemask),
	KUNIT_CASE(mask_with_unreadable_tail_is_efault),
	KUNIT_CASE(fallback_goes_by_distance),
	KUNIT_CASE(choice_that_stands_is_made_once),
	KUNIT_CASE(choice_overtaken_by_a_cpuset_is_repeated),
	KUNIT_CASE(choice_overtaken_by_hotplug_is_repeated),
	{}
};

static struct kunit_suite shmbind_suite = {
	.name = "shmbind",
	.test_cases = shmbind_cases,
};

kunit_test_suite(shmbind_suite);
