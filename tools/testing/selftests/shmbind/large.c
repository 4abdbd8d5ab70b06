// SPDX-License-Identifier: GPL-2.0
/*
 * Segments of large folios: each folio is one choice of a node, stripes count
 * base pages, and small folios replace a large one that does not fit, on the
 * same node.
 */
#include <limits.h>

#include "ballast.h"
#include "cgroup.h"
#include "expected.h"
#include "thp.h"

struct large_env {
	struct nodemask memory, cpus;
	int victim;
	int large;	/* base pages of a large folio */
	struct segment seg, ballast;
	long taken;	/* pages of the ballast */
};

static void env_setup(struct __test_metadata *_metadata, struct large_env *env)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	/* without compaction, memory stays fragmented */
	ASSERT_EQ(0, write_file(THP_DIR "defrag", "never"));
	env->memory = memory_nodes();
	env->cpus = cpu_nodes();
	env->victim = victim_node();
	env->large = FOLIO_SIZE / page_size();
	env->seg.id = -1;
	env->ballast.id = -1;
}

static void env_teardown(struct large_env *env)
{
	segment_remove(&env->seg);
	segment_detach(&env->ballast);
	write_file(THP_DIR "shmem_enabled", "never");
	write_file(THP_DIR "defrag", "madvise");
}

/*
 * Touch @page. Returns the node of the large folio that this makes, or -1 if it
 * makes none, or if its pages are on several nodes.
 */
static int touch_large(const struct large_env *env, size_t page)
{
	int nodes[env->large];
	size_t first = page - page % env->large;

	touch_page(env->seg.addr, page);
	if (placement(env->seg.addr + first * page_size(), env->large,
		      nodes))
		return -1;
	for (int i = 1; i < env->large; i++) {
		if (nodes[i] != nodes[0])
			return -1;
	}
	return nodes[0];
}

FIXTURE(large)
{
	struct large_env env;
};

FIXTURE_VARIANT(large)
{
	int strength;
};

FIXTURE_VARIANT_ADD(large, hard) {
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(large, mask) {
	.strength = MEM_MASKBIND,
};

FIXTURE_VARIANT_ADD(large, soft) {
	.strength = MEM_SOFTBIND,
};

FIXTURE_SETUP(large)
{
	env_setup(_metadata, &self->env);
}

FIXTURE_TEARDOWN(large)
{
	env_teardown(&self->env);
}

/* All pages of a folio are on the candidate nearest to the CPU. */
TEST_F(large, firstref_puts_a_folio_near_the_cpu)
{
	struct large_env *env = &self->env;
	struct nodemask mask;
	int a, b, node;
	size_t folio;

	for (a = -1; next_node(&a, &env->memory);) {
		for (b = a - 1; next_node(&b, &env->memory);) {
			mask = nodes_of(a);
			node_set(b, &mask);
			open_aligned(_metadata, &env->seg,
				     nodes_weight(&env->cpus) * env->large,
				     MEM_FIRSTREF | variant->strength, &mask);
			folio = 0;
			for (node = -1; next_node(&node, &env->cpus);) {
				ASSERT_EQ(0, run_on_node(node));
				/* somewhere in the middle of it */
				EXPECT_EQ(firstref_node(node, &mask),
					  touch_large(env, folio *
						      env->large + 77));
				folio++;
			}
			segment_remove(&env->seg);
		}
	}
}

/* A stripe gives each node a folio in turn. */
TEST_F(large, stripe_gives_each_node_a_folio)
{
	struct large_env *env = &self->env;
	int width = nodes_weight(&env->memory), folios = 2 * width;
	int nodes[folios];

	open_aligned(_metadata, &env->seg, folios * env->large,
		     MEM_STRIPE | variant->strength, &env->memory);
	for (int i = 0; i < folios; i++) {
		nodes[i] = touch_large(env, (folios - 1 - i) * env->large);
		ASSERT_LE(0, nodes[i]);
		ASSERT_GE(1, spread(nodes, i + 1, &env->memory));
	}
}

/* MOSTFREE puts a folio on the node with the most free memory. */
TEST_F(large, mostfree_takes_the_freest_node)
{
	struct large_env *env = &self->env;
	int freest = freest_of(&env->memory);

	open_aligned(_metadata, &env->seg, env->large,
		     MEM_MOSTFREE | variant->strength, &env->memory);
	EXPECT_EQ(freest, touch_large(env, 0));
}

/*
 * A stripe goes on with the same count in the tail of a segment, where no large
 * folio fits.
 */
TEST_F(large, stripe_counts_small_folios_with_large)
{
	struct large_env *env = &self->env;
	int width = nodes_weight(&env->memory);
	long per_node[NODES_MAX], most = 0, least = LONG_MAX;
	int pages = env->large + (width - 1) * env->large / 2, node;

	open_aligned(_metadata, &env->seg, pages,
		     MEM_STRIPE | variant->strength, &env->memory);
	ASSERT_LE(0, touch_large(env, 0));
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	touch_pages(env->seg.addr, pages);
	ASSERT_EQ(pages, count_placement(env->seg.addr, pages, per_node));
	/* one node has the large folio, the others share the rest */
	for (node = -1; next_node(&node, &env->memory);) {
		most = per_node[node] > most ? per_node[node] : most;
		least = per_node[node] < least ? per_node[node] : least;
	}
	EXPECT_EQ(env->large, most);
	EXPECT_LE(env->large / 2 - 1, least);
}

static int resident_pages(struct segment *seg)
{
	int pages = seg->size / page_size(), there = 0;
	unsigned char resident[pages];

	if (mincore(seg->addr, seg->size, resident))
		return -1;
	for (int page = 0; page < pages; page++)
		there += resident[page] & 1;
	return there;
}

/*
 * The pages of a folio of any order are on one node. No folio is larger than
 * its segment.
 */
TEST_F(large, folio_of_any_order_is_one_choice)
{
	static const struct {
		const char *name;
		bool any;	/* all orders, not only that of a PMD */
	} modes[] = {
		{ "always", true }, { "within_size", true },
		{ "advise", true }, { "force", false },
	};
	struct large_env *env = &self->env;
	int nodes[env->large];

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		bool any = modes[i].any && has_feature("shmemorders");
		int pages = any ? 2 : env->large;

		ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled",
					modes[i].name));
		for (; pages <= env->large; pages *= 2) {
			open_aligned(_metadata, &env->seg, pages,
				     MEM_STRIPE | variant->strength,
				     &env->memory);
			ASSERT_EQ(0, madvise(env->seg.addr, env->seg.size,
					     MADV_HUGEPAGE));
			touch_page(env->seg.addr, pages - 1);
			EXPECT_EQ(pages, resident_pages(&env->seg));
			touch_pages(env->seg.addr, pages);
			ASSERT_EQ(0, placement(env->seg.addr, pages, nodes));
			EXPECT_EQ(0, strays(nodes, pages, &env->memory));
			for (int page = 1; page < pages; page++)
				ASSERT_EQ(nodes[0], nodes[page]);
			segment_remove(&env->seg);
		}
	}
}

/*
 * The settings of single orders make no large folios: they are for memory
 * shared by mmap() alone.
 */
TEST_F(large, per_order_settings_do_not_apply)
{
	struct large_env *env = &self->env;
	static const struct {
		const char *size, *usual;
	} orders[] = { { "64kB", "never" }, { "2048kB", "inherit" } };
	char path[128];

	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		snprintf(path, sizeof(path), THP_DIR "hugepages-%s/shmem_enabled",
			 orders[i].size);
		ASSERT_EQ(0, write_file(path, "always"));
		open_aligned(_metadata, &env->seg, env->large,
			     MEM_STRIPE | variant->strength, &env->memory);
		touch_page(env->seg.addr, 0);
		EXPECT_EQ(1, resident_pages(&env->seg));
		segment_remove(&env->seg);
		EXPECT_EQ(0, write_file(path, orders[i].usual));
	}
}

/*
 * A stripe counts base pages. Of folios of 256 pages, 128 and so on down to
 * one, the first has one page more than the others together.
 */
TEST_F(large, stripe_counts_pages_of_all_orders)
{
	struct large_env *env = &self->env;
	int pages = env->large - 1, first = 0, node;
	long per_node[NODES_MAX];

	REQUIRE("nodes=2");
	open_aligned(_metadata, &env->seg, pages,
		     MEM_STRIPE | variant->strength, &env->memory);
	for (int size = env->large / 2; size; size /= 2) {
		touch_pages(env->seg.addr + first * page_size(), size);
		first += size;
		EXPECT_EQ(first, resident_pages(&env->seg));
		ASSERT_EQ(first, count_placement(env->seg.addr, first,
						 per_node));
		for (node = -1; next_node(&node, &env->memory);)
			EXPECT_GE(env->large / 2, per_node[node]);
	}
}

/* Touch @page in a cpuset that has all nodes except those of @mask. */
static pid_t touch_without(const struct cgroup *cpuset, struct segment *seg,
			   size_t page, const struct nodemask *mask)
{
	struct nodemask memory = memory_nodes();
	struct nodemask rest = nodes_andnot(memory, *mask);
	pid_t child;

	if (cgroup_set_mems(cpuset, &rest))
		return -1;
	child = fork();
	if (child == 0) {
		if (cgroup_join(cpuset))
			_exit(1);
		_exit(try_touch(seg->addr, page) ? 0 : SIGBUS);
	}
	return child;
}

/* Without a candidate, SOFT gets a large folio, as an unbound segment does. */
TEST_F(large, soft_without_candidate_gets_a_folio)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct large_env *env = &self->env;
	struct nodemask mask = nodes_of(last_node(&env->memory));
	bool soft = variant->strength == MEM_SOFTBIND;
	struct cgroup cpuset = {};
	int nodes[env->large];

	REQUIRE("nodes=2");
	ASSERT_EQ(0, cgroup_create(&cpuset, "cpuset"));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		open_aligned(_metadata, &env->seg, env->large,
			     policies[i] | variant->strength, &mask);
		EXPECT_EQ(soft ? 0 : SIGBUS,
			  wait_for(touch_without(&cpuset, &env->seg, 77,
						 &mask)));
		EXPECT_EQ(soft ? env->large : 0,
			  resident_pages(&env->seg));
		if (soft) {
			touch_pages(env->seg.addr, env->large);
			ASSERT_EQ(0, placement(env->seg.addr, env->large,
					       nodes));
			EXPECT_NE(first_node(&mask), nodes[0]);
			for (int page = 1; page < env->large; page++)
				ASSERT_EQ(nodes[0], nodes[page]);
		}
		segment_remove(&env->seg);
	}
	cgroup_remove(&cpuset);
}

/* A node that has free pages, but hardly a large folio. */

FIXTURE(fragmented)
{
	struct large_env env;
};

FIXTURE_VARIANT(fragmented)
{
	int strength;
};

FIXTURE_VARIANT_ADD(fragmented, hard) {
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(fragmented, soft) {
	.strength = MEM_SOFTBIND,
};

FIXTURE_SETUP(fragmented)
{
	struct large_env *env = &self->env;

	REQUIRE("nodes=2");
	env_setup(_metadata, env);
	ASSERT_EQ(0, run_on_node(first_node(&env->cpus)));
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	env->taken = fragment_node(&env->ballast, env->victim, HOLES);
	ASSERT_LT(3 * HOLES, env->taken);
	/* enabling large folios raises the reserve again */
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	ASSERT_EQ(0, write_file(MIN_FREE, "256"));
}

FIXTURE_TEARDOWN(fragmented)
{
	env_teardown(&self->env);
	defragment_node(&self->env.ballast);
}

/* Where no large folio fits, small ones come from the same node. */
TEST_F(fragmented, small_folios_stay_on_the_node)
{
	struct large_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	long per_node[NODES_MAX];
	int pages = env->large;

	node_set(first_node(&env->memory), &mask);
	if (node_that_prefers(env->victim, &mask) < 0)
		mask = nodes_of(env->victim);
	ASSERT_EQ(0, run_on_node(node_that_prefers(env->victim, &mask)));
	open_aligned(_metadata, &env->seg, pages,
		     MEM_FIRSTREF | variant->strength, &mask);
	EXPECT_EQ(-1, touch_large(env, 0));
	EXPECT_EQ(pages, try_touch_pages(env->seg.addr, pages));
	ASSERT_EQ(pages, count_placement(env->seg.addr, pages, per_node));
	EXPECT_EQ(pages, per_node[env->victim]);
}

/* A stripe that has to use small folios is even within one large folio. */
TEST_F(fragmented, stripe_stays_even_within_a_folio)
{
	struct large_env *env = &self->env;
	int width = nodes_weight(&env->memory);
	int pages = 2 * width * env->large, nodes[pages];

	open_aligned(_metadata, &env->seg, pages,
		     MEM_STRIPE | variant->strength, &env->memory);
	EXPECT_EQ(pages, try_touch_pages(env->seg.addr, pages));
	/* a page that kcompactd is moving seems to be on no node */
	for (int tries = 0; tries < 1000; tries++) {
		ASSERT_EQ(0, placement(env->seg.addr, pages, nodes));
		if (!strays(nodes, pages, &env->memory))
			break;
		usleep(10000);
	}
	EXPECT_EQ(0, strays(nodes, pages, &env->memory));
	/* SOFT may put a few turns of the victim on another node */
	EXPECT_GE(env->large + (variant->strength == MEM_SOFTBIND ? 16 : 0),
		  spread(nodes, pages, &env->memory));
}

/* A task without a candidate does not disturb the stripe of other tasks. */
TEST_F(fragmented, task_without_candidate_spends_no_turn)
{
	struct large_env *env = &self->env;
	struct nodemask rest = nodes_of(env->victim);
	struct nodemask mask = nodes_andnot(env->memory, rest);
	int pages = 6 * nodes_weight(&mask), nodes[pages], turn;
	int near = node_that_prefers(env->victim, &env->memory);
	struct cgroup cpuset = {};

	ASSERT_EQ(0, cgroup_create(&cpuset, "cpuset"));
	open_aligned(_metadata, &env->seg, 2 * env->large,
		     MEM_STRIPE | variant->strength, &mask);
	if (near >= 0)
		ASSERT_EQ(0, run_on_node(near));
	EXPECT_EQ(variant->strength == MEM_SOFTBIND ? 0 : SIGBUS,
		  wait_for(touch_without(&cpuset, &env->seg, 0, &mask)));
	cgroup_remove(&cpuset);
	turn = resident_pages(&env->seg);

	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	touch_pages(env->seg.addr + FOLIO_SIZE, pages);
	ASSERT_EQ(0, placement(env->seg.addr + FOLIO_SIZE, pages, nodes));
	EXPECT_EQ(0, strays(nodes, pages, &mask));
	EXPECT_GE(turn > 1 ? turn : 1, spread(nodes, pages, &mask));
}

/* HARD fails only when the node has no small folio left. */
TEST_F(fragmented, hard_fails_without_small_folios)
{
	struct large_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	long per_node[NODES_MAX], done, pages = 2 * HOLES;

	if (variant->strength == MEM_SOFTBIND)
		pages = HOLES / 2;
	open_aligned(_metadata, &env->seg, pages,
		     MEM_FIRSTREF | variant->strength, &mask);
	done = try_touch_pages(env->seg.addr, pages);
	if (variant->strength == MEM_HARDBIND) {
		EXPECT_GT(pages, done);
		EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	} else {
		EXPECT_EQ(pages, done);
	}
	EXPECT_LE(HOLES / 2, done);
	ASSERT_EQ(done, count_placement(env->seg.addr, done, per_node));
	EXPECT_EQ(done, per_node[env->victim]);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
