// SPDX-License-Identifier: GPL-2.0
/*
 * Full nodes: what HARD does instead of killing, and where SOFT goes.
 *
 * main() takes most of two nodes once, so that each test has little left to
 * fill. Nothing here exhausts the machine: the other nodes stay as they are.
 */
#include <pthread.h>

#include "ballast.h"
#include "cgroup.h"
#include "expected.h"
#include "loop.h"

#define LEFT	4096	/* pages that main() leaves of a node */
#define SPARE	128	/* pages that a test can free on a full node */
#define TRIES	32
#define TOUCHED	64	/* pages of a SOFT segment */
#define FEW	16	/* of them that a full node may have had after all */

static int victim, second;	/* the nodes that are filled */

static long oom_kills(void)
{
	return event_count("oom_kill");
}

struct scene {
	struct nodemask memory;
	struct nodemask others;		/* all but the victim */
	struct segment spare, ballast, more;	/* what is taken off nodes */
	struct segment seg;		/* what is tested */
	struct cgroup cpuset;
	int second;			/* full too, or -1 */
	long taken;			/* pages of the ballast */
	long taken_more;
	long kills;
	long per_node[NODES_MAX];
};

static void set_scene(struct __test_metadata *_metadata, struct scene *scene)
{
	struct nodemask cpus = cpu_nodes();

	ASSERT_EQ(0, own_ipc_namespace());
	scene->memory = memory_nodes();
	scene->others = nodes_andnot(scene->memory, nodes_of(victim));
	scene->second = -1;
	scene->kills = oom_kills();
	/* page tables and the like must not come from the full node */
	ASSERT_EQ(0, run_on_node(first_node(&cpus)));
}

static void fill_victim(struct __test_metadata *_metadata, struct scene *scene)
{
	ASSERT_EQ(SPARE, take_pages(&scene->spare, victim, SPARE));
	scene->taken = fill_node(&scene->ballast, victim);
	ASSERT_LT(0, scene->taken);
}

static void clear_scene(struct __test_metadata *_metadata, struct scene *scene)
{
	segment_detach(&scene->seg);
	segment_detach(&scene->spare);
	segment_detach(&scene->more);
	segment_detach(&scene->ballast);
	cgroup_remove(&scene->cpuset);
	EXPECT_EQ(scene->kills, oom_kills());
}

static void open_bound(struct __test_metadata *_metadata, struct scene *scene,
		       int pages, int policy, const struct nodemask *mask)
{
	ASSERT_EQ(0, segment_open(&scene->seg, pages, policy, mask));
	ASSERT_EQ(0, segment_doom(&scene->seg));
}

/* HARD to a single full node, which is every policy's choice. */

FIXTURE(hard)
{
	struct scene scene;
};

FIXTURE_VARIANT(hard)
{
	int policy;
};

FIXTURE_VARIANT_ADD(hard, firstref) {
	.policy = MEM_FIRSTREF,
};

FIXTURE_VARIANT_ADD(hard, stripe) {
	.policy = MEM_STRIPE,
};

FIXTURE_VARIANT_ADD(hard, mostfree) {
	.policy = MEM_MOSTFREE,
};

FIXTURE_SETUP(hard)
{
	struct nodemask mask = nodes_of(victim);
	struct scene *scene = &self->scene;

	REQUIRE("nodes=2");
	set_scene(_metadata, scene);
	fill_victim(_metadata, scene);
	open_bound(_metadata, scene, 8 * SPARE, variant->policy | MEM_HARDBIND,
		   &mask);
}

FIXTURE_TEARDOWN(hard)
{
	clear_scene(_metadata, &self->scene);
}

/* Touch pages until one that gets SIGBUS; which it is. */
static int page_that_fails(struct __test_metadata *_metadata,
			   const struct segment *seg)
{
	int pages = seg->size / page_size();
	int page = try_touch_pages(seg->addr, pages);

	ASSERT_GT(pages, page);
	return page;
}

TEST_F(hard, the_access_gets_a_sigbus_that_names_it)
{
	struct segment *seg = &self->scene.seg;
	int page = page_that_fails(_metadata, seg);

	EXPECT_EQ(SIGBUS, sigbus_info.si_signo);
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	EXPECT_EQ((uintptr_t)seg->addr + page * page_size(),
		  (uintptr_t)sigbus_info.si_addr);
}

TEST_F(hard, reading_a_hole_gets_a_sigbus_too)
{
	struct segment *seg = &self->scene.seg;
	int pages = seg->size / page_size(), page = 0;

	while (page < pages && try_read(seg->addr, page))
		page++;
	ASSERT_GT(pages, page);
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	EXPECT_EQ((uintptr_t)seg->addr + page * page_size(),
		  (uintptr_t)sigbus_info.si_addr);
}

TEST_F(hard, a_system_call_gets_efault)
{
	char *addr = self->scene.seg.addr, *end = addr + self->scene.seg.size;
	size_t step = page_size();
	int pipes[2];

	/* each call in turn up to the page that it fails at */
	ASSERT_EQ(0, pipe(pipes));
	while (addr < end && write(pipes[1], addr, 1) == 1)
		addr += step;
	ASSERT_GT(end, addr);
	EXPECT_EQ(EFAULT, errno);

	ASSERT_EQ(1, write(pipes[1], "x", 1));
	while (addr < end && read(pipes[0], addr, 1) == 1) {
		ASSERT_EQ(1, write(pipes[1], "x", 1));
		addr += step;
	}
	ASSERT_GT(end, addr);
	EXPECT_EQ(EFAULT, errno);

	while (addr < end && !madvise(addr, step, MADV_POPULATE_WRITE))
		addr += step;
	ASSERT_GT(end, addr);
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(hard, who_does_not_handle_sigbus_dies_of_it_alone)
{
	struct segment *seg = &self->scene.seg;
	int child = fork(), status;

	if (child == 0) {
		touch_pages(seg->addr, seg->size / page_size());
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));
}

TEST_F(hard, no_other_node_gives_a_page)
{
	struct scene *scene = &self->scene;
	long pages = page_that_fails(_metadata, &scene->seg);

	for (int i = 0; i < TRIES; i++)
		try_touch(scene->seg.addr, pages + i);
	pages = count_placement(scene->seg.addr, pages + TRIES,
				scene->per_node);
	EXPECT_EQ(pages, scene->per_node[victim]);
	EXPECT_EQ(scene->taken, count_placement(scene->ballast.addr,
						scene->taken, scene->per_node));
	EXPECT_EQ(scene->taken, scene->per_node[victim]);
}

TEST_F(hard, nobody_is_killed)
{
	struct scene *scene = &self->scene;
	size_t size = 4 << 20;
	int pipes[2], bystander;
	char *memory, byte;

	ASSERT_EQ(0, pipe(pipes));
	bystander = fork();
	if (bystander == 0) {
		close(pipes[1]);
		memory = malloc(size);
		if (memory)
			memset(memory, 1, size);
		_exit(read(pipes[0], &byte, 1));
	}
	for (int i = 0; i < TRIES; i++)
		page_that_fails(_metadata, &scene->seg);
	EXPECT_EQ(scene->kills, oom_kills());
	close(pipes[1]);
	EXPECT_EQ(0, wait_for(bystander));
}

TEST_F(hard, the_same_access_succeeds_once_memory_is_free)
{
	struct scene *scene = &self->scene;
	int page = page_that_fails(_metadata, &scene->seg);

	ASSERT_EQ(0, give_back(&scene->spare));
	ASSERT_TRUE(try_touch(scene->seg.addr, page));
	EXPECT_EQ(victim, page_node(scene->seg.addr, page));
}

TEST_F(hard, memory_that_another_cpu_freed_is_found_at_once)
{
	struct scene *scene = &self->scene;
	struct nodemask cpus = cpu_nodes();
	int pipes[2], child, page;
	char byte;

	/* all of it is to be in the list of that CPU */
	allow_long_cpu_lists();
	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	if (child == 0) {
		close(pipes[1]);
		if (run_on_node(last_node(&cpus)) ||
		    read(pipes[0], &byte, 1) || give_back(&scene->spare))
			_exit(1);
		_exit(0);
	}
	page = page_that_fails(_metadata, &scene->seg);
	ASSERT_EQ(0, give_back(&scene->spare));
	close(pipes[1]);
	ASSERT_EQ(0, wait_for(child));
	/* but for a few that the child itself needed */
	EXPECT_LE(page + SPARE / 2,
		  try_touch_pages(scene->seg.addr, page + SPARE));
	allow_short_cpu_lists();
}

struct worker {
	pthread_t thread;
	char *addr;
	int failed;
};

static void *touch_in_vain(void *arg)
{
	struct worker *worker = arg;
	int page = 0;

	while (page < SPARE && worker->failed < TRIES) {
		if (try_touch(worker->addr, page))
			page++;
		else
			worker->failed++;
	}
	return NULL;
}

static void crowd(struct __test_metadata *_metadata, char *addr, size_t apart)
{
	struct worker workers[8] = {};

	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		workers[i].addr = addr + i * apart;
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL,
					    touch_in_vain, &workers[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
		EXPECT_EQ(TRIES, workers[i].failed);
	}
}

TEST_F(hard, many_threads_at_the_same_page_all_get_their_sigbus)
{
	crowd(_metadata, self->scene.seg.addr, 0);
}

TEST_F(hard, many_threads_at_their_own_pages_all_get_their_sigbus)
{
	crowd(_metadata, self->scene.seg.addr, SPARE * page_size());
}

/* A mask of which one node is full. */

FIXTURE(full)
{
	struct scene scene;
};

FIXTURE_SETUP(full)
{
	REQUIRE("nodes=2");
	set_scene(_metadata, &self->scene);
	fill_victim(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(full)
{
	clear_scene(_metadata, &self->scene);
}

TEST_F(full, hard_firstref_fails_there_and_only_there)
{
	struct scene *scene = &self->scene;
	int here = node_that_prefers(victim, &scene->memory);
	int there = node_that_prefers(first_node(&scene->memory),
				      &scene->memory);
	int page;

	if (here < 0 || there < 0)
		REQUIRE("cpunodes=2");
	open_bound(_metadata, scene, SPARE, MEM_FIRSTREF | MEM_HARDBIND,
		   &scene->memory);
	ASSERT_EQ(0, run_on_node(here));
	page = page_that_fails(_metadata, &scene->seg);
	ASSERT_EQ(0, run_on_node(there));
	ASSERT_TRUE(try_touch(scene->seg.addr, page));
	EXPECT_EQ(first_node(&scene->memory), page_node(scene->seg.addr, page));
	ASSERT_EQ(0, run_on_node(here));
	page_that_fails(_metadata, &scene->seg);
}

TEST_F(full, hard_mostfree_passes_it_by)
{
	struct scene *scene = &self->scene;

	open_bound(_metadata, scene, TRIES, MEM_MOSTFREE | MEM_HARDBIND,
		   &scene->memory);
	EXPECT_EQ(TRIES, try_touch_pages(scene->seg.addr, TRIES));
	ASSERT_EQ(TRIES, count_placement(scene->seg.addr, TRIES,
					 scene->per_node));
	EXPECT_EQ(0, scene->per_node[victim]);
}

/*
 * Bound SOFT and touched from where the victim is the choice: the nodes that
 * took the pages. What the kernel could still reclaim on a full one is ignored.
 */
static struct nodemask soft_nodes(struct __test_metadata *_metadata,
				  struct scene *scene,
				  const struct nodemask *mask)
{
	int from = node_that_prefers(victim, mask);
	struct nodemask used = {};

	ASSERT_LE(0, from);
	open_bound(_metadata, scene, TOUCHED, MEM_FIRSTREF | MEM_SOFTBIND,
		   mask);
	scene->taken = top_up(&scene->ballast, scene->taken);
	scene->taken_more = top_up(&scene->more, scene->taken_more);
	ASSERT_EQ(0, run_on_node(from));
	EXPECT_EQ(TOUCHED, try_touch_pages(scene->seg.addr, TOUCHED));
	ASSERT_EQ(TOUCHED, count_placement(scene->seg.addr, TOUCHED,
					   scene->per_node));
	ASSERT_EQ(0, segment_detach(&scene->seg));
	for (int node = 0; node < NODES_MAX; node++) {
		bool full = node == victim || node == scene->second;

		if (scene->per_node[node] > (full ? FEW : 0))
			node_set(node, &used);
	}
	return used;
}

/* Only nodes of @allowed that are as near to the victim as the nearest. */
static void expect_nearest(struct __test_metadata *_metadata,
			   struct nodemask used,
			   const struct nodemask *allowed)
{
	int node, nearest = nearest_node(victim, allowed);

	for (node = -1; next_node(&node, &used);) {
		EXPECT_TRUE(node_isset(node, allowed));
		EXPECT_EQ(distance_between(victim, nearest),
			  distance_between(victim, node));
	}
}

TEST_F(full, soft_goes_to_another_candidate_before_nearer_strangers)
{
	struct scene *scene = &self->scene;
	struct nodemask other, mask;
	int node;

	REQUIRE("nodes=3 cpunodes=2");
	for (node = -1; next_node(&node, &scene->others);) {
		other = nodes_of(node);
		mask = nodes_of(node);
		node_set(victim, &mask);
		expect_nearest(_metadata, soft_nodes(_metadata, scene, &mask),
			       &other);
	}
}

TEST_F(full, soft_goes_to_the_nearest_of_several_candidates)
{
	struct scene *scene = &self->scene;
	struct nodemask other, mask;
	int a, b;

	REQUIRE("nodes=3 cpunodes=2");
	for (a = -1; next_node(&a, &scene->others);) {
		for (b = a; next_node(&b, &scene->others);) {
			other = nodes_of(a);
			node_set(b, &other);
			mask = other;
			node_set(victim, &mask);
			expect_nearest(_metadata,
				       soft_nodes(_metadata, scene, &mask),
				       &other);
		}
	}
}

TEST_F(full, soft_goes_to_strangers_when_no_candidate_has_room)
{
	struct nodemask mask = nodes_of(victim), used;
	struct scene *scene = &self->scene;

	used = soft_nodes(_metadata, scene, &mask);
	EXPECT_FALSE(node_isset(victim, &used));
}

TEST_F(full, soft_passes_several_full_candidates)
{
	struct nodemask mask = nodes_of(victim), used;
	struct scene *scene = &self->scene;
	int node;

	REQUIRE("nodes=3 cpunodes=2");
	scene->taken_more = fill_node(&scene->more, second);
	ASSERT_LT(0, scene->taken_more);
	scene->second = second;
	node_set(second, &mask);
	used = soft_nodes(_metadata, scene, &mask);
	EXPECT_FALSE(node_isset(victim, &used));
	EXPECT_FALSE(node_isset(second, &used));

	/* a third candidate takes all of it, however far it is */
	for (node = -1; next_node(&node, &scene->others);) {
		if (node == second)
			continue;
		node_set(node, &mask);
		used = soft_nodes(_metadata, scene, &mask);
		node_clear(node, &mask);
		EXPECT_EQ(1, nodes_weight(&used));
		EXPECT_TRUE(node_isset(node, &used));
	}
}

/*
 * The pages of who joins a cpuset are moved into it, by their nodes' numbers
 * and so to its full node too, and the kernel warns that they do not fit. What
 * lies inside already is left where it is.
 */
static int join_with_pages_on(int node, struct scene *scene)
{
	struct nodemask to = nodes_of(node), from;

	from = nodes_andnot(memory_nodes(), to);
	node_clear(victim, &from);
	if (set_mempolicy(MPOL_BIND | MPOL_F_STATIC_NODES, to.bits,
			  NODES_MAX) ||
	    migrate_pages(0, NODES_MAX, from.bits, to.bits) < 0)
		return -1;
	return cgroup_join(&scene->cpuset);
}

TEST_F(full, soft_stays_in_the_cpuset)
{
	struct nodemask mask = nodes_of(victim), inside, used;
	struct scene *scene = &self->scene;
	int node, child;

	REQUIRE("nodes=3");
	ASSERT_EQ(0, cgroup_create(&scene->cpuset, "cpuset"));
	for (node = -1; next_node(&node, &scene->others);) {
		inside = nodes_of(node);
		node_set(victim, &inside);
		ASSERT_EQ(0, cgroup_set_mems(&scene->cpuset, &inside));
		child = fork();
		if (child == 0) {
			ASSERT_EQ(0, join_with_pages_on(node, scene));
			used = soft_nodes(_metadata, scene, &mask);
			_exit(nodes_weight(&used) == 1 &&
			      node_isset(node, &used) ? 0 : 1);
		}
		EXPECT_EQ(0, wait_for(child));
	}
}

TEST_F(full, soft_comes_back_once_it_has_room)
{
	struct nodemask mask = nodes_of(victim), used;
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, give_back(&scene->ballast));
	used = soft_nodes(_metadata, scene, &mask);
	EXPECT_EQ(1, nodes_weight(&used));
	EXPECT_TRUE(node_isset(victim, &used));
}

/* Nodes on the way to being full. */

FIXTURE(filling)
{
	struct scene scene;
};

FIXTURE_SETUP(filling)
{
	REQUIRE("nodes=2");
	set_scene(_metadata, &self->scene);
}

FIXTURE_TEARDOWN(filling)
{
	clear_scene(_metadata, &self->scene);
}

TEST_F(filling, hard_mostfree_levels_its_nodes_and_then_fails)
{
	struct scene *scene = &self->scene;
	struct nodemask mask = nodes_of(victim);
	int pages = node_pages(victim), done;

	REQUIRE("nodes=3");
	node_set(second, &mask);
	ASSERT_EQ(0, catch_sigbus());
	open_bound(_metadata, scene, pages, MEM_MOSTFREE | MEM_HARDBIND, &mask);
	done = page_that_fails(_metadata, &scene->seg);
	ASSERT_EQ(done, count_placement(scene->seg.addr, done,
					scene->per_node));
	EXPECT_EQ(done, scene->per_node[victim] + scene->per_node[second]);
	/* one had no more to give, and the other no more than that */
	EXPECT_GE(SPARE, labs(node_free_pages(victim) -
			      node_free_pages(second)));
	if (take_pages(&scene->spare, victim, SPARE) == SPARE)
		EXPECT_GT(SPARE, take_pages(&scene->more, second, SPARE));
}

static long node_file_pages(int node)
{
	return node_counter(node, "vmstat", "nr_inactive_file") +
	       node_counter(node, "vmstat", "nr_active_file");
}

TEST_F(filling, clean_page_cache_gives_way_to_hard)
{
	struct nodemask mask = nodes_of(victim);
	struct scene *scene = &self->scene;
	long before = node_file_pages(victim), cached;
	static char buffer[1 << 16];
	size_t size = LEFT / 2 * page_size();
	int loop = loop_open(size, O_RDONLY, NULL);

	ASSERT_LE(0, loop);
	ASSERT_EQ(0, set_mempolicy(MPOL_BIND, mask.bits, NODES_MAX));
	for (size_t done = 0; done < size; done += sizeof(buffer))
		ASSERT_EQ((ssize_t)sizeof(buffer),
			  read(loop, buffer, sizeof(buffer)));
	ASSERT_EQ(0, set_mempolicy(MPOL_DEFAULT, NULL, 0));
	cached = node_file_pages(victim) - before;
	ASSERT_LE(LEFT / 4, cached);

	ASSERT_LT(0, fill_node(&scene->ballast, victim));
	EXPECT_GE(before + cached / 4, node_file_pages(victim));
	close(loop);
}

/* Memory cgroups: a limit is one thing, a full node another. */

FIXTURE(memory_cgroup)
{
	struct cgroup group;
	struct segment seg;
};

FIXTURE_VARIANT(memory_cgroup)
{
	int strength;
};

FIXTURE_VARIANT_ADD(memory_cgroup, hard) {
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(memory_cgroup, soft) {
	.strength = MEM_SOFTBIND,
};

FIXTURE_SETUP(memory_cgroup)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, cgroup_create(&self->group, "memory"));
	ASSERT_EQ(0, cgroup_write(&self->group, "memory.max", "4M"));
}

FIXTURE_TEARDOWN(memory_cgroup)
{
	segment_detach(&self->seg);
	cgroup_remove(&self->group);
}

TEST_F(memory_cgroup, limit_is_enforced_as_ever)
{
	struct nodemask memory = memory_nodes();
	long kills = oom_kills();
	int pages = (8 << 20) / page_size();

	ASSERT_EQ(0, segment_open(&self->seg, pages,
				  MEM_STRIPE | variant->strength, &memory));
	ASSERT_EQ(0, segment_doom(&self->seg));
	EXPECT_EQ(SIGKILL, killed_by_limit(&self->group, self->seg.addr,
					   pages));
	EXPECT_EQ(kills + 1, oom_kills());
}

TEST_F(memory_cgroup, limit_is_no_sigbus_for_who_cannot_be_killed_either)
{
	struct nodemask memory = memory_nodes();
	int pages = (8 << 20) / page_size();

	ASSERT_EQ(0, segment_open(&self->seg, pages,
				  MEM_STRIPE | variant->strength, &memory));
	ASSERT_EQ(0, segment_doom(&self->seg));
	EXPECT_EQ(0, held_by_limit(&self->group, self->seg.addr, pages));
}

/* The other way round: room in the group, none on the node. */
TEST_F(memory_cgroup, with_room_does_not_help_a_full_node)
{
	struct nodemask mask = nodes_of(victim);
	bool hard = variant->strength == MEM_HARDBIND;
	long kills = oom_kills();
	int pages = 2 * LEFT;
	pid_t child;

	REQUIRE("nodes=2");
	ASSERT_EQ(0, cgroup_write(&self->group, "memory.max", "64M"));
	ASSERT_EQ(0, catch_sigbus());
	ASSERT_EQ(0, segment_open(&self->seg, pages, variant->strength, &mask));
	ASSERT_EQ(0, segment_doom(&self->seg));
	child = fork();
	if (child == 0) {
		if (cgroup_join(&self->group))
			_exit(2);
		_exit(try_touch_pages(self->seg.addr, pages) < pages);
	}
	EXPECT_EQ(hard, wait_for(child));
	EXPECT_EQ(0, cgroup_event(&self->group, "oom"));
	EXPECT_EQ(kills, oom_kills());
}

struct taker {
	pthread_t thread;
	struct segment ballast;
	int node;
};

static void *take_most(void *arg)
{
	struct taker *taker = arg;

	take_all_but(&taker->ballast, taker->node, LEFT);
	return NULL;
}

/* If something fails here, the tests see that a node is not as it should be. */
static void take_most_of_two(void)
{
	struct nodemask memory = memory_nodes();
	struct nodemask rest = nodes_andnot(memory, nodes_of(victim));
	static struct taker takers[2];
	int count = nodes_weight(&memory) > 2 ? 2 : 1;

	second = last_node(&rest);
	takers[0].node = victim;
	takers[1].node = second;
	for (int i = 0; i < count; i++)
		pthread_create(&takers[i].thread, NULL, take_most, &takers[i]);
	for (int i = 0; i < count; i++)
		pthread_join(takers[i].thread, NULL);
}

int main(int argc, char **argv)
{
	settle_memory();
	victim = victim_node();
	if (has_feature("nodes=2"))
		take_most_of_two();
	return test_harness_run(argc, argv);
}
