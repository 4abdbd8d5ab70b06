// SPDX-License-Identifier: GPL-2.0
/*
 * Segments of large folios: one choice of a node for each folio, stripes counted
 * in base pages, and small folios on the same node where no large one fits.
 */
#include <limits.h>

#include "ballast.h"
#include "cgroup.h"
#include "expected.h"
#include "thp.h"

struct scene {
	struct nodemask memory, cpus;
	int victim;
	int large;	/* base pages of a large folio */
	struct segment seg, ballast;
	long taken;	/* pages of the ballast */
};

static void set_scene(struct __test_metadata *_metadata, struct scene *scene)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	/* no compaction: what is fragmented stays so */
	ASSERT_EQ(0, write_file(THP_DIR "defrag", "never"));
	scene->memory = memory_nodes();
	scene->cpus = cpu_nodes();
	scene->victim = victim_node();
	scene->large = FOLIO_SIZE / page_size();
	scene->seg.id = -1;
	scene->ballast.id = -1;
}

static void clear_scene(struct scene *scene)
{
	segment_remove(&scene->seg);
	segment_detach(&scene->ballast);
	write_file(THP_DIR "shmem_enabled", "never");
	write_file(THP_DIR "defrag", "madvise");
}

/*
 * The node on which all pages of a folio lie that the touch of @page makes, or
 * -1 if it made no large folio, or one that lies on several.
 */
static int touch_large(const struct scene *scene, size_t page)
{
	int nodes[scene->large];
	size_t first = page - page % scene->large;

	touch_page(scene->seg.addr, page);
	if (placement(scene->seg.addr + first * page_size(), scene->large,
		      nodes))
		return -1;
	for (int i = 1; i < scene->large; i++) {
		if (nodes[i] != nodes[0])
			return -1;
	}
	return nodes[0];
}

FIXTURE(large)
{
	struct scene scene;
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
	set_scene(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(large)
{
	clear_scene(&self->scene);
}

TEST_F(large, firstref_is_near_the_cpu_for_all_of_a_folio)
{
	struct scene *scene = &self->scene;
	struct nodemask mask;
	int a, b, node;
	size_t folio;

	for (a = -1; next_node(&a, &scene->memory);) {
		for (b = a - 1; next_node(&b, &scene->memory);) {
			mask = nodes_of(a);
			node_set(b, &mask);
			open_aligned(_metadata, &scene->seg,
				     nodes_weight(&scene->cpus) * scene->large,
				     MEM_FIRSTREF | variant->strength, &mask);
			folio = 0;
			for (node = -1; next_node(&node, &scene->cpus);) {
				ASSERT_EQ(0, run_on_node(node));
				/* somewhere in the middle of it */
				EXPECT_EQ(firstref_node(node, &mask),
					  touch_large(scene, folio *
						      scene->large + 77));
				folio++;
			}
			segment_remove(&scene->seg);
		}
	}
}

TEST_F(large, stripe_gives_each_node_a_folio_in_turn)
{
	struct scene *scene = &self->scene;
	int width = nodes_weight(&scene->memory), folios = 2 * width;
	int nodes[folios];

	open_aligned(_metadata, &scene->seg, folios * scene->large,
		     MEM_STRIPE | variant->strength, &scene->memory);
	for (int i = 0; i < folios; i++) {
		nodes[i] = touch_large(scene, (folios - 1 - i) * scene->large);
		ASSERT_LE(0, nodes[i]);
		ASSERT_GE(1, spread(nodes, i + 1, &scene->memory));
	}
}

TEST_F(large, mostfree_takes_a_folio_from_the_freest_node)
{
	struct scene *scene = &self->scene;
	int freest = freest_of(&scene->memory);

	open_aligned(_metadata, &scene->seg, scene->large,
		     MEM_MOSTFREE | variant->strength, &scene->memory);
	EXPECT_EQ(freest, touch_large(scene, 0));
}

/* A tail, for which no large folio fits, goes on with the count. */
TEST_F(large, stripe_counts_base_pages_of_small_folios_and_large_ones)
{
	struct scene *scene = &self->scene;
	int width = nodes_weight(&scene->memory);
	long per_node[NODES_MAX], most = 0, least = LONG_MAX;
	int pages = scene->large + (width - 1) * scene->large / 2, node;

	open_aligned(_metadata, &scene->seg, pages,
		     MEM_STRIPE | variant->strength, &scene->memory);
	ASSERT_LE(0, touch_large(scene, 0));
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	touch_pages(scene->seg.addr, pages);
	ASSERT_EQ(pages, count_placement(scene->seg.addr, pages, per_node));
	/* one has its large folio, the others their shares of the rest */
	for (node = -1; next_node(&node, &scene->memory);) {
		most = per_node[node] > most ? per_node[node] : most;
		least = per_node[node] < least ? per_node[node] : least;
	}
	EXPECT_EQ(scene->large, most);
	EXPECT_LE(scene->large / 2 - 1, least);
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

/* A segment just as large as the folio allows for no larger one. */
TEST_F(large, folios_of_every_order_are_one_choice)
{
	static const struct {
		const char *name;
		bool any;	/* order, not only that which a PMD maps */
	} modes[] = {
		{ "always", true }, { "within_size", true },
		{ "advise", true }, { "force", false },
	};
	struct scene *scene = &self->scene;
	int nodes[scene->large];

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		int pages = modes[i].any ? 2 : scene->large;

		ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled",
					modes[i].name));
		for (; pages <= scene->large; pages *= 2) {
			open_aligned(_metadata, &scene->seg, pages,
				     MEM_STRIPE | variant->strength,
				     &scene->memory);
			ASSERT_EQ(0, madvise(scene->seg.addr, scene->seg.size,
					     MADV_HUGEPAGE));
			touch_page(scene->seg.addr, pages - 1);
			EXPECT_EQ(pages, resident_pages(&scene->seg));
			touch_pages(scene->seg.addr, pages);
			ASSERT_EQ(0, placement(scene->seg.addr, pages, nodes));
			EXPECT_EQ(0, strays(nodes, pages, &scene->memory));
			for (int page = 1; page < pages; page++)
				ASSERT_EQ(nodes[0], nodes[page]);
			segment_remove(&scene->seg);
		}
	}
}

/* The files of single orders are for memory shared by mmap(2) alone. */
TEST_F(large, folios_are_not_made_by_the_files_of_their_order)
{
	struct scene *scene = &self->scene;
	static const struct {
		const char *size, *usual;
	} orders[] = { { "64kB", "never" }, { "2048kB", "inherit" } };
	char path[128];

	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		snprintf(path, sizeof(path), THP_DIR "hugepages-%s/shmem_enabled",
			 orders[i].size);
		ASSERT_EQ(0, write_file(path, "always"));
		open_aligned(_metadata, &scene->seg, scene->large,
			     MEM_STRIPE | variant->strength, &scene->memory);
		touch_page(scene->seg.addr, 0);
		EXPECT_EQ(1, resident_pages(&scene->seg));
		segment_remove(&scene->seg);
		EXPECT_EQ(0, write_file(path, orders[i].usual));
	}
}

/* 256 pages, 128, and so on down to one: the first have one more than all others. */
TEST_F(large, stripe_counts_base_pages_of_folios_of_all_orders)
{
	struct scene *scene = &self->scene;
	int pages = scene->large - 1, first = 0, node;
	long per_node[NODES_MAX];

	REQUIRE("nodes=2");
	open_aligned(_metadata, &scene->seg, pages,
		     MEM_STRIPE | variant->strength, &scene->memory);
	for (int size = scene->large / 2; size; size /= 2) {
		touch_pages(scene->seg.addr + first * page_size(), size);
		first += size;
		EXPECT_EQ(first, resident_pages(&scene->seg));
		ASSERT_EQ(first, count_placement(scene->seg.addr, first,
						 per_node));
		for (node = -1; next_node(&node, &scene->memory);)
			EXPECT_GE(scene->large / 2, per_node[node]);
	}
}

/* Touch @page in a cpuset that has all nodes but those of @mask. */
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

/* As much of one as an unbound segment's would be. */
TEST_F(large, without_a_candidate_soft_has_large_folios_too)
{
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct scene *scene = &self->scene;
	struct nodemask mask = nodes_of(last_node(&scene->memory));
	bool soft = variant->strength == MEM_SOFTBIND;
	struct cgroup cpuset = {};
	int nodes[scene->large];

	REQUIRE("nodes=2");
	ASSERT_EQ(0, cgroup_create(&cpuset, "cpuset"));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		open_aligned(_metadata, &scene->seg, scene->large,
			     policies[i] | variant->strength, &mask);
		EXPECT_EQ(soft ? 0 : SIGBUS,
			  wait_for(touch_without(&cpuset, &scene->seg, 77,
						 &mask)));
		EXPECT_EQ(soft ? scene->large : 0,
			  resident_pages(&scene->seg));
		if (soft) {
			touch_pages(scene->seg.addr, scene->large);
			ASSERT_EQ(0, placement(scene->seg.addr, scene->large,
					       nodes));
			EXPECT_NE(first_node(&mask), nodes[0]);
			for (int page = 1; page < scene->large; page++)
				ASSERT_EQ(nodes[0], nodes[page]);
		}
		segment_remove(&scene->seg);
	}
	cgroup_remove(&cpuset);
}

/* A node where pages are free, but no two large folios' worth in one piece. */

FIXTURE(fragmented)
{
	struct scene scene;
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
	struct scene *scene = &self->scene;

	REQUIRE("nodes=2");
	set_scene(_metadata, scene);
	ASSERT_EQ(0, run_on_node(first_node(&scene->cpus)));
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	scene->taken = fragment_node(&scene->ballast, scene->victim, HOLES);
	ASSERT_LT(3 * HOLES, scene->taken);
	/* which has the kernel keep back more again */
	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
	ASSERT_EQ(0, write_file(MIN_FREE, "256"));
}

FIXTURE_TEARDOWN(fragmented)
{
	clear_scene(&self->scene);
	defragment_node(&self->scene.ballast);
}

TEST_F(fragmented, small_folios_follow_on_the_same_node)
{
	struct scene *scene = &self->scene;
	struct nodemask mask = nodes_of(scene->victim);
	long per_node[NODES_MAX];
	int pages = scene->large;

	node_set(first_node(&scene->memory), &mask);
	if (node_that_prefers(scene->victim, &mask) < 0)
		mask = nodes_of(scene->victim);
	ASSERT_EQ(0, run_on_node(node_that_prefers(scene->victim, &mask)));
	open_aligned(_metadata, &scene->seg, pages,
		     MEM_FIRSTREF | variant->strength, &mask);
	EXPECT_EQ(-1, touch_large(scene, 0));
	EXPECT_EQ(pages, try_touch_pages(scene->seg.addr, pages));
	ASSERT_EQ(pages, count_placement(scene->seg.addr, pages, per_node));
	EXPECT_EQ(pages, per_node[scene->victim]);
}

TEST_F(fragmented, a_stripe_stays_even_within_a_large_folio)
{
	struct scene *scene = &self->scene;
	int width = nodes_weight(&scene->memory);
	int pages = 2 * width * scene->large, nodes[pages];

	open_aligned(_metadata, &scene->seg, pages,
		     MEM_STRIPE | variant->strength, &scene->memory);
	EXPECT_EQ(pages, try_touch_pages(scene->seg.addr, pages));
	/* what kcompactd has in hand seems to lie nowhere */
	for (int tries = 0; tries < 1000; tries++) {
		ASSERT_EQ(0, placement(scene->seg.addr, pages, nodes));
		if (!strays(nodes, pages, &scene->memory))
			break;
		usleep(10000);
	}
	EXPECT_EQ(0, strays(nodes, pages, &scene->memory));
	/* a few turns of the victim may end on another node, under SOFT */
	EXPECT_GE(scene->large + (variant->strength == MEM_SOFTBIND ? 16 : 0),
		  spread(nodes, pages, &scene->memory));
}

/* A task without a candidate does not disturb the stripe of other tasks. */
TEST_F(fragmented, a_stripe_without_a_candidate_keeps_to_its_mask)
{
	struct scene *scene = &self->scene;
	struct nodemask rest = nodes_of(scene->victim);
	struct nodemask mask = nodes_andnot(scene->memory, rest);
	int pages = 6 * nodes_weight(&mask), nodes[pages], turn;
	int near = node_that_prefers(scene->victim, &scene->memory);
	struct cgroup cpuset = {};

	ASSERT_EQ(0, cgroup_create(&cpuset, "cpuset"));
	open_aligned(_metadata, &scene->seg, 2 * scene->large,
		     MEM_STRIPE | variant->strength, &mask);
	if (near >= 0)
		ASSERT_EQ(0, run_on_node(near));
	EXPECT_EQ(variant->strength == MEM_SOFTBIND ? 0 : SIGBUS,
		  wait_for(touch_without(&cpuset, &scene->seg, 0, &mask)));
	cgroup_remove(&cpuset);
	turn = resident_pages(&scene->seg);

	ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "never"));
	touch_pages(scene->seg.addr + FOLIO_SIZE, pages);
	ASSERT_EQ(0, placement(scene->seg.addr + FOLIO_SIZE, pages, nodes));
	EXPECT_EQ(0, strays(nodes, pages, &mask));
	EXPECT_GE(turn > 1 ? turn : 1, spread(nodes, pages, &mask));
}

TEST_F(fragmented, hard_fails_when_no_small_folio_is_left_either)
{
	struct scene *scene = &self->scene;
	struct nodemask mask = nodes_of(scene->victim);
	long per_node[NODES_MAX], done, pages = 2 * HOLES;

	if (variant->strength == MEM_SOFTBIND)
		pages = HOLES / 2;
	open_aligned(_metadata, &scene->seg, pages,
		     MEM_FIRSTREF | variant->strength, &mask);
	done = try_touch_pages(scene->seg.addr, pages);
	if (variant->strength == MEM_HARDBIND) {
		EXPECT_GT(pages, done);
		EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	} else {
		EXPECT_EQ(pages, done);
	}
	EXPECT_LE(HOLES / 2, done);
	ASSERT_EQ(done, count_placement(scene->seg.addr, done, per_node));
	EXPECT_EQ(done, per_node[scene->victim]);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
