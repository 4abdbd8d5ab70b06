// SPDX-License-Identifier: GPL-2.0
/* Segments whose nodes are full: SIGBUS, EFAULT, and no OOM killer. */
#include "full.h"
#include "loop.h"

/* A mask of one full node, which every policy chooses. */

FIXTURE(full)
{
	struct full_env env;
};

FIXTURE_VARIANT(full)
{
	int policy;
};

FIXTURE_VARIANT_ADD(full, firstref) {
	.policy = MEM_FIRSTREF,
};

FIXTURE_VARIANT_ADD(full, stripe) {
	.policy = MEM_STRIPE,
};

FIXTURE_VARIANT_ADD(full, mostfree) {
	.policy = MEM_MOSTFREE,
};

FIXTURE_SETUP(full)
{
	struct nodemask mask = nodes_of(victim);
	struct full_env *env = &self->env;

	REQUIRE("nodes=2");
	env_setup(_metadata, env);
	fill_victim(_metadata, env);
	open_bound(_metadata, env, 8 * SPARE, variant->policy | MEM_HARDBIND,
		   &mask);
}

FIXTURE_TEARDOWN(full)
{
	env_teardown(_metadata, &self->env);
}

/* An access to a page that finds no room gets SIGBUS with its address. */
TEST_F(full, sigbus_names_the_page)
{
	struct segment *seg = &self->env.seg;
	int page = page_that_fails(_metadata, seg);

	EXPECT_EQ(SIGBUS, sigbus_info.si_signo);
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	EXPECT_EQ((uintptr_t)seg->addr + page * page_size(),
		  (uintptr_t)sigbus_info.si_addr);
}

/* A read of a page that does not exist yet gets SIGBUS as well. */
TEST_F(full, read_of_a_hole_is_sigbus)
{
	struct segment *seg = &self->env.seg;
	int pages = seg->size / page_size(), page = 0;

	while (page < pages && try_read(seg->addr, page))
		page++;
	ASSERT_GT(pages, page);
	EXPECT_EQ(BUS_ADRERR, sigbus_info.si_code);
	EXPECT_EQ((uintptr_t)seg->addr + page * page_size(),
		  (uintptr_t)sigbus_info.si_addr);
}

/* A system call that touches such a page returns EFAULT. */
TEST_F(full, system_call_is_efault)
{
	char *addr = self->env.seg.addr, *end = addr + self->env.seg.size;
	size_t step = page_size();
	int pipes[2];

	/* each call in turn until the page where it fails */
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

/* Only a process that does not handle SIGBUS dies from it. */
TEST_F(full, unhandled_sigbus_kills_only_its_process)
{
	struct segment *seg = &self->env.seg;
	int child = fork(), status;

	if (child == 0) {
		touch_pages(seg->addr, seg->size / page_size());
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGBUS, WTERMSIG(status));
}

/* No page is taken from other nodes, nor from the ballast. */
TEST_F(full, no_page_comes_from_another_node)
{
	struct full_env *env = &self->env;
	long pages = page_that_fails(_metadata, &env->seg);

	for (int i = 0; i < TRIES; i++)
		try_touch(env->seg.addr, pages + i);
	pages = count_placement(env->seg.addr, pages + TRIES,
				env->per_node);
	EXPECT_EQ(pages, env->per_node[victim]);
	EXPECT_EQ(env->taken, count_placement(env->ballast.addr,
					      env->taken, env->per_node));
	EXPECT_EQ(env->taken, env->per_node[victim]);
}

/* The OOM killer kills neither the caller nor a bystander. */
TEST_F(full, oom_killer_stays_away)
{
	struct full_env *env = &self->env;
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
		page_that_fails(_metadata, &env->seg);
	EXPECT_EQ(env->kills, oom_kills());
	close(pipes[1]);
	EXPECT_EQ(0, wait_for(bystander));
}

/* The same access succeeds as soon as the node has free memory. */
TEST_F(full, access_succeeds_once_memory_is_free)
{
	struct full_env *env = &self->env;
	int page = page_that_fails(_metadata, &env->seg);

	ASSERT_EQ(0, give_back(&env->spare));
	ASSERT_TRUE(try_touch(env->seg.addr, page));
	EXPECT_EQ(victim, page_node(env->seg.addr, page));
}

/* Memory in another CPU's list of free pages is found at once. */
TEST_F(full, pages_freed_by_another_cpu_are_found)
{
	struct full_env *env = &self->env;
	struct nodemask cpus = cpu_nodes();
	int pipes[2], child, page;
	char byte;

	/* all pages should be in the list of that CPU */
	allow_long_cpu_lists();
	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	if (child == 0) {
		close(pipes[1]);
		if (run_on_node(last_node(&cpus)) ||
		    read(pipes[0], &byte, 1) || give_back(&env->spare))
			_exit(1);
		_exit(0);
	}
	page = page_that_fails(_metadata, &env->seg);
	ASSERT_EQ(0, give_back(&env->spare));
	close(pipes[1]);
	ASSERT_EQ(0, wait_for(child));
	/* except for a few that the child needed itself */
	EXPECT_LE(page + SPARE / 2,
		  try_touch_pages(env->seg.addr, page + SPARE));
	allow_short_cpu_lists();
}

struct hard_toucher {
	pthread_t thread;
	char *addr;
	int failed;
};

static void *touch_in_vain(void *arg)
{
	struct hard_toucher *worker = arg;
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
	struct hard_toucher workers[8] = {};

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

/* Threads that touch the same page all get their SIGBUS. */
TEST_F(full, all_threads_at_one_page_get_sigbus)
{
	crowd(_metadata, self->env.seg.addr, 0);
}

/* Threads that touch pages of their own all get their SIGBUS. */
TEST_F(full, all_threads_at_own_pages_get_sigbus)
{
	crowd(_metadata, self->env.seg.addr, SPARE * page_size());
}

/* Clean page cache on the node is reclaimed for a HARD segment. */
TEST(clean_page_cache_is_reclaimed)
{
	struct nodemask mask = nodes_of(victim);
	long before = node_file_pages(victim), cached;
	static char buffer[1 << 16];
	size_t size = LEFT / 2 * page_size();
	struct full_env env = {};
	int loop;

	REQUIRE("nodes=2");
	env_setup(_metadata, &env);
	loop = loop_open(size, O_RDONLY, NULL);
	ASSERT_LE(0, loop);
	ASSERT_EQ(0, set_mempolicy(MPOL_BIND, mask.bits, NODES_MAX));
	for (size_t done = 0; done < size; done += sizeof(buffer))
		ASSERT_EQ((ssize_t)sizeof(buffer),
			  read(loop, buffer, sizeof(buffer)));
	ASSERT_EQ(0, set_mempolicy(MPOL_DEFAULT, NULL, 0));
	cached = node_file_pages(victim) - before;
	ASSERT_LE(LEFT / 4, cached);

	ASSERT_LT(0, fill_node(&env.ballast, victim));
	EXPECT_GE(before + cached / 4, node_file_pages(victim));
	close(loop);
	env_teardown(_metadata, &env);
}

/* Memory cgroups: a group at its limit, and a full node. */

FIXTURE(memcg)
{
	struct cgroup group;
	struct segment seg;
};

FIXTURE_VARIANT(memcg)
{
	int strength;
};

FIXTURE_VARIANT_ADD(memcg, hard) {
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(memcg, soft) {
	.strength = MEM_SOFTBIND,
};

FIXTURE_SETUP(memcg)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, cgroup_create(&self->group, "memory"));
	ASSERT_EQ(0, cgroup_write(&self->group, "memory.max", "4M"));
}

FIXTURE_TEARDOWN(memcg)
{
	segment_detach(&self->seg);
	cgroup_remove(&self->group);
}

/* A group at its limit has a task killed, as with an unbound segment. */
TEST_F(memcg, limit_kills_in_the_group)
{
	struct nodemask memory = memory_nodes();
	long kills = oom_kills();
	int pages = (8 << 20) / page_size();

	ASSERT_EQ(0, segment_open(&self->seg, pages,
				  MEM_STRIPE | variant->strength, &memory));
	ASSERT_EQ(0, segment_rmid(&self->seg));
	EXPECT_EQ(SIGKILL, killed_by_limit(&self->group, self->seg.addr,
					   pages));
	EXPECT_EQ(kills + 1, oom_kills());
}

/* At the limit, a task that cannot be killed waits. It gets no SIGBUS. */
TEST_F(memcg, limit_waits_for_unkillable_tasks)
{
	struct nodemask memory = memory_nodes();
	int pages = (8 << 20) / page_size();

	ASSERT_EQ(0, segment_open(&self->seg, pages,
				  MEM_STRIPE | variant->strength, &memory));
	ASSERT_EQ(0, segment_rmid(&self->seg));
	EXPECT_EQ(0, held_by_limit(&self->group, self->seg.addr, pages));
}

/*
 * HARD fails on a full node, and SOFT does not, although the group is far from
 * its limit.
 */
TEST_F(memcg, room_in_group_is_no_room_on_node)
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
	ASSERT_EQ(0, segment_rmid(&self->seg));
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

int main(int argc, char **argv)
{
	settle_memory();
	take_most_of_two();
	return test_harness_run(argc, argv);
}
