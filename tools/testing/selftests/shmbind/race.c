// SPDX-License-Identifier: GPL-2.0
/* shmbind(2) while other threads bind, attach or remove the same segment. */
#include <pthread.h>

#include "flavours.h"

/*
 * A round is short. All threads start at a barrier, and their results are
 * compared after the last of them has ended.
 */
#define ROUNDS		100
#define RACERS_MAX	4

struct race;

struct racer {
	struct race *race;
	pthread_t thread;
	int number;
	int last;		/* flavour of its last success, or -1 */
	int late;		/* successes of calls that began too late */
	int odd_errno;		/* an unexpected errno */
};

struct race {
	struct segment seg;
	pthread_barrier_t start;
	int over;		/* the attach or removal has returned */
	int round;
	struct racer racers[RACERS_MAX];
};

static bool race_over(struct race *race)
{
	return __atomic_load_n(&race->over, __ATOMIC_ACQUIRE);
}

static void end_race(struct race *race)
{
	__atomic_store_n(&race->over, 1, __ATOMIC_RELEASE);
}

/* Wait for a different time in every round. */
static void stagger(struct race *race)
{
	for (int i = 0; i < race->round * 37 % 1000; i++)
		__atomic_load_n(&race->over, __ATOMIC_RELAXED);
}

static void note_bind(struct racer *racer, int flavour, bool late)
{
	if (!bind_flavour(racer->race->seg.id, flavour)) {
		racer->last = flavour;
		racer->late += late;
	} else if (errno != EINVAL) {
		racer->odd_errno = errno;
	}
}

static void *bind_until_over(void *arg)
{
	struct racer *racer = arg;
	bool late;

	pthread_barrier_wait(&racer->race->start);
	for (int turn = racer->number; ; turn++) {
		late = race_over(racer->race);
		note_bind(racer, turn % FLAVOURS, late);
		if (late)
			return NULL;
	}
}

/* Which of several was the last is unknown, but it must be one of them. */
static bool is_someones_last(struct race *race, int racers, int flavour)
{
	bool nobody = true;

	for (int i = 0; i < racers; i++) {
		if (race->racers[i].last == flavour)
			return true;
		nobody &= race->racers[i].last < 0;
	}
	/* the binding from before the race */
	return nobody && flavour == 0;
}

static int start_race(struct race *race, int round, int racers,
		      void *(*run)(void *racer))
{
	race->over = 0;
	race->round = round;
	if (pthread_barrier_init(&race->start, NULL, racers + 1))
		return -1;
	for (int i = 0; i < racers; i++) {
		struct racer *racer = &race->racers[i];

		*racer = (struct racer) {
			.race = race,
			.number = i,
			.last = -1,
		};
		if (pthread_create(&racer->thread, NULL, run, racer))
			return -1;
	}
	pthread_barrier_wait(&race->start);
	return 0;
}

static void finish_race(struct race *race, int racers)
{
	for (int i = 0; i < racers; i++)
		pthread_join(race->racers[i].thread, NULL);
	pthread_barrier_destroy(&race->start);
}

FIXTURE(threads)
{
	struct race race;
};

FIXTURE_VARIANT(threads)
{
	int racers;
};

FIXTURE_VARIANT_ADD(threads, one)	{ .racers = 1 };
FIXTURE_VARIANT_ADD(threads, three)	{ .racers = 3 };

FIXTURE_SETUP(threads)
{
	ASSERT_EQ(0, own_ipc_namespace());
}

FIXTURE_TEARDOWN(threads)
{
}

/* An attach sees one whole binding, and calls that begin later are EINVAL. */
TEST_F(threads, shmat_gets_one_binding)
{
	struct race *race = &self->race;

	for (int round = 0; round < ROUNDS; round++) {
		int seen;

		ASSERT_EQ(0, segment_create(&race->seg, 1));
		ASSERT_EQ(0, bind_flavour(race->seg.id, 0));
		ASSERT_EQ(0, start_race(race, round, variant->racers,
					bind_until_over));
		stagger(race);
		EXPECT_EQ(0, segment_attach(&race->seg));
		/* the binding at this time must not change any more */
		seen = mapping_flavour(race->seg.addr);
		end_race(race);
		finish_race(race, variant->racers);

		for (int i = 0; i < variant->racers; i++) {
			struct racer *racer = &race->racers[i];

			EXPECT_EQ(0, racer->late);
			EXPECT_EQ(0, racer->odd_errno);
		}
		EXPECT_TRUE(is_someones_last(race, variant->racers, seen))
			TH_LOG("flavour %d, round %d", seen, round);
		EXPECT_EQ(seen, mapping_flavour(race->seg.addr));
		EXPECT_EQ(seen, segment_flavour(race->seg.id));
		segment_remove(&race->seg);
	}
}

/*
 * With mlockall(), shmat() faults in all pages before it returns. One binding
 * places all of them.
 */
TEST_F(threads, populating_shmat_gets_one_binding)
{
	struct race *race = &self->race;

	REQUIRE("nodes=2");
	for (int round = 0; round < ROUNDS / 4; round++) {
		int seen;

		ASSERT_EQ(0, segment_create(&race->seg, 256));
		ASSERT_EQ(0, bind_flavour(race->seg.id, 1));
		ASSERT_EQ(0, start_race(race, round, variant->racers,
					bind_until_over));
		EXPECT_EQ(0, mlockall(MCL_FUTURE));
		stagger(race);
		EXPECT_EQ(0, segment_attach(&race->seg));
		EXPECT_EQ(0, munlockall());
		end_race(race);
		finish_race(race, variant->racers);

		seen = mapping_flavour(race->seg.addr);
		ASSERT_LE(0, seen);
		for (int page = 0; page < 256; page++) {
			int node = page_node(race->seg.addr, page);

			ASSERT_LE(0, node) TH_LOG("page %d", page);
			EXPECT_TRUE(node_isset(node, &flavour_mask[seen]))
				TH_LOG("page %d on node %d", page, node);
		}
		segment_remove(&race->seg);
	}
}

/* After attaches that fail, the segment can still be bound. */
TEST_F(threads, failed_shmat_keeps_segment_bindable)
{
	struct race *race = &self->race;
	char *taken = mmap(NULL, page_size(), PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, segment_create(&race->seg, 1));
	for (int round = 0; round < 10; round++) {
		ASSERT_EQ(0, bind_flavour(race->seg.id, 0));
		ASSERT_EQ(0, start_race(race, round, variant->racers,
					bind_until_over));
		for (int i = 0; i < 50; i++)
			EXPECT_EQ(EINVAL, attach_at(race->seg.id, taken, 0));
		end_race(race);
		finish_race(race, variant->racers);
		for (int i = 0; i < variant->racers; i++) {
			/* no attach was under way at the last call */
			EXPECT_LT(0, race->racers[i].late);
			EXPECT_EQ(0, race->racers[i].odd_errno);
		}
		EXPECT_TRUE(is_someones_last(race, variant->racers,
					     segment_flavour(race->seg.id)));
	}
	segment_remove(&race->seg);
}

static void *bind_until_gone(void *arg)
{
	struct racer *racer = arg;
	struct race *race = racer->race;
	bool late;

	pthread_barrier_wait(&race->start);
	do {
		late = race_over(race);
		if (!bind_flavour(race->seg.id, racer->number % FLAVOURS))
			racer->late += late;
		else if (errno != EINVAL && (late || errno != EIDRM))
			racer->odd_errno = errno;
	} while (!late);
	return NULL;
}

/* A call at the time of IPC_RMID succeeds, or is EINVAL or EIDRM. */
TEST_F(threads, ipc_rmid_is_einval_or_eidrm)
{
	struct race *race = &self->race;

	for (int round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, segment_create(&race->seg, 1));
		ASSERT_EQ(0, start_race(race, round, variant->racers,
					bind_until_gone));
		stagger(race);
		EXPECT_EQ(0, segment_rmid(&race->seg));
		end_race(race);
		finish_race(race, variant->racers);
		for (int i = 0; i < variant->racers; i++) {
			EXPECT_EQ(0, race->racers[i].late);
			EXPECT_EQ(0, race->racers[i].odd_errno);
		}
	}
}

static void *rebind_often(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(&racer->race->start);
	for (int i = 0; i < 300; i++) {
		if (bind_flavour(racer->race->seg.id, racer->number % FLAVOURS))
			racer->odd_errno = errno;
	}
	return NULL;
}

/* Of concurrent calls, one replaces the whole binding. */
TEST_F(threads, rebinding_leaves_one_whole_binding)
{
	struct race *race = &self->race;

	ASSERT_EQ(0, segment_create(&race->seg, 1));
	ASSERT_EQ(0, bind_flavour(race->seg.id, 0));
	ASSERT_EQ(0, start_race(race, 0, variant->racers, rebind_often));
	for (int i = 0; i < 100; i++) {
		char seen[BINDING_MAX];

		EXPECT_LE(0, flavour_of(segment_binding(race->seg.id, seen)))
			TH_LOG("%s", seen);
	}
	finish_race(race, variant->racers);
	for (int i = 0; i < variant->racers; i++)
		EXPECT_EQ(0, race->racers[i].odd_errno);
	EXPECT_LE(0, segment_flavour(race->seg.id));
	segment_remove(&race->seg);
}

int main(int argc, char **argv)
{
	init_flavours();
	return test_harness_run(argc, argv);
}
