// SPDX-License-Identifier: GPL-2.0
/*
 * Segments of huge pages, SHM_HUGETLB. Their pages come from the pools of the
 * nodes. The binding holds for every process, where mbind(2) affects one
 * mapping.
 */
#include "huge.h"

FIXTURE(pool)
{
	struct huge_env env;
};

FIXTURE_VARIANT(pool)
{
	int strength;
};

FIXTURE_VARIANT_ADD(pool, hard) {
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(pool, soft) {
	.strength = MEM_SOFTBIND,
};

FIXTURE_SETUP(pool)
{
	env_setup(_metadata, &self->env);
}

FIXTURE_TEARDOWN(pool)
{
	env_teardown(_metadata, &self->env);
}

/* Pages that a reader with a read-only attach touches first are bound. */
TEST_F(pool, pages_first_read_are_bound)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	char *addr;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, 2, 0, variant->strength,
			       &mask));
	ASSERT_EQ(0, run_on_node(first_node(&env->cpus)));
	addr = shmat(env->seg.id, NULL, SHM_RDONLY);
	ASSERT_NE((char *)-1, addr);
	for (int huge = 0; huge < 2; huge++) {
		read_page(addr, nth(huge));
		EXPECT_EQ(env->victim, huge_node(addr, huge));
	}
	shmdt(addr);
}

/* FIRSTREF takes the candidate nearest to the CPU. */
TEST_F(pool, firstref_takes_the_nearest_node)
{
	struct huge_env *env = &self->env;
	struct nodemask mask;
	int a, b, node;

	for (a = -1; next_node(&a, &env->memory);) {
		for (b = a - 1; next_node(&b, &env->memory);) {
			mask = nodes_of(a);
			node_set(b, &mask);
			for (node = -1; next_node(&node, &env->cpus);) {
				ASSERT_EQ(0, huge_open(&env->seg, HUGE, 1, 0,
						       variant->strength,
						       &mask));
				ASSERT_EQ(0, run_on_node(node));
				EXPECT_EQ(firstref_node(node, &mask),
					  touch_and_look(env->seg.addr, 0));
				segment_remove(&env->seg);
			}
		}
	}
}

/* A stripe is even after each page, in an order that is not that of offsets. */
TEST_F(pool, stripe_is_even_after_every_page)
{
	struct huge_env *env = &self->env;
	int width = nodes_weight(&env->memory), count = SHARE * width;
	int nodes[count];

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0,
			       MEM_STRIPE | variant->strength,
			       &env->memory));
	for (int i = 0; i < count; i++) {
		/* from the end, so the result is not by offset */
		nodes[i] = touch_and_look(env->seg.addr, count - 1 - i);
		ASSERT_GE(1, spread(nodes, i + 1, &env->memory));
	}
	EXPECT_EQ(0, strays(nodes, count, &env->memory));
}

/* Threads leave a stripe uneven by at most their number. */
TEST_F(pool, stripe_of_threads_is_nearly_even)
{
	struct huge_env *env = &self->env;
	int count = (SHARE - 1) * nodes_weight(&env->memory), nodes[count];
	struct huge_toucher workers[4];
	int threads = ARRAY_SIZE(workers);

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0,
			       MEM_STRIPE | variant->strength,
			       &env->memory));
	touch_by_threads(_metadata, env, workers, threads, count);
	for (int i = 0; i < count; i++)
		nodes[i] = huge_node(env->seg.addr, i);
	EXPECT_EQ(0, strays(nodes, count, &env->memory));
	EXPECT_GE(threads, spread(nodes, count, &env->memory));
}

/*
 * MOSTFREE chooses by free huge pages, not by free memory, and levels the
 * pools.
 */
TEST_F(pool, mostfree_goes_by_the_pools)
{
	struct huge_env *env = &self->env;
	int first = first_node(&env->memory), last = env->victim;
	struct nodemask mask = nodes_of(first);

	REQUIRE("nodes=2");
	node_set(last, &mask);
	/* the node with more free huge pages has less free memory */
	ASSERT_EQ(0, pool_set(HUGE, last, "nr_hugepages", SHARE + 2));
	ASSERT_EQ(SHARE + 2, pool_count(HUGE, last, "free_hugepages"));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, 4, 0,
			       MEM_MOSTFREE | variant->strength, &mask));
	ASSERT_EQ(0, run_on_node(first_node(&env->cpus)));
	EXPECT_EQ(last, touch_and_look(env->seg.addr, 0));
	EXPECT_EQ(last, touch_and_look(env->seg.addr, 1));
	/* level now, so the next two are on different nodes */
	EXPECT_NE(touch_and_look(env->seg.addr, 2),
		  touch_and_look(env->seg.addr, 3));
	EXPECT_EQ(pool_count(HUGE, first, "free_hugepages"),
		  pool_count(HUGE, last, "free_hugepages"));
}

/* Of pools that are equal, MOSTFREE takes the nearest. */
TEST_F(pool, mostfree_takes_the_nearest_of_equals)
{
	struct huge_env *env = &self->env;
	int node;

	for (node = -1; next_node(&node, &env->cpus);) {
		ASSERT_EQ(0, huge_open(&env->seg, HUGE, 1, 0,
				       MEM_MOSTFREE | variant->strength,
				       &env->memory));
		ASSERT_EQ(0, run_on_node(node));
		EXPECT_EQ(nearest_node(node, &env->memory),
			  touch_and_look(env->seg.addr, 0));
		segment_remove(&env->seg);
	}
}

/* Threads use up all pages of the pools, in several rounds. */
static void use_up_pools(struct __test_metadata *_metadata,
			 struct huge_env *env, int policy)
{
	int count = SHARE * nodes_weight(&env->memory), nodes[count];
	struct huge_toucher workers[4];
	int threads = ARRAY_SIZE(workers);

	for (int round = 0; round < 20; round++) {
		ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0, policy,
				       &env->memory));
		touch_by_threads(_metadata, env, workers, threads, count);
		for (int i = 0; i < count; i++)
			nodes[i] = huge_node(env->seg.addr, i);
		EXPECT_EQ(0, strays(nodes, count, &env->memory));
		EXPECT_EQ(0, spread(nodes, count, &env->memory));
		segment_remove(&env->seg);
	}
}

/* Concurrent faults are not sent to the same node for its last page. */
TEST_F(pool, stripe_threads_use_up_all_pools)
{
	use_up_pools(_metadata, &self->env, MEM_STRIPE | variant->strength);
}

/* A thread whose chosen node has become empty chooses again. */
TEST_F(pool, mostfree_threads_use_up_all_pools)
{
	use_up_pools(_metadata, &self->env, MEM_MOSTFREE | variant->strength);
}

/* A thread that touches a huge page at the same time as another. */
struct racer {
	pthread_t thread;
	int node;
	char *addr;
	int *arrived;
};

static void *race(void *arg)
{
	struct racer *racer = arg;

	run_on_node(racer->node);
	__atomic_add_fetch(racer->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(racer->arrived, __ATOMIC_SEQ_CST) < 2)
		;
	touch_page(racer->addr, 0);
	return NULL;
}

/* Find two nodes, and two with CPUs that are nearer to the first of them. */
static bool find_rivals(const struct huge_env *env, int nodes[2],
			struct racer racers[2])
{
	int a, b, node, rivals;

	for (a = -1; next_node(&a, &env->memory);) {
		for (b = -1; next_node(&b, &env->memory);) {
			rivals = 0;
			for (node = -1; a != b && rivals < 2 &&
			     next_node(&node, &env->cpus);) {
				if (node_distance(node, a) <
				    node_distance(node, b))
					racers[rivals++].node = node;
			}
			nodes[0] = a;
			nodes[1] = b;
			if (rivals == 2)
				return true;
		}
	}
	return false;
}

/* A thread whose chosen pool has just lost its last page takes the other. */
TEST_F(pool, mostfree_threads_share_the_last_pages)
{
	struct huge_env *env = &self->env;
	struct racer racers[2];
	int nodes[2], arrived;
	struct nodemask mask;

	REQUIRE("nodes=2 cpunodes=2");
	ASSERT_TRUE(find_rivals(env, nodes, racers));
	mask = nodes_of(nodes[0]);
	node_set(nodes[1], &mask);
	ASSERT_EQ(0, pools_fill(HUGE, &env->memory, 0));
	ASSERT_EQ(0, pools_fill(HUGE, &mask, 1));
	for (int round = 0; round < 200; round++) {
		ASSERT_EQ(0, huge_open(&env->seg, HUGE, 2, 0,
				       MEM_MOSTFREE | variant->strength, &mask));
		arrived = 0;
		for (int i = 0; i < 2; i++) {
			racers[i].addr = env->seg.addr + i * HUGE;
			racers[i].arrived = &arrived;
			ASSERT_EQ(0, pthread_create(&racers[i].thread, NULL,
						    race, &racers[i]));
		}
		for (int i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_join(racers[i].thread, NULL));
		EXPECT_NE(huge_node(env->seg.addr, 0),
			  huge_node(env->seg.addr, 1));
		segment_remove(&env->seg);
	}
}

/*
 * The binding holds for unrelated processes, children, and after a new attach.
 * The caller's CPU is not local to the bound node if possible.
 */
TEST_F(pool, every_process_gets_the_binding)
{
	struct nodemask mask = nodes_of(self->env.victim);
	struct segment *seg = &self->env.seg;
	int victim = self->env.victim;
	int here = first_node(&self->env.cpus);
	pid_t pid;

	ASSERT_EQ(0, run_on_node(here));
	ASSERT_EQ(0, huge_create(seg, HUGE, SHARE, 0));
	pid = fork();
	if (!pid)
		_exit(shmbind_nodes(seg->id, variant->strength, &mask));
	ASSERT_EQ(0, wait_for(pid));

	/* a process that is not related to the one that bound it */
	EXPECT_EQ(victim, touch_elsewhere(seg->id, 0, here));
	ASSERT_EQ(0, segment_attach(seg));
	pid = fork();
	if (!pid)
		_exit(touch_and_look(seg->addr, 1));
	EXPECT_EQ(victim, wait_for(pid));
	/* a process that has detached and attaches again */
	ASSERT_EQ(0, segment_detach(seg));
	ASSERT_EQ(0, segment_attach(seg));
	EXPECT_EQ(victim, touch_and_look(seg->addr, 2));
	for (int i = 0; i < SHARE; i++)
		EXPECT_EQ(victim, touch_and_look(seg->addr, i));
}

/* fallocate() on the segment's file allocates by the binding. */
TEST_F(pool, fallocate_follows_the_binding)
{
	struct nodemask mask = nodes_of(self->env.victim);
	struct segment *seg = &self->env.seg;
	int fd, expected = variant->strength == MEM_HARDBIND ? ENOSPC : 0;

	REQUIRE("nodes=2");
	ASSERT_EQ(0, run_on_node(first_node(&self->env.cpus)));
	ASSERT_EQ(0, huge_open(seg, HUGE, SHARE + 1, 0, variant->strength,
			       &mask));
	fd = segment_file(seg);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fallocate(fd, 0, 0, SHARE * HUGE));
	for (int i = 0; i < SHARE; i++)
		EXPECT_EQ(self->env.victim, touch_and_look(seg->addr, i));
	/* the pool is empty now */
	EXPECT_EQ(expected, fallocate(fd, 0, SHARE * HUGE, HUGE) ? errno : 0);
	close(fd);
}

/*
 * A new segment does not inherit the binding of an earlier inode. Of so many,
 * some get an inode that RCU has freed.
 */
TEST_F(pool, new_inode_has_no_old_binding)
{
	struct nodemask *memory = &self->env.memory;
	struct segment segs[32];
	char seen[BINDING_MAX];

	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(segs); i++) {
			ASSERT_EQ(0, huge_create(&segs[i], HUGE, 1,
						 SHM_NORESERVE));
			EXPECT_STREQ("default",
				     segment_binding(segs[i].id, seen));
			EXPECT_EQ(0, shmbind_nodes(segs[i].id,
						   variant->strength, memory));
		}
		for (size_t i = 0; i < ARRAY_SIZE(segs); i++)
			segment_remove(&segs[i]);
		usleep(50000);
	}
}

/* A binding of huge pages is shown as any other, counted in huge pages. */
TEST_F(pool, binding_is_shown_as_for_base_pages)
{
	struct nodemask mask = nodes_of(self->env.victim), seen_mask = {};
	struct segment *seg = &self->env.seg;
	char want[BINDING_MAX], seen[BINDING_MAX], line[2 * BINDING_MAX];
	bool listed = false;
	int mode = -1;
	FILE *file;

	ASSERT_EQ(0, huge_open(seg, HUGE, SHARE, 0,
			       MEM_STRIPE | variant->strength, &mask));
	touch_page(seg->addr, 0);
	binding_text(MEM_STRIPE | variant->strength, &mask, want);
	EXPECT_STREQ(want, segment_binding(seg->id, seen));
	EXPECT_STREQ(want, mapping_policy(seg->addr, seen));
	EXPECT_EQ(0, get_mempolicy(&mode, seen_mask.bits, NODES_MAX, seg->addr,
				   MPOL_F_ADDR));
	EXPECT_EQ(MPOL_SHMBIND, mode);
	EXPECT_TRUE(nodes_equal(&mask, &seen_mask));

	/* counted in huge pages */
	snprintf(want + strlen(want), sizeof(want) - strlen(want),
		 " N%d=1 kernelpagesize_kB=%lu", self->env.victim,
		 HUGE / 1024);
	file = fopen("/proc/sysvipc/shmbind", "r");
	while (file && fgets(line, sizeof(line), file))
		listed |= !!strstr(line, want);
	fclose(file);
	EXPECT_TRUE(listed);
}

/* Only nodes of the task's cpuset are candidates. */
TEST_F(pool, cpuset_limits_the_candidates)
{
	struct huge_env *env = &self->env;
	struct nodemask inside = nodes_of(env->victim);
	pid_t pid;

	ASSERT_EQ(0, cgroup_create(&env->cgroup, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&env->cgroup, &inside));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, SHARE, 0,
			       MEM_STRIPE | variant->strength,
			       &env->memory));
	pid = fork();
	if (!pid) {
		int nodes[SHARE];

		if (cgroup_join(&env->cgroup) ||
		    touch_all(env->seg.addr, SHARE, nodes) != SHARE)
			_exit(1);
		_exit(strays(nodes, SHARE, &inside) ? 2 : 0);
	}
	EXPECT_EQ(0, wait_for(pid));
}

TEST_HARNESS_MAIN
