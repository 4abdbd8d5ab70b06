// SPDX-License-Identifier: GPL-2.0
/*
 * SHM_HUGETLB segments whose pools are empty, limited by a cgroup, or subject
 * to mbind(2).
 */
#include "huge.h"

/* One pool runs out of pages. */

FIXTURE(pool)
{
	struct huge_env env;
};

FIXTURE_SETUP(pool)
{
	struct huge_env *env = &self->env;

	REQUIRE("nodes=2");
	env_setup(_metadata, env);
}

FIXTURE_TEARDOWN(pool)
{
	env_teardown(_metadata, &self->env);
}

/* The pools of the other nodes have all their pages. */
static void expect_others_untouched(struct __test_metadata *_metadata,
				    const struct huge_env *env)
{
	int node;

	for (node = -1; next_node(&node, &env->others);)
		EXPECT_EQ(SHARE, pool_count(HUGE, node, "free_hugepages"));
}

/*
 * HARD gets SIGBUS on an empty pool, with and without a reservation. The page
 * that fails keeps its reservation.
 */
TEST_F(pool, hard_is_sigbus_reserved_or_not)
{
	static const int flags[] = { 0, SHM_NORESERVE };
	static const int policies[] = { MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE };
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int nodes[SHARE + 1];

	for (size_t i = 0; i < ARRAY_SIZE(flags) * ARRAY_SIZE(policies); i++) {
		long kept = flags[i % 2] ? 0 : 1;

		ASSERT_EQ(0, huge_open(&env->seg, HUGE, SHARE + 1,
				       flags[i % 2],
				       policies[i / 2] | MEM_HARDBIND, &mask));
		EXPECT_EQ(SHARE, touch_all(env->seg.addr, SHARE + 1, nodes));
		EXPECT_EQ(0, strays(nodes, SHARE, &mask));
		EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
		EXPECT_EQ((uintptr_t)env->seg.addr + SHARE * HUGE,
			  (uintptr_t)sigbus_info.si_addr);
		/* the page that was not allocated keeps its reservation */
		EXPECT_EQ(env->reserved + kept,
			  pool_count(HUGE, EVERYWHERE, "resv_hugepages"));
		expect_others_untouched(_metadata, env);
		segment_remove(&env->seg);
		EXPECT_EQ(SHARE, pool_count(HUGE, env->victim,
					    "free_hugepages"));
	}
}

/* A system call that touches such a page returns EFAULT. */
TEST_F(pool, hard_system_call_is_efault)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int nodes[SHARE], pipes[2];
	char *last;

	ASSERT_EQ(0, huge_open(&env->seg, HUGE, SHARE + 1, 0, MEM_HARDBIND,
			       &mask));
	ASSERT_EQ(SHARE, touch_all(env->seg.addr, SHARE, nodes));
	last = env->seg.addr + SHARE * HUGE;
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-1, write(pipes[1], last, 1));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(1, write(pipes[1], "x", 1));
	EXPECT_EQ(-1, read(pipes[0], last, 1));
	EXPECT_EQ(EFAULT, errno);
}

/* The same access succeeds as soon as the pool has a page. */
TEST_F(pool, access_succeeds_once_a_page_is_free)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int nodes[SHARE];

	ASSERT_EQ(0, huge_open(&env->more, HUGE, 1, 0, MEM_HARDBIND, &mask));
	touch_page(env->more.addr, 0);
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, SHARE, 0, MEM_HARDBIND,
			       &mask));
	ASSERT_EQ(SHARE - 1, touch_all(env->seg.addr, SHARE, nodes));
	segment_remove(&env->more);
	ASSERT_TRUE(try_touch(env->seg.addr, nth(SHARE - 1)));
	EXPECT_EQ(env->victim, huge_node(env->seg.addr, SHARE - 1));
}

/* A HARD stripe goes on only when the empty pool has a page again. */
TEST_F(pool, hard_stripe_waits_for_the_pool)
{
	struct huge_env *env = &self->env;
	int width = nodes_weight(&env->memory), count = 2 * width;
	int nodes[count], done;

	ASSERT_EQ(0, pool_set(HUGE, env->victim, "nr_hugepages", 1));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0,
			       MEM_STRIPE | MEM_HARDBIND, &env->memory));
	done = touch_all(env->seg.addr, count, nodes);
	EXPECT_GT(count, done);
	EXPECT_LE(width, done);
	for (int i = 0; i < width; i++)
		EXPECT_FALSE(try_touch(env->seg.addr, nth(done)));
	ASSERT_EQ(0, pool_set(HUGE, env->victim, "nr_hugepages", SHARE));
	for (; done < count; done++)
		nodes[done] = touch_and_look(env->seg.addr, done);
	EXPECT_EQ(0, spread(nodes, count, &env->memory));
	EXPECT_EQ(nodes[width], nodes[0]);
}

/* Touch pages on a CPU that prefers the victim, and count them by node. */
static void touch_soft(struct __test_metadata *_metadata, struct huge_env *env,
		       int count, const struct nodemask *mask, int *per_node)
{
	int from = node_that_prefers(env->victim, mask), nodes[count];

	ASSERT_LE(0, from);
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count, 0, MEM_SOFTBIND,
			       mask));
	ASSERT_EQ(0, run_on_node(from));
	ASSERT_EQ(count, touch_all(env->seg.addr, count, nodes));
	memset(per_node, 0, NODES_MAX * sizeof(*per_node));
	for (int i = 0; i < count; i++)
		per_node[nodes[i]]++;
	segment_remove(&env->seg);
}

/* SOFT falls back to candidates by distance, then to other nodes. */
TEST_F(pool, soft_falls_back_by_distance)
{
	struct huge_env *env = &self->env;
	int victim = env->victim, a, b, near, far, per_node[NODES_MAX];
	struct nodemask mask;

	REQUIRE("nodes=3");
	for (a = -1; next_node(&a, &env->others);) {
		for (b = a; next_node(&b, &env->others);) {
			mask = nodes_of(a);
			node_set(b, &mask);
			near = nearest_node(victim, &mask);
			far = near == a ? b : a;
			node_set(victim, &mask);
			if (node_that_prefers(victim, &mask) < 0)
				continue;

			touch_soft(_metadata, env, SHARE + 1, &mask,
				   per_node);
			EXPECT_EQ(SHARE, per_node[victim]);
			EXPECT_EQ(1, per_node[near] +
				  (distance_between(victim, far) ==
				   distance_between(victim, near) ?
				   per_node[far] : 0));
			touch_soft(_metadata, env, 2 * SHARE + 1, &mask,
				   per_node);
			EXPECT_EQ(SHARE + 1, per_node[near] + per_node[far]);
			if (nodes_weight(&env->memory) == 3)
				continue;
			touch_soft(_metadata, env, 3 * SHARE + 1, &mask,
				   per_node);
			EXPECT_EQ(SHARE, per_node[victim]);
			EXPECT_EQ(SHARE, per_node[near]);
			EXPECT_EQ(SHARE, per_node[far]);
		}
	}
}

/* Surplus pages of a HARD segment are allocated on its node. */
TEST_F(pool, surplus_pages_are_on_the_bound_node)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	int nodes[SHARE + 3];

	ASSERT_EQ(0, pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages", 2));
	/* a reservation would allocate the missing pages at once */
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, SHARE + 3, SHM_NORESERVE,
			       MEM_HARDBIND, &mask));
	EXPECT_EQ(SHARE + 2, touch_all(env->seg.addr, SHARE + 3, nodes));
	EXPECT_EQ(0, strays(nodes, SHARE + 2, &mask));
	EXPECT_EQ(2, pool_count(HUGE, env->victim, "surplus_hugepages"));
	expect_others_untouched(_metadata, env);
}

/*
 * Surplus pages that shmget() reserved elsewhere are exchanged for pages of the
 * bound node. Its pool comes first, further surplus pages last.
 */
TEST_F(pool, reserved_surplus_moves_to_bound_node)
{
	struct huge_env *env = &self->env;
	int pooled = nodes_weight(&env->memory) * SHARE;
	struct nodemask mask = nodes_of(env->victim);
	int nodes[pooled + 2], here = SHARE + 3;

	ASSERT_EQ(0, pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages", 3));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, pooled + 2, 0, MEM_HARDBIND,
			       &mask));
	EXPECT_EQ(2, pool_count(HUGE, EVERYWHERE, "surplus_hugepages"));
	EXPECT_EQ(pooled + 2, pool_count(HUGE, EVERYWHERE, "resv_hugepages"));

	EXPECT_EQ(here, touch_all(env->seg.addr, pooled + 2, nodes));
	EXPECT_EQ(0, strays(nodes, here, &mask));
	EXPECT_EQ(3, pool_count(HUGE, env->victim, "surplus_hugepages"));
	EXPECT_EQ(3, pool_count(HUGE, EVERYWHERE, "surplus_hugepages"));
	EXPECT_EQ(pooled + 2 - here,
		  pool_count(HUGE, EVERYWHERE, "resv_hugepages"));
	expect_others_untouched(_metadata, env);

	segment_remove(&env->seg);
	EXPECT_EQ(0, pool_count(HUGE, EVERYWHERE, "surplus_hugepages"));
	EXPECT_EQ(0, pool_count(HUGE, EVERYWHERE, "resv_hugepages"));
	EXPECT_EQ(pooled, pool_count(HUGE, EVERYWHERE, "free_hugepages"));
}

/* SOFT uses the pages of all pools before it adds a surplus page. */
TEST_F(pool, soft_adds_surplus_pages_last)
{
	struct huge_env *env = &self->env;
	int others = nodes_weight(&env->others) * SHARE;
	struct nodemask mask = nodes_of(env->victim);
	int count = SHARE + others, nodes[count + 1];

	ASSERT_EQ(0, pool_set(HUGE, EVERYWHERE, "nr_overcommit_hugepages", 1));
	ASSERT_EQ(0, huge_open(&env->seg, HUGE, count + 1, SHM_NORESERVE,
			       MEM_SOFTBIND, &mask));
	EXPECT_EQ(count, touch_all(env->seg.addr, count, nodes));
	EXPECT_EQ(SHARE, count - strays(nodes, count, &mask));
	EXPECT_EQ(0, pool_count(HUGE, EVERYWHERE, "surplus_hugepages"));
	EXPECT_TRUE(try_touch(env->seg.addr, nth(count)));
	EXPECT_EQ(1, pool_count(HUGE, EVERYWHERE, "surplus_hugepages"));
}

/* Without a candidate, HARD fails and SOFT takes a node of the cpuset. */
TEST_F(pool, no_candidate_leaves_soft_in_the_cpuset)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim), inside;
	int node = first_node(&env->others);
	pid_t pid;

	inside = nodes_of(node);
	ASSERT_EQ(0, cgroup_create(&env->cgroup, "cpuset"));
	ASSERT_EQ(0, cgroup_set_mems(&env->cgroup, &inside));
	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		bool soft = strengths[i] == MEM_SOFTBIND;

		ASSERT_EQ(0, huge_open(&env->seg, HUGE, 1, 0, strengths[i],
				       &mask));
		pid = fork();
		if (!pid) {
			if (cgroup_join(&env->cgroup))
				_exit(1);
			if (try_touch(env->seg.addr, 0) != soft)
				_exit(2);
			_exit(soft && huge_node(env->seg.addr, 0) != node);
		}
		EXPECT_EQ(0, wait_for(pid));
		segment_remove(&env->seg);
	}
}

/*
 * At the limit of the hugetlb controller an access gets SIGBUS, as without a
 * binding, and the pool keeps its page.
 */
TEST_F(pool, cgroup_limit_is_sigbus)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	char line[32], path[128];
	pid_t pid;

	ASSERT_EQ(0, cgroup_create(&env->cgroup, "hugetlb"));
	ASSERT_EQ(0, cgroup_write(&env->cgroup, "hugetlb.2MB.max", "4M"));
	snprintf(path, sizeof(path), "%s/hugetlb.2MB.current",
		 env->cgroup.path);
	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		ASSERT_EQ(0, huge_open(&env->seg, HUGE, SHARE, 0,
				       strengths[i], &mask));
		pid = fork();
		if (!pid) {
			int nodes[SHARE];

			if (cgroup_join(&env->cgroup))
				_exit(255);
			_exit(touch_all(env->seg.addr, SHARE, nodes));
		}
		EXPECT_EQ(2, wait_for(pid));
		EXPECT_EQ(1, pool_count(HUGE, env->victim, "free_hugepages"));
		segment_remove(&env->seg);
		EXPECT_STREQ("0", read_line(path, line, sizeof(line)));
	}
}

/* A segment without a reservation reserves each page at its fault. */
static int meet_limit(struct huge_env *env, int policy,
		      const struct nodemask *mask)
{
	struct segment *seg = &env->seg;
	int nodes[SHARE + 1];

	if (cgroup_join(&env->cgroup))
		return 1;
	if (!huge_create(seg, HUGE, SHARE + 1, 0) || errno != ENOMEM)
		return 2;
	if (huge_open(seg, HUGE, SHARE, 0, policy, mask) ||
	    touch_all(seg->addr, SHARE, nodes) != SHARE ||
	    strays(nodes, SHARE, mask))
		return 3;
	segment_remove(seg);
	if (huge_open(seg, HUGE, SHARE + 1, SHM_NORESERVE, policy, mask) ||
	    touch_all(seg->addr, SHARE + 1, nodes) != SHARE ||
	    strays(nodes, SHARE, mask))
		return 4;
	segment_remove(seg);
	return 0;
}

/*
 * The limit of reservations holds at shmget(), and at each fault of a segment
 * without a reservation.
 */
TEST_F(pool, cgroup_reservation_limit_is_enforced)
{
	static const int strengths[] = { MEM_HARDBIND, MEM_SOFTBIND };
	struct huge_env *env = &self->env;
	char limit[16], line[32], path[128];
	pid_t pid;

	ASSERT_EQ(0, cgroup_create(&env->cgroup, "hugetlb"));
	snprintf(limit, sizeof(limit), "%lu", SHARE * HUGE);
	ASSERT_EQ(0, cgroup_write(&env->cgroup, "hugetlb.2MB.rsvd.max",
				  limit));
	snprintf(path, sizeof(path), "%s/hugetlb.2MB.rsvd.current",
		 env->cgroup.path);
	for (size_t i = 0; i < ARRAY_SIZE(strengths); i++) {
		pid = fork();
		if (!pid)
			_exit(meet_limit(env, MEM_STRIPE | strengths[i],
					 &env->memory));
		EXPECT_EQ(0, wait_for(pid));
		EXPECT_STREQ("0", read_line(path, line, sizeof(line)));
		EXPECT_EQ(0, pool_count(HUGE, EVERYWHERE, "resv_hugepages"));
	}
}

/* mbind(2) over segments of huge pages. */

static int mbind_to(struct segment *seg, int mode, const struct nodemask *mask)
{
	return mbind(seg->addr, seg->size, mode, mask ? mask->bits : NULL,
		     mask ? NODES_MAX : 0, 0) ? errno : 0;
}

/* mbind() is refused by a HARD segment and followed by a SOFT one. */
TEST_F(pool, mbind_is_eperm_on_hard_only)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim), other;
	int node = first_node(&env->others);
	struct segment *seg = &env->seg;

	other = nodes_of(node);
	ASSERT_EQ(0, huge_open(seg, HUGE, 2, 0, MEM_HARDBIND, &mask));
	EXPECT_EQ(EPERM, mbind_to(seg, MPOL_BIND, &other));
	EXPECT_EQ(EPERM, mbind_to(seg, MPOL_DEFAULT, NULL));
	EXPECT_EQ(env->victim, touch_and_look(seg->addr, 0));
	segment_remove(seg);

	ASSERT_EQ(0, huge_open(seg, HUGE, 2, 0, MEM_SOFTBIND, &mask));
	EXPECT_EQ(0, mbind_to(seg, MPOL_BIND, &other));
	EXPECT_EQ(node, touch_and_look(seg->addr, 0));
	EXPECT_EQ(0, mbind_to(seg, MPOL_DEFAULT, NULL));
	EXPECT_EQ(env->victim, touch_and_look(seg->addr, 1));
}

/* Without a binding, mbind() affects one mapping alone and ends with it. */
TEST_F(pool, mbind_on_unbound_affects_one_mapping)
{
	struct huge_env *env = &self->env;
	struct nodemask mask = nodes_of(env->victim);
	struct segment *seg = &env->seg;
	int here = first_node(&env->cpus);

	ASSERT_EQ(0, run_on_node(here));
	ASSERT_EQ(0, huge_create(seg, HUGE, 3, 0));
	ASSERT_EQ(0, segment_attach(seg));
	ASSERT_EQ(0, mbind_to(seg, MPOL_BIND, &mask));
	EXPECT_EQ(env->victim, touch_and_look(seg->addr, 0));
	EXPECT_EQ(firstref_node(here, &env->memory),
		  touch_elsewhere(seg->id, 1, here));
	ASSERT_EQ(0, segment_detach(seg));
	ASSERT_EQ(0, segment_attach(seg));
	EXPECT_EQ(firstref_node(here, &env->memory),
		  touch_and_look(seg->addr, 2));
}

TEST_HARNESS_MAIN
