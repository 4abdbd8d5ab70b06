// SPDX-License-Identifier: GPL-2.0
/*
 * MEM_WEIGHTED: each node has as many turns in a round as its weight, in the
 * order of allocation.
 */
#include <pthread.h>

#include "ballast.h"
#include "cgroup.h"
#include "orders.h"
#include "pool.h"
#include "thp.h"
#include "weights.h"

#define ROUNDS	8
#define HUGE	FOLIO_SIZE

struct weighted_env {
	struct nodemask memory;
	int weights[NODES_MAX];
	int round;		/* pages of a round: the sum of the weights */
	struct segment seg;
	struct segment ballast;
	struct cgroup cpuset;
};

FIXTURE(weighted)
{
	struct weighted_env env;
};

FIXTURE_VARIANT(weighted)
{
	int strength;
};

FIXTURE_VARIANT_ADD(weighted, hard)	{ .strength = MEM_HARDBIND };
FIXTURE_VARIANT_ADD(weighted, soft)	{ .strength = MEM_SOFTBIND };
FIXTURE_VARIANT_ADD(weighted, mask)	{ .strength = MEM_MASKBIND };

static void env_setup(struct __test_metadata *_metadata,
		      struct weighted_env *env)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	env->memory = memory_nodes();
	env->seg.id = -1;
	ASSERT_EQ(0, set_different_weights(&env->memory));
	env->round = get_weights(&env->memory, env->weights);
}

static void env_teardown(struct __test_metadata *_metadata,
			 struct weighted_env *env)
{
	write_file(THP_DIR "shmem_enabled", "never");
	segment_remove(&env->seg);
	segment_detach(&env->ballast);
	cgroup_remove(&env->cpuset);
	EXPECT_EQ(0, reset_weights(&env->memory));
}

FIXTURE_SETUP(weighted)
{
	env_setup(_metadata, &self->env);
}

FIXTURE_TEARDOWN(weighted)
{
	env_teardown(_metadata, &self->env);
}

static void open_weighted(struct __test_metadata *_metadata,
			  struct weighted_env *env, size_t pages, int strength)
{
	ASSERT_EQ(0, segment_open(&env->seg, pages, MEM_WEIGHTED | strength,
				  &env->memory));
}

static int touch_and_look(struct segment *seg, size_t page)
{
	touch_page(seg->addr, page);
	return page_node(seg->addr, page);
}

/* How many of the pages are on @node. */
static int count_on(int node, const int *nodes, int count)
{
	int found = 0;

	for (int page = 0; page < count; page++)
		found += nodes[page] == node;
	return found;
}

/* Each node has as many pages of each round as its weight. */
static void expect_rounds(struct __test_metadata *_metadata,
			  struct weighted_env *env, const int *nodes,
			  int rounds)
{
	int node;

	for (int round = 0; round < rounds; round++) {
		for (node = -1; next_node(&node, &env->memory);) {
			EXPECT_EQ(env->weights[node],
				  count_on(node, nodes + round * env->round,
					   env->round))
				TH_LOG("node %d in round %d", node, round);
		}
	}
}

/* Each round has every node by its weight, in any order of access. */
TEST_F(weighted, rounds_have_the_weights_in_any_order)
{
	static size_t (*const orders[])(size_t) = {
		sequential, reverse, strided, at_random,
	};
	struct weighted_env *env = &self->env;
	int count = ROUNDS * env->round, nodes[count];

	for (size_t order = 0; order < ARRAY_SIZE(orders); order++) {
		open_weighted(_metadata, env, SPAN, variant->strength);
		for (int i = 0; i < count; i++)
			nodes[i] = touch_and_look(&env->seg, orders[order](i));
		expect_rounds(_metadata, env, nodes, ROUNDS);
		for (int i = 1; i <= count; i++) {
			ASSERT_GE(1, weights_off(nodes, i, &env->memory,
						 env->weights))
				TH_LOG("after %d pages", i);
		}
		segment_remove(&env->seg);
	}
}

/* Changed weights hold from the next round on. */
TEST_F(weighted, new_weights_hold_from_the_next_round)
{
	struct weighted_env *env = &self->env;
	int old = env->round, part = old / 2 + 1, node;
	int nodes[2 * old + 8 * NODES_MAX];

	open_weighted(_metadata, env, SPAN, variant->strength);
	for (int i = 0; i < old + part; i++)
		nodes[i] = touch_and_look(&env->seg, i);
	for (node = -1; next_node(&node, &env->memory);)
		ASSERT_EQ(0, set_weight(node, 6 - env->weights[node]));
	for (int i = old + part; i < 2 * old; i++)
		nodes[i] = touch_and_look(&env->seg, i);
	expect_rounds(_metadata, env, nodes, 2);

	env->round = get_weights(&env->memory, env->weights);
	for (int i = 0; i < 2 * env->round; i++)
		nodes[i] = touch_and_look(&env->seg, 2 * old + i);
	expect_rounds(_metadata, env, nodes, 2);
}

/*
 * Changed weights leave a node ahead by as many pages: a large folio pays for
 * many rounds of a small weight, and for few of a large one.
 */
TEST_F(weighted, new_weights_keep_a_lead_in_pages)
{
	struct weighted_env *env = &self->env;
	int large = FOLIO_SIZE / page_size(), weight = 32, node, ahead;
	int others = nodes_weight(&env->memory) - 1, late;
	int nodes[SPAN];

	REQUIRE("nodes=2");
	for (node = -1; next_node(&node, &env->memory);)
		ASSERT_EQ(0, set_weight(node, 1));
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	compact_nodes();
	open_aligned(_metadata, &env->seg, large + SPAN,
		     MEM_WEIGHTED | variant->strength, &env->memory);
	touch_page(env->seg.addr, 0);
	ahead = page_node(env->seg.addr, 0);
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	for (node = -1; next_node(&node, &env->memory);)
		ASSERT_EQ(0, set_weight(node, weight));

	/* the round of weight 1 ends, and the folio pays for 15 more rounds */
	late = others + (large / weight - 1) * weight * others;
	ASSERT_GE((int)SPAN, late + weight * (others + 1));
	for (int i = 0; i < late; i++)
		nodes[i] = touch_and_look(&env->seg, large + i);
	EXPECT_EQ(0, count_on(ahead, nodes, late));
	for (int i = 0; i < weight * (others + 1); i++)
		nodes[i] = touch_and_look(&env->seg, large + late + i);
	EXPECT_LT(0, count_on(ahead, nodes, weight * (others + 1)));
}

/* The weights that the kernel computes count as set ones do. */
TEST_F(weighted, automatic_weights_count)
{
	struct weighted_env *env = &self->env;
	int nodes[ROUNDS * WEIGHT_MAX], count;

	REQUIRE("slow=1 autoweights");	/* so the firmware reports bandwidth */
	ASSERT_EQ(0, weigh_automatically());
	env->round = get_weights(&env->memory, env->weights);
	count = ROUNDS * env->round;
	ASSERT_GE((int)ARRAY_SIZE(nodes), count);
	open_weighted(_metadata, env, SPAN, variant->strength);
	for (int i = 0; i < count; i++)
		nodes[i] = touch_and_look(&env->seg, i);
	expect_rounds(_metadata, env, nodes, ROUNDS);
}

/* The largest weight counts exactly. */
TEST_F(weighted, largest_weight_counts_exactly)
{
	struct weighted_env *env = &self->env;
	int last = last_node(&env->memory), count, node;
	int *nodes;

	for (node = -1; next_node(&node, &env->memory);)
		ASSERT_EQ(0, set_weight(node, node == last ? WEIGHT_MAX : 1));
	env->round = get_weights(&env->memory, env->weights);
	count = 3 * env->round;
	nodes = calloc(count, sizeof(*nodes));
	ASSERT_NE(NULL, nodes);
	open_weighted(_metadata, env, SPAN, variant->strength);
	for (int i = 0; i < count; i++)
		nodes[i] = touch_and_look(&env->seg, i);
	expect_rounds(_metadata, env, nodes, 3);
	free(nodes);
}

struct weighted_toucher {
	pthread_t thread;
	struct segment *seg;
	int first, step, count;
};

static void *work(void *arg)
{
	struct weighted_toucher *worker = arg;

	for (int i = worker->first; i < worker->count; i += worker->step)
		touch_page(worker->seg->addr, i);
	return NULL;
}

/* Threads leave a node off by at most as many weights as there are threads. */
TEST_F(weighted, threads_are_off_by_their_number)
{
	struct weighted_env *env = &self->env;
	int count = 16 * ROUNDS * env->round, nodes[count];
	struct weighted_toucher workers[8];

	open_weighted(_metadata, env, SPAN, variant->strength);
	ASSERT_GE(SPAN, (size_t)count);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		workers[i] = (struct weighted_toucher) {
			.seg = &env->seg, .first = i, .count = count,
			.step = ARRAY_SIZE(workers),
		};
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work,
					    &workers[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
	ASSERT_EQ(0, placement(env->seg.addr, count, nodes));
	EXPECT_EQ(0, strays(nodes, count, &env->memory));
	EXPECT_GE((int)ARRAY_SIZE(workers),
		  weights_off(nodes, count, &env->memory, env->weights));
}

/* Threads that lose a race for a page, as most do here, return their turns. */
TEST_F(weighted, turns_lost_in_a_race_are_returned)
{
	struct weighted_env *env = &self->env;
	int count = ROUNDS * env->round, nodes[count];
	struct weighted_toucher workers[8];

	open_weighted(_metadata, env, SPAN, variant->strength);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		workers[i] = (struct weighted_toucher) {
			.seg = &env->seg, .count = count, .step = 1,
		};
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work,
					    &workers[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
	ASSERT_EQ(0, placement(env->seg.addr, count, nodes));
	EXPECT_GE((int)ARRAY_SIZE(workers),
		  weights_off(nodes, count, &env->memory, env->weights));
}

/* Large folios leave a node off by at most one weight of folios. */
TEST_F(weighted, large_folios_are_off_by_one_weight)
{
	struct weighted_env *env = &self->env;
	int large = FOLIO_SIZE / page_size(), folios = 4 * env->round;
	int nodes[folios];
	size_t budget = (size_t)folios * large;

	REQUIRE("nodes=2");
	if (folios > 20)
		folios = 20;	/* for which all topologies have room */
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	compact_nodes();
	open_aligned(_metadata, &env->seg, budget,
		     MEM_WEIGHTED | variant->strength, &env->memory);
	for (int i = 0; i < folios; i++) {
		touch_page(env->seg.addr, (size_t)i * large);
		nodes[i] = page_node(env->seg.addr, (size_t)i * large);
		EXPECT_GE(1, weights_off(nodes, i + 1, &env->memory,
					 env->weights))
			TH_LOG("after %d folios", i + 1);
	}
	EXPECT_EQ(0, strays(nodes, folios, &env->memory));
}

/* Huge pages leave a node off by at most one weight of huge pages. */
TEST_F(weighted, huge_pages_are_off_by_one_weight)
{
	struct weighted_env *env = &self->env;
	struct nodemask mask = nodes_of(first_node(&env->memory));
	int a = first_node(&mask), b, nodes[8];

	REQUIRE("nodes=2");
	b = last_node(&env->memory);
	node_set(b, &mask);
	env->weights[a] = 1;
	env->weights[b] = 3;
	ASSERT_EQ(0, set_weight(a, 1));
	ASSERT_EQ(0, set_weight(b, 3));
	ASSERT_EQ(0, pools_fill(HUGE, &mask, 6));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, 8, 0,
			       MEM_WEIGHTED | variant->strength, &mask));
	for (int i = 0; i < 8; i++) {
		nodes[i] = touch_and_look(&env->seg,
					  i * (HUGE / page_size()));
		EXPECT_GE(1, weights_off(nodes, i + 1, &mask, env->weights))
			TH_LOG("after %d huge pages", i + 1);
	}
	EXPECT_EQ(2, count_on(a, nodes, 8));
	segment_remove(&env->seg);
	EXPECT_EQ(0, pools_fill(HUGE, &mask, 0));
}

/* Other nodes keep their weights in a cpuset, and none catches up later. */
TEST_F(weighted, cpuset_keeps_the_weights_of_the_rest)
{
	struct weighted_env *env = &self->env;
	struct nodemask inside = env->memory;
	int count = ROUNDS * env->round, nodes[count], child;

	REQUIRE("nodes=3");
	node_clear(last_node(&env->memory), &inside);
	ASSERT_EQ(0, cgroup_create(&env->cpuset, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&env->cpuset, &inside));
	open_weighted(_metadata, env, SPAN, variant->strength);
	child = fork();
	if (child == 0) {
		if (cgroup_join(&env->cpuset))
			_exit(1);
		touch_pages(env->seg.addr, count / 2);
		_exit(0);
	}
	ASSERT_EQ(0, wait_for(child));
	ASSERT_EQ(0, placement_elsewhere(env->seg.id, count / 2, nodes));
	EXPECT_EQ(0, strays(nodes, count / 2, &inside));
	EXPECT_GE(1, weights_off(nodes, count / 2, &inside, env->weights));

	/* outside of the cpuset, no node catches up */
	for (int i = 0; i < count / 2; i++)
		nodes[i] = touch_and_look(&env->seg, count / 2 + i);
	EXPECT_GE(2, weights_off(nodes, count / 2, &env->memory,
				 env->weights));
}

/*
 * A full node has its usual turns once it has room. A HARD stripe waits for it,
 * SOFT and MASK pass its turns on.
 */
TEST_F(weighted, full_node_gets_its_usual_turns_later)
{
	struct weighted_env *env = &self->env;
	int victim = victim_node(), round = env->round, done = 0, stops = 0;
	bool hard = variant->strength == MEM_HARDBIND;
	int nodes[4 * round];

	REQUIRE("nodes=2");
	ASSERT_LT(0, fill_node(&env->ballast, victim));
	open_weighted(_metadata, env, SPAN, variant->strength);
	while (done < 2 * round && stops < 4) {
		if (try_touch(env->seg.addr, done))
			done++;
		else
			stops++;
	}
	EXPECT_EQ(hard, stops == 4);
	EXPECT_EQ(!hard, done == 2 * round);

	ASSERT_EQ(0, give_back(&env->ballast));
	for (int i = done; i < 4 * round; i++)
		nodes[i] = touch_and_look(&env->seg, i);
	if (hard) {
		/* include the pages from before the stop */
		for (int i = 0; i < done; i++)
			nodes[i] = page_node(env->seg.addr, i);
		expect_rounds(_metadata, env, nodes, 4);
		return;
	}
	memmove(nodes, nodes + 2 * round, 2 * round * sizeof(*nodes));
	expect_rounds(_metadata, env, nodes, 2);
}

/* MPOL_DEFAULT with MPOL_MF_MOVE distributes pages by weight. */
TEST_F(weighted, mpol_default_moves_by_weight)
{
	struct weighted_env *env = &self->env;
	struct nodemask first = nodes_of(first_node(&env->memory));
	int count = ROUNDS * env->round, nodes[count];

	if (variant->strength != MEM_SOFTBIND)
		return;	/* mbind() is refused */
	REQUIRE("nodes=2");
	open_weighted(_metadata, env, count, variant->strength);
	ASSERT_EQ(0, mbind(env->seg.addr, env->seg.size, MPOL_BIND,
			   first.bits, NODES_MAX, 0));
	touch_pages(env->seg.addr, count);
	ASSERT_EQ(0, mbind(env->seg.addr, env->seg.size, MPOL_DEFAULT, NULL,
			   0, MPOL_MF_MOVE));
	for (int i = 0; i < count; i++)
		read_page(env->seg.addr, i);
	ASSERT_EQ(0, placement(env->seg.addr, count, nodes));
	expect_rounds(_metadata, env, nodes, ROUNDS);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
