// SPDX-License-Identifier: GPL-2.0
/*
 * MEM_STRIPE is round robin in the order of allocation, counted for each
 * segment. Most tests record the node of each page as it is allocated, and
 * check every prefix of that list.
 */
#include <pthread.h>

#include "ballast.h"
#include "cgroup.h"
#include "expected.h"
#include "orders.h"

#define ROUNDS	16		/* of the stripe, in a test */
#define IN_STEP	64		/* pages touched by threads in step, slowly */

struct stripe_env {
	int strength;
	struct nodemask memory;
	int width;		/* nodes in the stripe */
	int pages;		/* ROUNDS of width */
	struct segment seg, other, ballast;
	struct cgroup cpuset;
	int nodes[ROUNDS * NODES_MAX];	/* in the order of allocation */
	int others[ROUNDS * NODES_MAX];	/* the same for the other segment */
};

static void env_setup(struct __test_metadata *_metadata, struct stripe_env *env,
		      int strength)
{
	env->strength = strength;
	ASSERT_EQ(0, own_ipc_namespace());
	env->memory = memory_nodes();
	env->width = nodes_weight(&env->memory);
	env->pages = ROUNDS * env->width;
}

static void env_teardown(struct stripe_env *env)
{
	segment_detach(&env->seg);
	segment_detach(&env->other);
	segment_detach(&env->ballast);
	cgroup_remove(&env->cpuset);
}

static void open_stripe(struct __test_metadata *_metadata,
			struct stripe_env *env, struct segment *seg)
{
	ASSERT_EQ(0, segment_open(seg, SPAN, MEM_STRIPE | env->strength,
				  &env->memory));
	ASSERT_EQ(0, segment_rmid(seg));
}

static int touch_and_look(struct segment *seg, size_t page)
{
	touch_page(seg->addr, page);
	return page_node(seg->addr, page);
}

/* Every prefix of the list is even, and every round is like the first. */
static void expect_round_robin(struct __test_metadata *_metadata,
			       const struct stripe_env *env, const int *nodes,
			       int count)
{
	EXPECT_EQ(0, strays(nodes, count, &env->memory));
	for (int prefix = 1; prefix <= count; prefix++) {
		ASSERT_GE(1, spread(nodes, prefix, &env->memory))
			TH_LOG("after %d pages", prefix);
	}
	for (int i = env->width; i < count; i++) {
		EXPECT_EQ(nodes[i - env->width], nodes[i])
			TH_LOG("page %d came out of turn", i);
	}
}

FIXTURE(order)
{
	struct stripe_env env;
};

FIXTURE_VARIANT(order)
{
	int strength;
	size_t (*page)(size_t i);
};

FIXTURE_VARIANT_ADD(order, sequential_hard) {
	.strength = MEM_HARDBIND,
	.page = sequential,
};

FIXTURE_VARIANT_ADD(order, sequential_soft) {
	.strength = MEM_SOFTBIND,
	.page = sequential,
};

FIXTURE_VARIANT_ADD(order, reverse_hard) {
	.strength = MEM_HARDBIND,
	.page = reverse,
};

FIXTURE_VARIANT_ADD(order, reverse_soft) {
	.strength = MEM_SOFTBIND,
	.page = reverse,
};

FIXTURE_VARIANT_ADD(order, strided_hard) {
	.strength = MEM_HARDBIND,
	.page = strided,
};

FIXTURE_VARIANT_ADD(order, strided_soft) {
	.strength = MEM_SOFTBIND,
	.page = strided,
};

FIXTURE_VARIANT_ADD(order, random_hard) {
	.strength = MEM_HARDBIND,
	.page = at_random,
};

FIXTURE_VARIANT_ADD(order, random_soft) {
	.strength = MEM_SOFTBIND,
	.page = at_random,
};

FIXTURE_SETUP(order)
{
	env_setup(_metadata, &self->env, variant->strength);
}

FIXTURE_TEARDOWN(order)
{
	env_teardown(&self->env);
}

/* After each page the nodes differ by at most one, in any order of access. */
TEST_F(order, every_prefix_is_even)
{
	struct stripe_env *env = &self->env;
	struct segment *seg = &env->seg;

	open_stripe(_metadata, env, seg);
	for (int i = 0; i < env->pages; i++)
		env->nodes[i] = touch_and_look(seg, variant->page(i));
	expect_round_robin(_metadata, env, env->nodes, env->pages);
}

/* Events that must not disturb the round. */

FIXTURE(stripe)
{
	struct stripe_env env;
};

FIXTURE_VARIANT(stripe)
{
	int strength;
};

FIXTURE_VARIANT_ADD(stripe, hard) {
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(stripe, soft) {
	.strength = MEM_SOFTBIND,
};

FIXTURE_SETUP(stripe)
{
	env_setup(_metadata, &self->env, variant->strength);
}

FIXTURE_TEARDOWN(stripe)
{
	env_teardown(&self->env);
}

/* Two segments, touched two pages to one, are each even. */
TEST_F(stripe, two_segments_2_to_1_are_each_even)
{
	struct stripe_env *env = &self->env;
	int seen = 0, others = 0;

	open_stripe(_metadata, env, &env->seg);
	open_stripe(_metadata, env, &env->other);
	/* two pages of one segment, then one page of the other */
	while (seen < env->pages) {
		env->nodes[seen] = touch_and_look(&env->seg, seen);
		if (seen++ & 1)
			continue;
		env->others[others] = touch_and_look(&env->other, others);
		others++;
	}
	expect_round_robin(_metadata, env, env->nodes, seen);
	expect_round_robin(_metadata, env, env->others, others);
}

/* Two segments, touched alternately, are each even. */
TEST_F(stripe, two_segments_alternating_are_each_even)
{
	struct stripe_env *env = &self->env;

	open_stripe(_metadata, env, &env->seg);
	open_stripe(_metadata, env, &env->other);
	for (int i = 0; i < env->pages; i++) {
		env->nodes[i] = touch_and_look(&env->seg, i);
		env->others[i] = touch_and_look(&env->other, i);
	}
	expect_round_robin(_metadata, env, env->nodes, env->pages);
	expect_round_robin(_metadata, env, env->others, env->pages);
}

/* Stripes begin at different nodes, so small segments do not fill one node. */
TEST_F(stripe, segments_begin_at_different_nodes)
{
	struct stripe_env *env = &self->env;
	int nodes[NODES_MAX];

	for (int i = 0; i < env->width; i++) {
		open_stripe(_metadata, env, &env->other);
		nodes[i] = touch_and_look(&env->other, 0);
		ASSERT_EQ(0, segment_detach(&env->other));
	}
	EXPECT_EQ(0, spread(nodes, env->width, &env->memory));
}

/* A new process for each page continues the round. */
TEST_F(stripe, new_processes_continue_the_round)
{
	struct stripe_env *env = &self->env;
	struct segment *seg = &env->seg;
	int pages = 4 * env->width, child;

	open_stripe(_metadata, env, seg);
	for (int i = 0; i < pages; i++) {
		child = fork();
		if (child == 0) {
			touch_page(seg->addr, i);
			_exit(0);
		}
		ASSERT_EQ(0, wait_for(child));
		/* a second touch maps the page in this process */
		env->nodes[i] = touch_and_look(seg, i);
	}
	expect_round_robin(_metadata, env, env->nodes, pages);
}

/* Pages that were removed and are touched again continue the round. */
TEST_F(stripe, refilled_holes_continue_the_round)
{
	struct stripe_env *env = &self->env;
	struct segment *seg = &env->seg;
	int half = env->pages / 2;

	open_stripe(_metadata, env, seg);
	for (int i = 0; i < half; i++)
		env->nodes[i] = touch_and_look(seg, i);
	ASSERT_EQ(0, madvise(seg->addr, half * page_size(), MADV_REMOVE));
	for (int i = 0; i < half; i++)
		env->nodes[half + i] = touch_and_look(seg, i);
	expect_round_robin(_metadata, env, env->nodes, 2 * half);
}

/* Read and touch all pages, and read all files that show the segment. */
static void look_hard(struct __test_metadata *_metadata, struct segment *seg,
		      int pages)
{
	unsigned char resident[SPAN];
	char line[256];
	FILE *maps;
	int mode;

	touch_pages(seg->addr, pages);
	for (int page = 0; page < pages; page++)
		read_page(seg->addr, page);
	ASSERT_EQ(0, mincore(seg->addr, seg->size, resident));
	ASSERT_EQ(0, get_mempolicy(&mode, NULL, 0, seg->addr, MPOL_F_ADDR));
	for (int i = 0; i < 2; i++) {
		maps = fopen(i ? "/proc/sysvipc/shmbind" :
			     "/proc/self/numa_maps", "r");
		ASSERT_TRUE(!!maps);
		while (fgets(line, sizeof(line), maps))
			;
		fclose(maps);
	}
}

/* Neither looking at the segment nor touching existing pages spends a turn. */
TEST_F(stripe, reading_and_retouching_spend_no_turn)
{
	struct stripe_env *env = &self->env;
	struct segment *seg = &env->seg;
	void *addr;

	open_stripe(_metadata, env, seg);
	for (int i = 0; i < env->pages; i++) {
		if (i % env->width == 1)
			look_hard(_metadata, seg, i);
		env->nodes[i] = touch_and_look(seg, i);
		if (i % env->width)
			continue;
		/* in a new attach, every page faults again */
		addr = shmat(seg->id, NULL, 0);
		ASSERT_NE((void *)-1, addr);
		ASSERT_EQ(0, segment_detach(seg));
		seg->addr = addr;
		touch_pages(addr, i);
	}
	expect_round_robin(_metadata, env, env->nodes, env->pages);
}

/* A node that a cpuset left out for a while does not catch up. */
TEST_F(stripe, cpuset_absence_is_not_made_up_for)
{
	struct stripe_env *env = &self->env;
	struct segment *seg = &env->seg;
	int early = 4 * env->width, late = 3 * env->width, child, out;
	int late_on_out = 0;
	struct nodemask inside;

	REQUIRE("nodes=2");
	out = last_node(&env->memory);
	inside = nodes_andnot(env->memory, nodes_of(out));
	ASSERT_EQ(0, cgroup_create(&env->cpuset, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&env->cpuset, &inside));

	open_stripe(_metadata, env, seg);
	child = fork();
	if (child == 0) {
		if (cgroup_join(&env->cpuset))
			_exit(1);
		touch_pages(seg->addr, early);
		_exit(0);
	}
	ASSERT_EQ(0, wait_for(child));
	for (int i = 0; i < early + late; i++) {
		env->nodes[i] = touch_and_look(seg, i);
		if (i >= early && env->nodes[i] == out)
			late_on_out++;
	}

	EXPECT_EQ(0, strays(env->nodes, early, &inside));
	EXPECT_GE(1, spread(env->nodes, early, &inside));
	EXPECT_GE(1, spread(env->nodes, early + late, &inside));
	/* three rounds; the first and the last may be partial */
	EXPECT_LE(2, late_on_out);
	EXPECT_GE(4, late_on_out);
}

/* Threads. */

struct crew {
	int threads;
	int pages;
	bool in_step;	/* all touch the same page at the same time */
	char *addr;
	int arrived;	/* at the step, counted over all steps */
};

struct stripe_toucher {
	struct crew *crew;
	pthread_t thread;
	int number;
};

/* A barrier that threads leave at almost the same time, so that they race. */
static void keep_step(struct crew *crew, int step)
{
	int everyone = crew->threads * (step + 1);

	__atomic_add_fetch(&crew->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&crew->arrived, __ATOMIC_SEQ_CST) < everyone)
		sched_yield();
}

static void *work(void *arg)
{
	struct stripe_toucher *worker = arg;
	struct crew *crew = worker->crew;
	struct nodemask cpus = cpu_nodes();

	run_on_node(nth_node(worker->number % nodes_weight(&cpus), &cpus));
	keep_step(crew, 0);
	for (int page = 0; page < crew->pages; page++) {
		if (crew->in_step)
			keep_step(crew, page + 1);
		if (crew->in_step ||
		    page % crew->threads == worker->number)
			touch_page(crew->addr, page);
	}
	return NULL;
}

/* Have threads touch the pages; returns the spread of the nodes. */
static int spread_by_threads(struct __test_metadata *_metadata,
			     struct stripe_env *env, int threads, bool in_step)
{
	struct crew crew = {
		.threads = threads,
		.pages = in_step ? IN_STEP : env->pages,
		.in_step = in_step,
	};
	struct stripe_toucher workers[threads];

	open_stripe(_metadata, env, &env->seg);
	crew.addr = env->seg.addr;
	for (int i = 0; i < threads; i++) {
		workers[i] = (struct stripe_toucher) {
			.crew = &crew, .number = i,
		};
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work,
					    &workers[i]));
	}
	for (int i = 0; i < threads; i++)
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));

	ASSERT_EQ(0, placement(crew.addr, crew.pages, env->nodes));
	EXPECT_EQ(0, strays(env->nodes, crew.pages, &env->memory));
	ASSERT_EQ(0, segment_detach(&env->seg));
	return spread(env->nodes, crew.pages, &env->memory);
}

/* Threads leave the nodes uneven by at most their number. */
TEST_F(stripe, threads_are_even_within_their_number)
{
	for (int threads = 2; threads <= 8; threads *= 2)
		EXPECT_GE(threads, spread_by_threads(_metadata, &self->env,
						     threads, false));
}

/* Threads that lose a race for a page return their turns. */
TEST_F(stripe, turns_lost_in_a_race_are_returned)
{
	REQUIRE("nodes=2");
	for (int threads = 2; threads <= 4; threads++)
		EXPECT_GE(threads, spread_by_threads(_metadata, &self->env,
						     threads, true));
}

/*
 * A full node:
 *
 *	node	0 1 2 3 | 0 1 2 *	HARD: stays at 3 until 3 has room
 *			| 0 1 2 2' 0 1	SOFT: goes on; 2 is the nearest to 3
 */
FIXTURE(full_node)
{
	struct stripe_env env;
	int victim;
	int turn;	/* of the victim within a round */
};

FIXTURE_SETUP(full_node)
{
	REQUIRE("nodes=2");
	env_setup(_metadata, &self->env, 0);
	self->victim = victim_node();
}

FIXTURE_TEARDOWN(full_node)
{
	env_teardown(&self->env);
}

/* Fill the victim after the first round; returns its turn within a round. */
static int fill_after_a_round(struct __test_metadata *_metadata,
			      struct stripe_env *env, int victim)
{
	int turn = -1;

	open_stripe(_metadata, env, &env->seg);
	for (int i = 0; i < env->width; i++) {
		env->nodes[i] = touch_and_look(&env->seg, i);
		if (env->nodes[i] == victim)
			turn = i;
	}
	ASSERT_LE(0, turn);
	ASSERT_LT(0, fill_node(&env->ballast, victim));
	return turn;
}

/* A HARD stripe stops at a full node until that has room. */
TEST_F(full_node, full_node_stops_a_hard_stripe)
{
	struct stripe_env *env = &self->env;
	struct segment *seg = &env->seg;
	int done, turn, stops = 0;

	env->strength = MEM_HARDBIND;
	turn = fill_after_a_round(_metadata, env, self->victim);
	done = env->width;
	while (done < env->pages && stops <= 3 * env->width) {
		if (try_touch(seg->addr, done)) {
			env->nodes[done] = page_node(seg->addr, done);
			done++;
		} else {
			stops++;
		}
	}
	ASSERT_GT(env->pages, done);
	EXPECT_EQ(turn, done % env->width);

	ASSERT_EQ(0, give_back(&env->ballast));
	for (int i = done; i < env->pages; i++)
		env->nodes[i] = touch_and_look(seg, i);
	expect_round_robin(_metadata, env, env->nodes, env->pages);
}

static void expect_turns_passed_on(struct __test_metadata *_metadata,
				   FIXTURE_DATA(full_node) * self, int strength)
{
	struct stripe_env *env = &self->env;
	struct nodemask rest = nodes_andnot(env->memory,
					    nodes_of(self->victim));
	int nearest = nearest_node(self->victim, &rest);
	int half = env->pages / 2, passed_on = 0, turn, node;

	env->strength = strength;
	turn = fill_after_a_round(_metadata, env, self->victim);
	for (int i = env->width; i < half; i++) {
		node = touch_and_look(&env->seg, i);
		env->nodes[i] = env->nodes[i % env->width];
		if (i % env->width == turn && node != self->victim) {
			passed_on++;
			EXPECT_EQ(distance_between(self->victim, nearest),
				  distance_between(self->victim, node));
		} else {
			EXPECT_EQ(env->nodes[i], node);
		}
	}
	EXPECT_LT(0, passed_on);

	ASSERT_EQ(0, give_back(&env->ballast));
	for (int i = half; i < env->pages; i++)
		env->nodes[i] = touch_and_look(&env->seg, i);
	expect_round_robin(_metadata, env, env->nodes, env->pages);
}

/* A SOFT stripe passes the turns of a full node to the nearest node. */
TEST_F(full_node, full_node_passes_turns_on_under_soft)
{
	expect_turns_passed_on(_metadata, self, MEM_SOFTBIND);
}

/* A MASK stripe passes the turns of a full node to the nearest node. */
TEST_F(full_node, full_node_passes_turns_on_under_mask)
{
	expect_turns_passed_on(_metadata, self, MEM_MASKBIND);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
