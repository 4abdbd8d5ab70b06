// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation of a fault, of a swap-in and of the listing fails in turn, alone
 * and with all that follow it: the access has the documented outcome, and the next
 * one succeeds.
 */
#include "inject.h"
#include "pool.h"
#include "swapped.h"
#include "thp.h"

#define NTH_MAX		300	/* no path has so many allocations */
#define HUGE		FOLIO_SIZE
#define POOLED		3	/* huge pages on each node */

static const int policies[] = {
	MEM_FIRSTREF, MEM_STRIPE, MEM_MOSTFREE, MEM_WEIGHTED,
};

/* The last two nodes with memory, or the only one. */
static struct nodemask last_nodes(struct nodemask memory)
{
	while (nodes_weight(&memory) > 2)
		node_clear(first_node(&memory), &memory);
	return memory;
}

static bool is_confined(int strength)
{
	return strength & (MEM_HARDBIND | MEM_MASKBIND);
}

/*
 * The first fault on a page.
 */

FIXTURE(fault)
{
	struct nodemask memory, mask;
	struct segment seg;
};

FIXTURE_VARIANT(fault)
{
	int strength;
	size_t unit;		/* of a folio, in bytes; 0: a page */
	bool pool;		/* it is a huge page of the pool */
};

FIXTURE_VARIANT_ADD(fault, hard_pages) {
	.strength = MEM_HARDBIND,
};

FIXTURE_VARIANT_ADD(fault, mask_pages) {
	.strength = MEM_MASKBIND,
};

FIXTURE_VARIANT_ADD(fault, soft_pages) {
	.strength = MEM_SOFTBIND,
};

FIXTURE_VARIANT_ADD(fault, hard_folios) {
	.strength = MEM_HARDBIND,
	.unit = FOLIO_SIZE,
};

FIXTURE_VARIANT_ADD(fault, mask_folios) {
	.strength = MEM_MASKBIND,
	.unit = FOLIO_SIZE,
};

FIXTURE_VARIANT_ADD(fault, soft_folios) {
	.strength = MEM_SOFTBIND,
	.unit = FOLIO_SIZE,
};

FIXTURE_VARIANT_ADD(fault, hard_huge_pages) {
	.strength = MEM_HARDBIND,
	.unit = HUGE,
	.pool = true,
};

FIXTURE_VARIANT_ADD(fault, mask_huge_pages) {
	.strength = MEM_MASKBIND,
	.unit = HUGE,
	.pool = true,
};

FIXTURE_VARIANT_ADD(fault, soft_huge_pages) {
	.strength = MEM_SOFTBIND,
	.unit = HUGE,
	.pool = true,
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, catch_sigbus());
	self->memory = memory_nodes();
	self->mask = last_nodes(self->memory);
	self->seg.id = -1;
	ASSERT_EQ(0, pools_fill(HUGE, &self->memory, variant->pool ? POOLED : 0));
	if (variant->unit && !variant->pool)
		ASSERT_EQ(0, write_file(THP_DIR "shmem_enabled", "always"));
}

FIXTURE_TEARDOWN(fault)
{
	segment_remove(&self->seg);
	write_file(THP_DIR "shmem_enabled", "never");
	EXPECT_EQ(0, pools_fill(HUGE, &self->memory, 0));
}

/* Open a segment of @count pages or folios. */
static void open_some(struct __test_metadata *_metadata, struct segment *seg,
		      const struct nodemask *mask, int policy, size_t unit,
		      bool pool, size_t count)
{
	if (pool) {
		ASSERT_EQ(0, huge_open(seg, unit, count, 0, policy, mask));
	} else if (unit) {
		open_aligned(_metadata, seg, count * unit / page_size(), policy,
			     mask);
	} else {
		ASSERT_EQ(0, segment_open(seg, count, policy, mask));
	}
}

/*
 * A page that cannot be had raises SIGBUS if the binding is HARD or MASK. It is
 * there after the next access, and in the mask. A stripe has lost no turn.
 */
TEST_F(fault, first_access_fails_cleanly)
{
	size_t step = (variant->unit ?: page_size()) / page_size();
	int policy, first, second, injected;
	struct inject inject;
	bool failed, touched;

	REQUIRE("failslab");
	ASSERT_EQ(0, inject_start(&inject));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		policy = policies[i] | variant->strength;
		failed = true;
		injected = 0;
		for (int nth = 1; failed && nth < NTH_MAX; nth++) {
			open_some(_metadata, &self->seg, &self->mask, policy,
				  variant->unit, variant->pool, 2);
			inject_at(&inject, nth);
			touched = try_touch(self->seg.addr, 0);
			failed = inject_stop(&inject);
			injected += failed;
			EXPECT_TRUE(touched || failed);
			if (!is_confined(variant->strength) && !variant->pool)
				EXPECT_TRUE(touched);

			EXPECT_TRUE(try_touch(self->seg.addr, 0));
			EXPECT_TRUE(try_touch(self->seg.addr, step));
			first = page_node(self->seg.addr, 0);
			second = page_node(self->seg.addr, step);
			ASSERT_LE(0, first);
			ASSERT_LE(0, second);
			if (is_confined(variant->strength)) {
				EXPECT_TRUE(node_isset(first, &self->mask));
				EXPECT_TRUE(node_isset(second, &self->mask));
			}
			if (policy == (MEM_STRIPE | MEM_HARDBIND) &&
			    nodes_weight(&self->mask) == 2)
				EXPECT_NE(first, second);
			segment_remove(&self->seg);
		}
		EXPECT_FALSE(failed);
		EXPECT_LT(0, injected);
	}
}

/* Populate the page or folio at @addr. Returns 0 or the error. */
static int populate_folio(char *addr, size_t size)
{
	return madvise(addr, size, MADV_POPULATE_WRITE) ? errno : 0;
}

/*
 * If nothing can be allocated any more, the call fails and the binding has lost
 * no turn: the second folio of a stripe is on the node that it was due on, the
 * other one. It is so far from the first that the page cache needs memory for it,
 * whatever the size of the folios.
 */
TEST_F(fault, stripe_loses_no_turn_without_memory)
{
	size_t unit = variant->unit ?: page_size(), far = 8 * unit;
	int policy = MEM_STRIPE | variant->strength;
	int first, second, injected = 0, err = -1;
	struct inject inject;
	char *addr;

	REQUIRE("failslab");
	REQUIRE("nodes=2");
	ASSERT_EQ(2, nodes_weight(&self->mask));
	ASSERT_EQ(0, inject_start(&inject));
	for (int nth = 1; err && nth < NTH_MAX; nth++) {
		open_some(_metadata, &self->seg, &self->mask, policy,
			  variant->unit, variant->pool, far / unit + 1);
		addr = self->seg.addr;
		ASSERT_EQ(0, populate_folio(addr, unit));
		ASSERT_EQ(0, inject_from(&inject, nth));
		err = populate_folio(addr + far, unit);
		injected += inject_stop(&inject);
		EXPECT_TRUE(!err || err == EFAULT || err == ENOMEM);

		EXPECT_EQ(0, populate_folio(addr + far, unit));
		first = page_node(addr, 0);
		second = page_node(addr, far / page_size());
		EXPECT_NE(first, second);
		EXPECT_TRUE(node_isset(first, &self->mask));
		EXPECT_TRUE(node_isset(second, &self->mask));
		segment_remove(&self->seg);
	}
	EXPECT_EQ(0, err);
	EXPECT_LT(0, injected);
}

/*
 * Swap.
 */

FIXTURE(swapin)
{
	struct swap_env env;
};

FIXTURE_VARIANT(swapin)
{
	int strength;
	int (*on)(struct swap *swap, size_t size);
};

FIXTURE_VARIANT_ADD(swapin, hard_disk) {
	.strength = MEM_HARDBIND,
	.on = swap_to_disk,
};

FIXTURE_VARIANT_ADD(swapin, hard_zram) {
	.strength = MEM_HARDBIND,
	.on = swap_to_zram,
};

FIXTURE_VARIANT_ADD(swapin, mask_disk) {
	.strength = MEM_MASKBIND,
	.on = swap_to_disk,
};

FIXTURE_VARIANT_ADD(swapin, soft_disk) {
	.strength = MEM_SOFTBIND,
	.on = swap_to_disk,
};

FIXTURE_SETUP(swapin)
{
	env_setup(_metadata, &self->env, variant->on);
}

FIXTURE_TEARDOWN(swapin)
{
	env_teardown(_metadata, &self->env);
}

/* A page that cannot be read is read by the next access, with its contents. */
TEST_F(swapin, access_to_a_swapped_page_fails_cleanly)
{
	struct swap_env *env = &self->env;
	struct nodemask mask = last_nodes(env->memory);
	bool failed = true, there;
	struct inject inject;
	int injected = 0, nth;

	REQUIRE("failslab");
	ASSERT_EQ(0, inject_start(&inject));
	ASSERT_EQ(0, segment_open(&env->seg, PAGES,
				  MEM_STRIPE | variant->strength, &mask));
	write_numbers(&env->seg);
	for (nth = 1; failed && nth < NTH_MAX; nth++) {
		swap_out(_metadata, &env->group, &env->seg);
		inject_at(&inject, nth);
		there = try_read(env->seg.addr, nth % PAGES);
		failed = inject_stop(&inject);
		injected += failed;
		EXPECT_TRUE(there || failed);
		if (!is_confined(variant->strength))
			EXPECT_TRUE(there);
		expect_numbers(_metadata, &env->seg);
		if (is_confined(variant->strength))
			expect_all_on(_metadata, &env->seg, &mask);
	}
	EXPECT_FALSE(failed);
	EXPECT_LT(0, injected);
}

/* A swapped page stays where it is if all allocations fail. */
TEST_F(swapin, swapped_page_stays_without_memory)
{
	struct swap_env *env = &self->env;
	struct nodemask mask = last_nodes(env->memory);
	int injected = 0, err = -1;
	struct inject inject;
	bool failed;

	REQUIRE("failslab");
	ASSERT_EQ(0, inject_start(&inject));
	ASSERT_EQ(0, segment_open(&env->seg, PAGES,
				  MEM_STRIPE | variant->strength, &mask));
	write_numbers(&env->seg);
	for (int nth = 1; err && nth < NTH_MAX; nth++) {
		swap_out(_metadata, &env->group, &env->seg);
		ASSERT_EQ(0, inject_from(&inject, nth));
		err = populate(&env->seg, nth % PAGES);
		failed = inject_stop(&inject);
		injected += failed;
		if (err) {
			EXPECT_TRUE(failed);
			EXPECT_TRUE(err == EFAULT || err == ENOMEM);
		}
		expect_numbers(_metadata, &env->seg);
		if (is_confined(variant->strength))
			expect_all_on(_metadata, &env->seg, &mask);
	}
	EXPECT_EQ(0, err);
	EXPECT_LT(0, injected);
}

/*
 * The listing.
 */

#define TEXT_MAX	16384

/* Read all of it. Returns its length, or -1 with errno. */
static ssize_t read_listing(char *text)
{
	int fd = open("/proc/sysvipc/shmbind", O_RDONLY);
	ssize_t length = 0, got = -1;

	while (fd >= 0 && length < TEXT_MAX - 1 &&
	       (got = read(fd, text + length, TEXT_MAX - 1 - length)) > 0)
		length += got;
	if (fd >= 0)
		close(fd);
	text[length] = '\0';
	return got < 0 ? -1 : length;
}

/* It is whole, or an error; and the next time it is whole. */
TEST(listing_without_memory_is_enomem)
{
	static char want[TEXT_MAX], text[TEXT_MAX];
	struct nodemask memory = memory_nodes();
	struct segment segs[20];
	int injected = 0, nth;
	struct inject inject;
	bool failed = true;
	ssize_t length;

	REQUIRE("failslab");
	ASSERT_EQ(0, own_ipc_namespace());
	ASSERT_EQ(0, inject_start(&inject));
	for (size_t i = 0; i < ARRAY_SIZE(segs); i++) {
		ASSERT_EQ(0, segment_open(&segs[i], 4, MEM_STRIPE, &memory));
		touch_pages(segs[i].addr, 4);
	}
	ASSERT_LT(0, read_listing(want));
	for (nth = 1; failed && nth < NTH_MAX; nth++) {
		inject_at(&inject, nth);
		errno = 0;
		length = read_listing(text);
		if (length < 0)
			EXPECT_EQ(ENOMEM, errno);
		if (length >= 0)
			EXPECT_STREQ(want, text);
		failed = inject_stop(&inject);
		injected += failed;
		ASSERT_LT(0, read_listing(text));
		EXPECT_STREQ(want, text);
	}
	EXPECT_FALSE(failed);
	EXPECT_LT(0, injected);
}

int main(int argc, char **argv)
{
	settle_memory();
	return test_harness_run(argc, argv);
}
