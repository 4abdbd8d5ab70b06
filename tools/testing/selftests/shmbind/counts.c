// SPDX-License-Identifier: GPL-2.0
/* The counters of fallbacks and failures, and the tracepoint of allocations. */
#include "counted.h"
#include "full.h"

FIXTURE(counts)
{
	struct full_env env;
	struct counts before;	/* of the machine */
};

FIXTURE_VARIANT(counts)
{
	int policy;
};

FIXTURE_VARIANT_ADD(counts, hard)	{ .policy = MEM_HARDBIND };
FIXTURE_VARIANT_ADD(counts, mask)	{ .policy = MEM_MASKBIND };
FIXTURE_VARIANT_ADD(counts, soft)	{ .policy = MEM_SOFTBIND };
FIXTURE_VARIANT_ADD(counts, soft_stripe)
{
	.policy = MEM_STRIPE | MEM_SOFTBIND,
};

FIXTURE_SETUP(counts)
{
	env_setup(_metadata, &self->env);
	self->before = counts_of_machine();
	ASSERT_LE(0, self->before.fallback);
}

FIXTURE_TEARDOWN(counts)
{
	env_teardown(_metadata, &self->env);
}

/* Where every node has room, nothing is counted. */
TEST_F(counts, counts_are_0_with_free_memory)
{
	struct full_env *env = &self->env;
	struct counts counts;

	ASSERT_EQ(0, segment_open(&env->seg, TOUCHED, variant->policy,
				  &env->memory));
	touch_pages(env->seg.addr, TOUCHED);
	counts = counts_of(env->seg.id);
	EXPECT_EQ(0, counts.fallback);
	EXPECT_EQ(0, counts.failed);
	segment_rmid(&env->seg);
}

/* The line of an unbound segment has no counts. */
TEST_F(counts, unbound_segment_shows_no_counts)
{
	struct full_env *env = &self->env;
	struct counts counts;

	ASSERT_EQ(0, segment_create(&env->seg, 1));
	counts = counts_of(env->seg.id);
	EXPECT_EQ(-1, counts.fallback);
	EXPECT_EQ(-1, counts.failed);
	segment_rmid(&env->seg);
}

/* Touch pages for which a full node is chosen. MASK has other candidates. */
static void touch_full(struct __test_metadata *_metadata, struct full_env *env,
		       int policy)
{
	struct nodemask mask = policy & MEM_MASKBIND ? env->memory :
			       nodes_of(victim);
	int from = node_that_prefers(victim, &mask);

	ASSERT_LE(0, from);
	fill_victim(_metadata, env);
	ASSERT_EQ(0, segment_open(&env->seg, TOUCHED, policy, &mask));
	ASSERT_EQ(0, run_on_node(from));
	env->taken = top_up(&env->ballast, env->taken);
	for (int page = 0; page < TOUCHED; page++)
		try_touch(env->seg.addr, page);
	ASSERT_LE(0, count_placement(env->seg.addr, TOUCHED,
				     env->per_node));
}

/* On a full node, the counts equal the pages elsewhere and the failures. */
TEST_F(counts, counts_are_exact_on_a_full_node)
{
	struct full_env *env = &self->env;
	bool hard = variant->policy & MEM_HARDBIND;
	struct counts counts, machine;
	long elsewhere = 0;

	REQUIRE("nodes=2 cpunodes=2");
	touch_full(_metadata, env, variant->policy);
	for (int node = 0; node < NODES_MAX; node++)
		elsewhere += node == victim ? 0 : env->per_node[node];
	counts = counts_of(env->seg.id);
	machine = counts_of_machine();
	EXPECT_EQ(elsewhere, counts.fallback);
	EXPECT_EQ(TOUCHED - elsewhere - env->per_node[victim], counts.failed);
	EXPECT_LT(hard ? 0 : TOUCHED / 2,
		  hard ? counts.failed : counts.fallback);
	/* the ballast is bound, too */
	EXPECT_EQ(counts.fallback, machine.fallback - self->before.fallback);
	EXPECT_LE(counts.failed, machine.failed - self->before.failed);
	segment_rmid(&env->seg);
}

/* The tracepoint, filtered by segment. */

FIXTURE(trace)
{
	struct full_env env;
};

FIXTURE_SETUP(trace)
{
	env_setup(_metadata, &self->env);
	ASSERT_EQ(0, mount_tracing());
}

FIXTURE_TEARDOWN(trace)
{
	stop_tracing();
	env_teardown(_metadata, &self->env);
}

/* Each page has one event, with the node that was chosen and that it got. */
TEST_F(trace, every_page_has_an_event)
{
	struct full_env *env = &self->env;
	struct event events[2 * TOUCHED];
	int nodes[TOUCHED];

	ASSERT_EQ(0, segment_open(&env->seg, TOUCHED,
				  MEM_STRIPE | MEM_HARDBIND, &env->memory));
	trace_segment(_metadata, &env->seg);
	touch_pages(env->seg.addr, TOUCHED);
	ASSERT_EQ(TOUCHED, read_events(events, ARRAY_SIZE(events)));
	ASSERT_EQ(0, placement(env->seg.addr, TOUCHED, nodes));
	for (int i = 0; i < TOUCHED; i++) {
		EXPECT_EQ((unsigned long)i, events[i].index);
		EXPECT_EQ(0U, events[i].order);
		EXPECT_STREQ("stripe", events[i].policy);
		EXPECT_STREQ("hard", events[i].strength);
		EXPECT_EQ(nodes[i], events[i].chosen);
		EXPECT_EQ(nodes[i], events[i].nid);
	}
	segment_rmid(&env->seg);
}

/* The events of a full node show fallbacks for SOFT, failures for HARD. */
TEST_F(trace, fallback_and_failure_differ)
{
	static const int strengths[] = { MEM_SOFTBIND, MEM_HARDBIND };
	struct full_env *env = &self->env;
	struct nodemask mask = nodes_of(victim);
	struct event events[2 * TOUCHED];
	int count, other, none;

	REQUIRE("nodes=2");
	fill_victim(_metadata, env);
	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		ASSERT_EQ(0, segment_open(&env->seg, TOUCHED, strengths[i],
					  &mask));
		trace_segment(_metadata, &env->seg);
		env->taken = top_up(&env->ballast, env->taken);
		for (int page = 0; page < TOUCHED; page++)
			try_touch(env->seg.addr, page);
		count = read_events(events, ARRAY_SIZE(events));
		ASSERT_EQ(TOUCHED, count);
		other = 0;
		none = 0;
		for (int page = 0; page < count; page++) {
			EXPECT_EQ(victim, events[page].chosen);
			other += events[page].nid >= 0 &&
				 events[page].nid != victim;
			none += events[page].nid < 0;
		}
		EXPECT_EQ(counts_of(env->seg.id).fallback, other);
		EXPECT_EQ(counts_of(env->seg.id).failed, none);
		EXPECT_LT(0, strengths[i] == MEM_HARDBIND ? none : other);
		segment_remove(&env->seg);
	}
}

int main(int argc, char **argv)
{
	settle_memory();
	take_most_of_two();
	return test_harness_run(argc, argv);
}
