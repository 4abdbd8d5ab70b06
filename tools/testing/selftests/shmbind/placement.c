// SPDX-License-Identifier: GPL-2.0
/* Every policy and strength, on CPUs of every node, with all kinds of masks. */
#include <pthread.h>

#include "cgroup.h"
#include "expected.h"
#include "sigbus.h"

#define SHARE	6	/* pages that each node of the touchers touches */

struct placement_env {
	int policy;
	int strength;
	struct nodemask memory, cpus;
	struct segment seg;
	struct cgroup cpuset;
	int pages;	/* SHARE for each node with CPUs */
	int nodes[SHARE * NODES_MAX];	/* of these pages */
};

FIXTURE(placement)
{
	struct placement_env env;
};

FIXTURE_VARIANT(placement)
{
	int policy;
	int strength;
};

FIXTURE_VARIANT_ADD(placement, firstref_hard) {
	.policy = MEM_FIRSTREF,
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(placement, firstref_soft) {
	.policy = MEM_FIRSTREF,
	.strength = MEM_SOFTBIND,
};

FIXTURE_VARIANT_ADD(placement, firstref_mask) {
	.policy = MEM_FIRSTREF,
	.strength = MEM_MASKBIND,
};

FIXTURE_VARIANT_ADD(placement, stripe_hard) {
	.policy = MEM_STRIPE,
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(placement, stripe_soft) {
	.policy = MEM_STRIPE,
	.strength = MEM_SOFTBIND,
};

FIXTURE_VARIANT_ADD(placement, mostfree_hard) {
	.policy = MEM_MOSTFREE,
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(placement, mostfree_soft) {
	.policy = MEM_MOSTFREE,
	.strength = MEM_SOFTBIND,
};

FIXTURE_SETUP(placement)
{
	struct placement_env *env = &self->env;

	env->policy = variant->policy;
	env->strength = variant->strength;
	ASSERT_EQ(0, own_ipc_namespace());
	env->memory = memory_nodes();
	env->cpus = cpu_nodes();
	env->pages = SHARE * nodes_weight(&env->cpus);
	env->seg.id = -1;
}

FIXTURE_TEARDOWN(placement)
{
	struct placement_env *env = &self->env;

	segment_remove(&env->seg);
	cgroup_remove(&env->cpuset);
}

static void open_bound(struct __test_metadata *_metadata,
		       struct placement_env *env, const struct nodemask *mask)
{
	ASSERT_EQ(0, segment_open(&env->seg, env->pages,
				  env->policy | env->strength, mask));
}

/* Ways to touch a page; false if that fails. */

static bool by_write(char *addr, size_t page)
{
	touch_page(addr, page);
	return true;
}

static bool by_read(char *addr, size_t page)
{
	return read_page(addr, page) == 0;
}

static bool by_populating(char *addr, size_t page)
{
	return !madvise(addr + page * page_size(), page_size(),
			MADV_POPULATE_READ);
}

static bool by_system_call_that_reads_it(char *addr, size_t page)
{
	int pipes[2];
	bool done;

	if (pipe(pipes))
		return false;
	done = write(pipes[1], addr + page * page_size(), 1) == 1;
	close(pipes[0]);
	close(pipes[1]);
	return done;
}

static bool by_system_call_that_writes_it(char *addr, size_t page)
{
	int pipes[2];
	bool done;

	if (pipe(pipes))
		return false;
	done = write(pipes[1], "x", 1) == 1 &&
	       read(pipes[0], addr + page * page_size(), 1) == 1;
	close(pipes[0]);
	close(pipes[1]);
	return done;
}

/* Touch a share of the pages on the CPUs of each node. */
static void touch_from_all(struct __test_metadata *_metadata,
			   struct placement_env *env,
			   bool (*touch)(char *addr, size_t page))
{
	size_t page = 0;
	int node;

	for (node = -1; next_node(&node, &env->cpus);) {
		ASSERT_EQ(0, run_on_node(node));
		for (size_t end = page + SHARE; page < end; page++)
			ASSERT_TRUE(touch(env->seg.addr, page));
	}
}

/* Pages that touch_from_all() has touched are on the nodes of the policy. */
static void expect_all(struct __test_metadata *_metadata,
		       struct placement_env *env, const struct nodemask *mask)
{
	int node, wanted, *share = env->nodes;

	EXPECT_EQ(0, strays(env->nodes, env->pages, mask));
	if (env->policy == MEM_STRIPE)
		EXPECT_GE(1, spread(env->nodes, env->pages, mask));
	if (env->policy != MEM_FIRSTREF)
		return;
	for (node = -1; next_node(&node, &env->cpus); share += SHARE) {
		wanted = firstref_node(node, mask);
		for (int i = 0; i < SHARE; i++) {
			EXPECT_EQ(wanted, share[i])
				TH_LOG("touched from node %d", node);
		}
	}
}

static void check_mask(struct __test_metadata *_metadata,
		       struct placement_env *env, const struct nodemask *mask,
		       bool (*touch)(char *addr, size_t page))
{
	open_bound(_metadata, env, mask);
	touch_from_all(_metadata, env, touch);
	ASSERT_EQ(0, placement(env->seg.addr, env->pages, env->nodes));
	expect_all(_metadata, env, mask);
	segment_remove(&env->seg);
}

/* A mask of one node has all pages there. */
TEST_F(placement, single_node_takes_all_pages)
{
	struct placement_env *env = &self->env;
	struct nodemask mask;
	int node;

	for (node = -1; next_node(&node, &env->memory);) {
		mask = nodes_of(node);
		check_mask(_metadata, env, &mask, by_write);
	}
}

static void check_pairs(struct __test_metadata *_metadata,
			struct placement_env *env)
{
	struct nodemask mask;
	int a, b;

	for (a = -1; next_node(&a, &env->memory);) {
		for (b = a; next_node(&b, &env->memory);) {
			mask = nodes_of(a);
			node_set(b, &mask);
			check_mask(_metadata, env, &mask, by_write);
		}
	}
}

/* Pages are distributed by the policy, whichever two nodes the mask has. */
TEST_F(placement, pairs_of_nodes_follow_the_policy)
{
	REQUIRE("nodes=2");
	check_pairs(_metadata, &self->env);
}

/* Pages are distributed by the policy if the mask has all nodes. */
TEST_F(placement, all_nodes_follow_the_policy)
{
	struct placement_env *env = &self->env;

	check_mask(_metadata, env, &env->memory, by_write);
}

/* A node without CPUs takes pages as any other. */
TEST_F(placement, node_without_cpus_takes_pages)
{
	struct placement_env *env = &self->env;
	struct nodemask cpuless = nodes_andnot(env->memory, env->cpus);

	REQUIRE("cpuless");
	check_mask(_metadata, env, &cpuless, by_write);
}

/* CPUs of a node without memory find the candidates. */
TEST_F(placement, cpu_without_memory_uses_candidates)
{
	struct placement_env *env = &self->env;
	struct nodemask memless = nodes_andnot(env->cpus, env->memory);

	REQUIRE("memless");
	env->cpus = memless;
	env->pages = SHARE * nodes_weight(&memless);
	check_mask(_metadata, env, &env->memory, by_write);
	check_pairs(_metadata, env);
}

/* A mask of one node reveals pages that were not placed by the binding. */
static void check_way(struct __test_metadata *_metadata,
		      struct placement_env *env,
		      bool (*touch)(char *addr, size_t page))
{
	struct nodemask mask = nodes_of(last_node(&env->memory));

	check_mask(_metadata, env, &env->memory, touch);
	check_mask(_metadata, env, &mask, touch);
}

/* Pages that are read first follow the binding. */
TEST_F(placement, read_faults_follow_the_binding)
{
	check_way(_metadata, &self->env, by_read);
}

/* Pages that MADV_POPULATE_READ makes follow the binding. */
TEST_F(placement, populating_follows_the_binding)
{
	check_way(_metadata, &self->env, by_populating);
}

/* Pages that a system call reads first follow the binding. */
TEST_F(placement, syscall_reads_follow_the_binding)
{
	check_way(_metadata, &self->env, by_system_call_that_reads_it);
}

/* Pages that a system call writes first follow the binding. */
TEST_F(placement, syscall_writes_follow_the_binding)
{
	check_way(_metadata, &self->env, by_system_call_that_writes_it);
}

/* Neither the order of offsets nor a split mapping affects the policy. */
TEST_F(placement, offsets_and_splits_do_not_matter)
{
	struct placement_env *env = &self->env;
	int middle;
	int node;

	open_bound(_metadata, env, &env->memory);
	/* split the mapping into three */
	middle = env->pages / 2;
	ASSERT_EQ(0, mprotect(env->seg.addr + middle * page_size(),
			      page_size(), PROT_READ));
	ASSERT_EQ(0, run_on_node(first_node(&env->cpus)));
	for (int page = env->pages; page--;)
		read_page(env->seg.addr, page);

	ASSERT_EQ(0, placement(env->seg.addr, env->pages, env->nodes));
	EXPECT_EQ(0, strays(env->nodes, env->pages, &env->memory));
	if (env->policy == MEM_STRIPE) {
		EXPECT_GE(1, spread(env->nodes, env->pages,
				    &env->memory));
	} else if (env->policy == MEM_FIRSTREF) {
		node = firstref_node(first_node(&env->cpus), &env->memory);
		for (int page = 0; page < env->pages; page++)
			EXPECT_EQ(node, env->nodes[page]);
	}
}

/* The policy of the task does not affect a bound segment. */
TEST_F(placement, task_policy_does_not_apply)
{
	struct placement_env *env = &self->env;
	static const int modes[] = {
		MPOL_BIND, MPOL_PREFERRED, MPOL_INTERLEAVE
	};
	struct nodemask mask, own;

	REQUIRE("nodes=2");
	mask = nodes_of(first_node(&env->memory));
	own = nodes_of(last_node(&env->memory));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		ASSERT_EQ(0, set_mempolicy(modes[i], own.bits, NODES_MAX));
		check_mask(_metadata, env, &mask, by_write);
	}
}

/* A process that is not related to the one that binds gets the binding. */
TEST_F(placement, unrelated_process_gets_the_binding)
{
	struct placement_env *env = &self->env;
	int binder;

	ASSERT_EQ(0, segment_create(&env->seg, env->pages));
	binder = fork();
	if (binder == 0)
		_exit(shmbind_nodes(env->seg.id,
				    env->policy | env->strength,
				    &env->memory) ? 1 : 0);
	ASSERT_EQ(0, wait_for(binder));

	ASSERT_EQ(0, segment_attach(&env->seg));
	touch_from_all(_metadata, env, by_write);
	ASSERT_EQ(0, placement(env->seg.addr, env->pages, env->nodes));
	expect_all(_metadata, env, &env->memory);
}

/* Another process sees the same pages on the same nodes. */
TEST_F(placement, other_process_sees_the_same_pages)
{
	struct placement_env *env = &self->env;
	int mine[env->pages];

	open_bound(_metadata, env, &env->memory);
	touch_from_all(_metadata, env, by_write);
	ASSERT_EQ(0, placement(env->seg.addr, env->pages, mine));
	ASSERT_EQ(0, placement_elsewhere(env->seg.id, env->pages,
					 env->nodes));
	expect_all(_metadata, env, &env->memory);
	EXPECT_EQ(0, memcmp(mine, env->nodes, sizeof(mine)));
}

/* Children fault by the binding. */
TEST_F(placement, children_get_the_binding)
{
	struct placement_env *env = &self->env;
	int child, node;
	size_t page = 0;

	open_bound(_metadata, env, &env->memory);
	for (node = -1; next_node(&node, &env->cpus); page += SHARE) {
		child = fork();
		if (child == 0) {
			if (run_on_node(node))
				_exit(1);
			for (int i = 0; i < SHARE; i++)
				touch_page(env->seg.addr, page + i);
			_exit(0);
		}
		ASSERT_EQ(0, wait_for(child));
	}
	ASSERT_EQ(0, placement_elsewhere(env->seg.id, env->pages,
					 env->nodes));
	expect_all(_metadata, env, &env->memory);
}

/*
 * Pages that are touched after attaching again follow the binding; those that
 * existed stay.
 */
TEST_F(placement, new_attach_gets_the_binding)
{
	struct placement_env *env = &self->env;
	int half = env->pages / 2, first, last;

	open_bound(_metadata, env, &env->memory);
	ASSERT_EQ(0, run_on_node(first_node(&env->cpus)));
	touch_pages(env->seg.addr, half);
	ASSERT_EQ(0, segment_detach(&env->seg));
	ASSERT_EQ(0, segment_attach(&env->seg));
	/* existing pages stay where they are */
	touch_from_all(_metadata, env, by_write);

	ASSERT_EQ(0, placement(env->seg.addr, env->pages, env->nodes));
	EXPECT_EQ(0, strays(env->nodes, env->pages, &env->memory));
	if (env->policy == MEM_STRIPE)
		EXPECT_GE(1, spread(env->nodes, env->pages,
				    &env->memory));
	if (env->policy == MEM_FIRSTREF) {
		first = first_node(&env->cpus);
		last = last_node(&env->cpus);
		EXPECT_EQ(firstref_node(first, &env->memory),
			  env->nodes[0]);
		EXPECT_EQ(firstref_node(last, &env->memory),
			  env->nodes[env->pages - 1]);
	}
}

struct placement_toucher {
	pthread_t thread;
	pthread_barrier_t *start;
	char *addr;	/* of the first of its pages */
	size_t stride;
	int node;
	bool moved;
};

static void *touch_strided(void *arg)
{
	struct placement_toucher *toucher = arg;

	toucher->moved = !run_on_node(toucher->node);
	pthread_barrier_wait(toucher->start);
	for (int i = 0; i < SHARE; i++)
		touch_page(toucher->addr, i * toucher->stride);
	return NULL;
}

/* Threads on all nodes fault by the binding at the same time. */
TEST_F(placement, concurrent_threads_get_the_binding)
{
	struct placement_env *env = &self->env;
	int threads = nodes_weight(&env->cpus);
	struct placement_toucher touchers[threads];
	pthread_barrier_t start;
	int wanted;

	open_bound(_metadata, env, &env->memory);
	pthread_barrier_init(&start, NULL, threads);
	for (int i = 0; i < threads; i++) {
		touchers[i] = (struct placement_toucher) {
			.start = &start,
			.addr = env->seg.addr + i * page_size(),
			.stride = threads,
			.node = nth_node(i, &env->cpus),
		};
		ASSERT_EQ(0, pthread_create(&touchers[i].thread, NULL,
					    touch_strided, &touchers[i]));
	}
	for (int i = 0; i < threads; i++) {
		ASSERT_EQ(0, pthread_join(touchers[i].thread, NULL));
		ASSERT_TRUE(touchers[i].moved);
	}

	ASSERT_EQ(0, placement(env->seg.addr, env->pages, env->nodes));
	EXPECT_EQ(0, strays(env->nodes, env->pages, &env->memory));
	if (env->policy == MEM_STRIPE)
		EXPECT_GE(threads, spread(env->nodes, env->pages,
					  &env->memory));
	for (int i = 0; i < env->pages; i++) {
		if (env->policy != MEM_FIRSTREF)
			break;
		wanted = firstref_node(touchers[i % threads].node,
				       &env->memory);
		EXPECT_EQ(wanted, env->nodes[i]);
	}
}

/*
 * Touch the whole segment from a task in the cpuset; returns how many pages, at
 * most 127, could be touched before SIGBUS.
 */
static int touch_in_cpuset(const struct cgroup *cpuset, struct segment *seg)
{
	int child = fork();

	if (child == 0) {
		if (cgroup_join(cpuset) || catch_sigbus())
			_exit(128);
		_exit(try_touch_pages(seg->addr, seg->size / page_size()));
	}
	return wait_for(child);
}

/* Only nodes of the faulting task's cpuset are candidates. */
TEST_F(placement, cpuset_limits_the_candidates)
{
	struct placement_env *env = &self->env;
	struct nodemask inside;

	REQUIRE("nodes=2");
	inside = nodes_of(last_node(&env->memory));
	env->pages = SHARE;
	ASSERT_EQ(0, cgroup_create(&env->cpuset, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&env->cpuset, &inside));
	open_bound(_metadata, env, &env->memory);

	ASSERT_EQ(SHARE, touch_in_cpuset(&env->cpuset, &env->seg));
	ASSERT_EQ(0, placement_elsewhere(env->seg.id, SHARE, env->nodes));
	EXPECT_EQ(0, strays(env->nodes, SHARE, &inside));
}

/*
 * Without a candidate in the cpuset, only SOFT gets pages, in the cpuset. HARD
 * and MASK fail, and only in that task.
 */
TEST_F(placement, no_candidate_leaves_soft_in_the_cpuset)
{
	struct placement_env *env = &self->env;
	struct nodemask inside, mask;

	REQUIRE("nodes=2");
	mask = nodes_of(first_node(&env->memory));
	inside = nodes_of(last_node(&env->memory));
	env->pages = SHARE;
	ASSERT_EQ(0, cgroup_create(&env->cpuset, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&env->cpuset, &inside));
	open_bound(_metadata, env, &mask);

	if (env->strength != MEM_SOFTBIND) {
		EXPECT_EQ(0, touch_in_cpuset(&env->cpuset, &env->seg));
		/* tasks outside that cpuset are not affected */
		touch_pages(env->seg.addr, SHARE);
		inside = mask;
	} else {
		ASSERT_EQ(SHARE, touch_in_cpuset(&env->cpuset, &env->seg));
	}
	ASSERT_EQ(0, placement_elsewhere(env->seg.id, SHARE, env->nodes));
	EXPECT_EQ(0, strays(env->nodes, SHARE, &inside));
}

/* Tests without a particular policy. */

FIXTURE(defaults)
{
	struct nodemask memory;
	struct segment seg;
};

FIXTURE_SETUP(defaults)
{
	ASSERT_EQ(0, own_ipc_namespace());
	self->memory = memory_nodes();
	self->seg.id = -1;
}

FIXTURE_TEARDOWN(defaults)
{
	segment_remove(&self->seg);
}

/* Policy 0 places pages as FIRSTREF. */
TEST_F(defaults, no_policy_is_firstref)
{
	struct nodemask cpus = cpu_nodes();
	size_t page = 0;
	int node;

	ASSERT_EQ(0, segment_open(&self->seg, nodes_weight(&cpus), 0,
				  &self->memory));
	for (node = -1; next_node(&node, &cpus); page++) {
		ASSERT_EQ(0, run_on_node(node));
		touch_page(self->seg.addr, page);
		EXPECT_EQ(firstref_node(node, &self->memory),
			  page_node(self->seg.addr, page));
	}
}

/* Pages of an unbound segment follow the policy of the task. */
TEST_F(defaults, unbound_segment_follows_task_policy)
{
	struct nodemask own;

	REQUIRE("nodes=2");
	ASSERT_EQ(0, segment_create(&self->seg, 2));
	ASSERT_EQ(0, segment_attach(&self->seg));
	own = nodes_of(first_node(&self->memory));
	ASSERT_EQ(0, set_mempolicy(MPOL_BIND, own.bits, NODES_MAX));
	touch_page(self->seg.addr, 0);
	EXPECT_EQ(first_node(&self->memory), page_node(self->seg.addr, 0));

	own = nodes_of(last_node(&self->memory));
	ASSERT_EQ(0, set_mempolicy(MPOL_BIND, own.bits, NODES_MAX));
	touch_page(self->seg.addr, 1);
	EXPECT_EQ(last_node(&self->memory), page_node(self->seg.addr, 1));
}

/*
 * The copies of a private mapping follow the task's policy. mbind() of it
 * cannot affect the pages of the segment.
 */
TEST_F(defaults, private_copies_follow_the_task)
{
	struct nodemask first = nodes_of(first_node(&self->memory));
	struct nodemask last = nodes_of(last_node(&self->memory));
	struct nodemask cpus = cpu_nodes();
	char *copy;
	int fd;

	REQUIRE("nodes=2");
	ASSERT_EQ(0, segment_open(&self->seg, SHARE, MEM_HARDBIND, &last));
	touch_pages(self->seg.addr, SHARE);
	fd = segment_file(&self->seg);
	ASSERT_LE(0, fd);
	copy = mmap(NULL, self->seg.size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		    fd, 0);
	ASSERT_TRUE(copy != MAP_FAILED);
	EXPECT_EQ(-1, mbind(copy, self->seg.size, MPOL_BIND, first.bits,
			    NODES_MAX, 0));
	EXPECT_EQ(EPERM, errno);

	ASSERT_EQ(0, run_on_node(last_node(&cpus)));
	ASSERT_EQ(0, set_mempolicy(MPOL_BIND, first.bits, NODES_MAX));
	for (int page = 0; page < SHARE; page++) {
		read_page(copy, page);
		EXPECT_EQ(last_node(&last), page_node(copy, page));
		touch_page(copy, page);
		EXPECT_EQ(first_node(&first), page_node(copy, page));
	}
	close(fd);
}

TEST_HARNESS_MAIN
