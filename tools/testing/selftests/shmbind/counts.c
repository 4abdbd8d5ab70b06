// SPDX-License-Identifier: GPL-2.0
/* What is counted where a binding is not met, and traced of each allocation. */
#include "counted.h"
#include "full.h"

FIXTURE(counts)
{
	struct scene scene;
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
	set_scene(_metadata, &self->scene);
	self->before = counts_of_machine();
	ASSERT_LE(0, self->before.fallback);
}

FIXTURE_TEARDOWN(counts)
{
	clear_scene(_metadata, &self->scene);
}

TEST_F(counts, are_0_where_there_is_room)
{
	struct scene *scene = &self->scene;
	struct counts counts;

	ASSERT_EQ(0, segment_open(&scene->seg, TOUCHED, variant->policy,
				  &scene->memory));
	touch_pages(scene->seg.addr, TOUCHED);
	counts = counts_of(scene->seg.id);
	EXPECT_EQ(0, counts.fallback);
	EXPECT_EQ(0, counts.failed);
	segment_doom(&scene->seg);
}

TEST_F(counts, are_not_shown_of_an_unbound_segment)
{
	struct scene *scene = &self->scene;
	struct counts counts;

	ASSERT_EQ(0, segment_create(&scene->seg, 1));
	counts = counts_of(scene->seg.id);
	EXPECT_EQ(-1, counts.fallback);
	EXPECT_EQ(-1, counts.failed);
	segment_doom(&scene->seg);
}

/* On a full node: of the mask where it is the only one, or where others follow. */
static void touch_full(struct __test_metadata *_metadata, struct scene *scene,
		       int policy)
{
	struct nodemask mask = policy & MEM_MASKBIND ? scene->memory :
			       nodes_of(victim);
	int from = node_that_prefers(victim, &mask);

	ASSERT_LE(0, from);
	fill_victim(_metadata, scene);
	ASSERT_EQ(0, segment_open(&scene->seg, TOUCHED, policy, &mask));
	ASSERT_EQ(0, run_on_node(from));
	scene->taken = top_up(&scene->ballast, scene->taken);
	for (int page = 0; page < TOUCHED; page++)
		try_touch(scene->seg.addr, page);
	ASSERT_LE(0, count_placement(scene->seg.addr, TOUCHED,
				     scene->per_node));
}

TEST_F(counts, are_exact_on_a_full_node)
{
	struct scene *scene = &self->scene;
	bool hard = variant->policy & MEM_HARDBIND;
	struct counts counts, machine;
	long elsewhere = 0;

	REQUIRE("nodes=2 cpunodes=2");
	touch_full(_metadata, scene, variant->policy);
	for (int node = 0; node < NODES_MAX; node++)
		elsewhere += node == victim ? 0 : scene->per_node[node];
	counts = counts_of(scene->seg.id);
	machine = counts_of_machine();
	EXPECT_EQ(elsewhere, counts.fallback);
	EXPECT_EQ(TOUCHED - elsewhere - scene->per_node[victim], counts.failed);
	EXPECT_LT(hard ? 0 : TOUCHED / 2,
		  hard ? counts.failed : counts.fallback);
	/* the ballast is bound, too */
	EXPECT_EQ(counts.fallback, machine.fallback - self->before.fallback);
	EXPECT_LE(counts.failed, machine.failed - self->before.failed);
	segment_doom(&scene->seg);
}

/* The tracepoint, of one segment. */

FIXTURE(trace)
{
	struct scene scene;
};

FIXTURE_SETUP(trace)
{
	set_scene(_metadata, &self->scene);
	ASSERT_EQ(0, mount_tracing());
}

FIXTURE_TEARDOWN(trace)
{
	stop_tracing();
	clear_scene(_metadata, &self->scene);
}

TEST_F(trace, has_an_event_for_each_page)
{
	struct scene *scene = &self->scene;
	struct event events[2 * TOUCHED];
	int nodes[TOUCHED];

	ASSERT_EQ(0, segment_open(&scene->seg, TOUCHED,
				  MEM_STRIPE | MEM_HARDBIND, &scene->memory));
	trace_segment(_metadata, &scene->seg);
	touch_pages(scene->seg.addr, TOUCHED);
	ASSERT_EQ(TOUCHED, read_events(events, ARRAY_SIZE(events)));
	ASSERT_EQ(0, placement(scene->seg.addr, TOUCHED, nodes));
	for (int i = 0; i < TOUCHED; i++) {
		EXPECT_EQ((unsigned long)i, events[i].index);
		EXPECT_EQ(0U, events[i].order);
		EXPECT_STREQ("stripe", events[i].policy);
		EXPECT_STREQ("hard", events[i].strength);
		EXPECT_EQ(nodes[i], events[i].chosen);
		EXPECT_EQ(nodes[i], events[i].nid);
	}
	segment_doom(&scene->seg);
}

TEST_F(trace, tells_a_fallback_from_a_failure)
{
	static const int strengths[] = { MEM_SOFTBIND, MEM_HARDBIND };
	struct scene *scene = &self->scene;
	struct nodemask mask = nodes_of(victim);
	struct event events[2 * TOUCHED];
	int count, other, none;

	REQUIRE("nodes=2");
	fill_victim(_metadata, scene);
	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		ASSERT_EQ(0, segment_open(&scene->seg, TOUCHED, strengths[i],
					  &mask));
		trace_segment(_metadata, &scene->seg);
		scene->taken = top_up(&scene->ballast, scene->taken);
		for (int page = 0; page < TOUCHED; page++)
			try_touch(scene->seg.addr, page);
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
		EXPECT_EQ(counts_of(scene->seg.id).fallback, other);
		EXPECT_EQ(counts_of(scene->seg.id).failed, none);
		EXPECT_LT(0, strengths[i] == MEM_HARDBIND ? none : other);
		segment_remove(&scene->seg);
	}
}

int main(int argc, char **argv)
{
	settle_memory();
	take_most_of_two();
	return test_harness_run(argc, argv);
}
