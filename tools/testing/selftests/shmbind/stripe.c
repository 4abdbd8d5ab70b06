// SPDX-License-Identifier: GPL-2.0
/*
 * MEM_STRIPE is round robin in the order in which pages are allocated, counted
 * for each segment. So most tests write down where each page went as it came,
 * and look at every prefix of that list.
 */
#include <pthread.h>

#include "ballast.h"
#include "cgroup.h"
#include "expected.h"
#include "orders.h"

#define ROUNDS	16		/* of the stripe, in a test */
#define IN_STEP	64		/* pages touched by threads in step: slow */

struct scene {
	int strength;
	struct nodemask memory;
	int width;		/* nodes in the stripe */
	int pages;		/* ROUNDS of width */
	struct segment seg, other, ballast;
	struct cgroup cpuset;
	int nodes[ROUNDS * NODES_MAX];	/* in the order of allocation */
	int others[ROUNDS * NODES_MAX];	/* the same for the other segment */
};

static void set_scene(struct __test_metadata *_metadata, struct scene *scene,
		      int strength)
{
	scene->strength = strength;
	ASSERT_EQ(0, own_ipc_namespace());
	scene->memory = memory_nodes();
	scene->width = nodes_weight(&scene->memory);
	scene->pages = ROUNDS * scene->width;
}

static void clear_scene(struct scene *scene)
{
	segment_detach(&scene->seg);
	segment_detach(&scene->other);
	segment_detach(&scene->ballast);
	cgroup_remove(&scene->cpuset);
}

static void open_stripe(struct __test_metadata *_metadata, struct scene *scene,
			struct segment *seg)
{
	ASSERT_EQ(0, segment_open(seg, SPAN, MEM_STRIPE | scene->strength,
				  &scene->memory));
	ASSERT_EQ(0, segment_doom(seg));
}

static int touch_and_look(struct segment *seg, size_t page)
{
	touch_page(seg->addr, page);
	return page_node(seg->addr, page);
}

/* No prefix of the list prefers a node, and every round is like the first. */
static void expect_round_robin(struct __test_metadata *_metadata,
			       const struct scene *scene, const int *nodes,
			       int count)
{
	EXPECT_EQ(0, strays(nodes, count, &scene->memory));
	for (int prefix = 1; prefix <= count; prefix++) {
		ASSERT_GE(1, spread(nodes, prefix, &scene->memory))
			TH_LOG("after %d pages", prefix);
	}
	for (int i = scene->width; i < count; i++) {
		EXPECT_EQ(nodes[i - scene->width], nodes[i])
			TH_LOG("page %d came out of turn", i);
	}
}

FIXTURE(order)
{
	struct scene scene;
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
	set_scene(_metadata, &self->scene, variant->strength);
}

FIXTURE_TEARDOWN(order)
{
	clear_scene(&self->scene);
}

TEST_F(order, every_prefix_is_even)
{
	struct scene *scene = &self->scene;
	struct segment *seg = &scene->seg;

	open_stripe(_metadata, scene, seg);
	for (int i = 0; i < scene->pages; i++)
		scene->nodes[i] = touch_and_look(seg, variant->page(i));
	expect_round_robin(_metadata, scene, scene->nodes, scene->pages);
}

/* What must not disturb the round. */

FIXTURE(stripe)
{
	struct scene scene;
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
	set_scene(_metadata, &self->scene, variant->strength);
}

FIXTURE_TEARDOWN(stripe)
{
	clear_scene(&self->scene);
}

TEST_F(stripe, two_segments_in_uneven_turn_are_each_even)
{
	struct scene *scene = &self->scene;
	int seen = 0, others = 0;

	open_stripe(_metadata, scene, &scene->seg);
	open_stripe(_metadata, scene, &scene->other);
	/* two of the one, then one of the other */
	while (seen < scene->pages) {
		scene->nodes[seen] = touch_and_look(&scene->seg, seen);
		if (seen++ & 1)
			continue;
		scene->others[others] = touch_and_look(&scene->other, others);
		others++;
	}
	expect_round_robin(_metadata, scene, scene->nodes, seen);
	expect_round_robin(_metadata, scene, scene->others, others);
}

TEST_F(stripe, segments_touched_alternately_are_each_even)
{
	struct scene *scene = &self->scene;

	open_stripe(_metadata, scene, &scene->seg);
	open_stripe(_metadata, scene, &scene->other);
	for (int i = 0; i < scene->pages; i++) {
		scene->nodes[i] = touch_and_look(&scene->seg, i);
		scene->others[i] = touch_and_look(&scene->other, i);
	}
	expect_round_robin(_metadata, scene, scene->nodes, scene->pages);
	expect_round_robin(_metadata, scene, scene->others, scene->pages);
}

TEST_F(stripe, a_new_process_for_each_page_goes_on_with_the_round)
{
	struct scene *scene = &self->scene;
	struct segment *seg = &scene->seg;
	int pages = 4 * scene->width, child;

	open_stripe(_metadata, scene, seg);
	for (int i = 0; i < pages; i++) {
		child = fork();
		if (child == 0) {
			touch_page(seg->addr, i);
			_exit(0);
		}
		ASSERT_EQ(0, wait_for(child));
		/* a second touch maps it here, where it can be looked up */
		scene->nodes[i] = touch_and_look(seg, i);
	}
	expect_round_robin(_metadata, scene, scene->nodes, pages);
}

TEST_F(stripe, refilling_holes_goes_on_with_the_round)
{
	struct scene *scene = &self->scene;
	struct segment *seg = &scene->seg;
	int half = scene->pages / 2;

	open_stripe(_metadata, scene, seg);
	for (int i = 0; i < half; i++)
		scene->nodes[i] = touch_and_look(seg, i);
	ASSERT_EQ(0, madvise(seg->addr, half * page_size(), MADV_REMOVE));
	for (int i = 0; i < half; i++)
		scene->nodes[half + i] = touch_and_look(seg, i);
	expect_round_robin(_metadata, scene, scene->nodes, 2 * half);
}

/* Everything that looks at a segment or touches what is there. */
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

TEST_F(stripe, looking_and_touching_again_spend_no_turn)
{
	struct scene *scene = &self->scene;
	struct segment *seg = &scene->seg;
	void *addr;

	open_stripe(_metadata, scene, seg);
	for (int i = 0; i < scene->pages; i++) {
		if (i % scene->width == 1)
			look_hard(_metadata, seg, i);
		scene->nodes[i] = touch_and_look(seg, i);
		if (i % scene->width)
			continue;
		/* attached elsewhere, every page has to be faulted in again */
		addr = shmat(seg->id, NULL, 0);
		ASSERT_NE((void *)-1, addr);
		ASSERT_EQ(0, segment_detach(seg));
		seg->addr = addr;
		touch_pages(addr, i);
	}
	expect_round_robin(_metadata, scene, scene->nodes, scene->pages);
}

TEST_F(stripe, time_outside_a_cpuset_is_not_made_up_for)
{
	struct scene *scene = &self->scene;
	struct segment *seg = &scene->seg;
	int early = 4 * scene->width, late = 3 * scene->width, child, out;
	int late_on_out = 0;
	struct nodemask inside;

	REQUIRE("nodes=2");
	out = last_node(&scene->memory);
	inside = nodes_andnot(scene->memory, nodes_of(out));
	ASSERT_EQ(0, cgroup_create(&scene->cpuset, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&scene->cpuset, &inside));

	open_stripe(_metadata, scene, seg);
	child = fork();
	if (child == 0) {
		if (cgroup_join(&scene->cpuset))
			_exit(1);
		touch_pages(seg->addr, early);
		_exit(0);
	}
	ASSERT_EQ(0, wait_for(child));
	for (int i = 0; i < early + late; i++) {
		scene->nodes[i] = touch_and_look(seg, i);
		if (i >= early && scene->nodes[i] == out)
			late_on_out++;
	}

	EXPECT_EQ(0, strays(scene->nodes, early, &inside));
	EXPECT_GE(1, spread(scene->nodes, early, &inside));
	EXPECT_GE(1, spread(scene->nodes, early + late, &inside));
	/* three rounds, of which the first and the last need not be whole */
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

struct worker {
	struct crew *crew;
	pthread_t thread;
	int number;
};

/* A barrier that threads leave so close together that they race. */
static void keep_step(struct crew *crew, int step)
{
	int everyone = crew->threads * (step + 1);

	__atomic_add_fetch(&crew->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&crew->arrived, __ATOMIC_SEQ_CST) < everyone)
		sched_yield();
}

static void *work(void *arg)
{
	struct worker *worker = arg;
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

/* The threads touch the pages; how uneven they left them. */
static int spread_by_threads(struct __test_metadata *_metadata,
			     struct scene *scene, int threads, bool in_step)
{
	struct crew crew = {
		.threads = threads,
		.pages = in_step ? IN_STEP : scene->pages,
		.in_step = in_step,
	};
	struct worker workers[threads];

	open_stripe(_metadata, scene, &scene->seg);
	crew.addr = scene->seg.addr;
	for (int i = 0; i < threads; i++) {
		workers[i] = (struct worker) { .crew = &crew, .number = i };
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work,
					    &workers[i]));
	}
	for (int i = 0; i < threads; i++)
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));

	ASSERT_EQ(0, placement(crew.addr, crew.pages, scene->nodes));
	EXPECT_EQ(0, strays(scene->nodes, crew.pages, &scene->memory));
	ASSERT_EQ(0, segment_detach(&scene->seg));
	return spread(scene->nodes, crew.pages, &scene->memory);
}

TEST_F(stripe, threads_are_even_within_their_number)
{
	for (int threads = 2; threads <= 8; threads *= 2)
		EXPECT_GE(threads, spread_by_threads(_metadata, &self->scene,
						     threads, false));
}

TEST_F(stripe, a_turn_lost_to_another_thread_is_given_back)
{
	REQUIRE("nodes=2");
	for (int threads = 2; threads <= 4; threads++)
		EXPECT_GE(threads, spread_by_threads(_metadata, &self->scene,
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
	struct scene scene;
	int victim;
	int turn;	/* of the victim within a round */
};

FIXTURE_SETUP(full_node)
{
	REQUIRE("nodes=2");
	set_scene(_metadata, &self->scene, 0);
	self->victim = victim_node();
}

FIXTURE_TEARDOWN(full_node)
{
	clear_scene(&self->scene);
}

/* Let the first round show where it begins, then fill the victim. */
static int fill_after_a_round(struct __test_metadata *_metadata,
			      struct scene *scene, int victim)
{
	int turn = -1;

	open_stripe(_metadata, scene, &scene->seg);
	for (int i = 0; i < scene->width; i++) {
		scene->nodes[i] = touch_and_look(&scene->seg, i);
		if (scene->nodes[i] == victim)
			turn = i;
	}
	ASSERT_LE(0, turn);
	ASSERT_LT(0, fill_node(&scene->ballast, victim));
	return turn;
}

TEST_F(full_node, stops_a_hard_stripe_until_it_has_room)
{
	struct scene *scene = &self->scene;
	struct segment *seg = &scene->seg;
	int done, turn, stops = 0;

	scene->strength = MEM_HARDBIND;
	turn = fill_after_a_round(_metadata, scene, self->victim);
	done = scene->width;
	while (done < scene->pages && stops <= 3 * scene->width) {
		if (try_touch(seg->addr, done)) {
			scene->nodes[done] = page_node(seg->addr, done);
			done++;
		} else {
			stops++;
		}
	}
	ASSERT_GT(scene->pages, done);
	EXPECT_EQ(turn, done % scene->width);

	ASSERT_EQ(0, give_back(&scene->ballast));
	for (int i = done; i < scene->pages; i++)
		scene->nodes[i] = touch_and_look(seg, i);
	expect_round_robin(_metadata, scene, scene->nodes, scene->pages);
}

static void expect_turns_passed_on(struct __test_metadata *_metadata,
				   FIXTURE_DATA(full_node) * self, int strength)
{
	struct scene *scene = &self->scene;
	struct nodemask rest = nodes_andnot(scene->memory,
					    nodes_of(self->victim));
	int nearest = nearest_node(self->victim, &rest);
	int half = scene->pages / 2, passed_on = 0, turn, node;

	scene->strength = strength;
	turn = fill_after_a_round(_metadata, scene, self->victim);
	for (int i = scene->width; i < half; i++) {
		node = touch_and_look(&scene->seg, i);
		scene->nodes[i] = scene->nodes[i % scene->width];
		if (i % scene->width == turn && node != self->victim) {
			passed_on++;
			EXPECT_EQ(distance_between(self->victim, nearest),
				  distance_between(self->victim, node));
		} else {
			EXPECT_EQ(scene->nodes[i], node);
		}
	}
	EXPECT_LT(0, passed_on);

	ASSERT_EQ(0, give_back(&scene->ballast));
	for (int i = half; i < scene->pages; i++)
		scene->nodes[i] = touch_and_look(&scene->seg, i);
	expect_round_robin(_metadata, scene, scene->nodes, scene->pages);
}

TEST_F(full_node, passes_its_turns_on_in_a_soft_stripe)
{
	expect_turns_passed_on(_metadata, self, MEM_SOFTBIND);
}

TEST_F(full_node, passes_its_turns_on_in_a_mask_stripe)
{
	expect_turns_passed_on(_metadata, self, MEM_MASKBIND);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
