/*
 * Check decoding of shmbind syscall.
 *
 * Copyright (c) 2026 The strace developers.
 * All rights reserved.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "tests.h"
#include "scno.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <unistd.h>

#define LONG_BITS	(8 * (int) sizeof(long))

static int id = -1;
static const char *errstr;

static void
cleanup(void)
{
	shmctl(id, IPC_RMID, NULL);
	id = -1;
}

static long
k_shmbind(const int shmid, const unsigned int policy,
	  const void *const mask_ptr, const int mask_len)
{
	const kernel_ulong_t fill = (kernel_ulong_t) 0xdefaced00000000ULL;
	const kernel_ulong_t arg1 = fill | (unsigned int) shmid;
	const kernel_ulong_t arg2 = fill | policy;
	const kernel_ulong_t arg3 = (unsigned long) mask_ptr;
	const kernel_ulong_t arg4 = fill | (unsigned int) mask_len;
	const kernel_ulong_t arg5 = fill | 0xdecaffed;
	const kernel_ulong_t arg6 = fill | 0xdeefaced;
	const long rc = syscall(__NR_shmbind,
				arg1, arg2, arg3, arg4, arg5, arg6);
	errstr = sprintrc(rc);
	return rc;
}

static const struct {
	unsigned int val;
	const char *str;
} policies[] = {
	{ ARG_STR(0) },
	{ 0x01, "MEM_FIRSTREF" },
	{ 0x12, "MEM_STRIPE|MEM_HARDBIND" },
	{ 0x24, "MEM_MOSTFREE|MEM_SOFTBIND" },
	{ 0x48, "MEM_WEIGHTED|MEM_MASKBIND" },
	{ 0x7f, "MEM_FIRSTREF|MEM_STRIPE|MEM_MOSTFREE|MEM_WEIGHTED"
		"|MEM_HARDBIND|MEM_SOFTBIND|MEM_MASKBIND" },
	{ 0x80, "0x80 /* MEM_??? */" },
	{ 0xffffff92, "MEM_STRIPE|MEM_HARDBIND|0xffffff80" },
};

static void
test_mask(const unsigned int nlongs, const int mask_len)
{
	unsigned long *const mask = tail_alloc(sizeof(*mask) * nlongs);

	for (unsigned int i = 0; i < nlongs; ++i)
		mask[i] = i + 1;

	k_shmbind(id, 0x12, mask, mask_len);
	printf("shmbind(%d, MEM_STRIPE|MEM_HARDBIND, [", id);
	for (unsigned int i = 0; i < nlongs; ++i)
		printf("%s%#0*lx", i ? ", " : "",
		       (int) sizeof(*mask) * 2, mask[i]);
	printf("], %d) = %s\n", mask_len, errstr);

	/* one more word than there is */
	k_shmbind(id, 0x12, mask + 1, nlongs * LONG_BITS);
	printf("shmbind(%d, MEM_STRIPE|MEM_HARDBIND, ", id);
	if (nlongs == 1) {
		printf("%p", mask + 1);
	} else {
		for (unsigned int i = 1; i < nlongs; ++i)
			printf("%s%#0*lx", i > 1 ? ", " : "[",
			       (int) sizeof(*mask) * 2, mask[i]);
		printf(", ... /* %p */]", mask + nlongs);
	}
	printf(", %d) = %s\n", nlongs * LONG_BITS, errstr);
}

int
main(void)
{
	unsigned long *const mask = tail_alloc(sizeof(*mask));
	const int bogus_id = 0xfdb97531;
	const int bogus_lens[] = { 0, -1, -LONG_BITS, 0x80000000 };

	*mask = 1;
	for (unsigned int i = 0; i < ARRAY_SIZE(policies); ++i) {
		k_shmbind(bogus_id, policies[i].val, NULL, 1);
		printf("shmbind(%d, %s, NULL, 1) = %s\n",
		       bogus_id, policies[i].str, errstr);

		k_shmbind(bogus_id, policies[i].val, mask, 1);
		printf("shmbind(%d, %s, [%#0*lx], 1) = %s\n",
		       bogus_id, policies[i].str,
		       (int) sizeof(*mask) * 2, *mask, errstr);
	}

	for (unsigned int i = 0; i < ARRAY_SIZE(bogus_lens); ++i) {
		k_shmbind(bogus_id, 0, mask, bogus_lens[i]);
		printf("shmbind(%d, 0, %p, %d) = %s\n",
		       bogus_id, mask, bogus_lens[i], errstr);
	}

	id = shmget(IPC_PRIVATE, 1, 0600);
	if (id < 0)
		perror_msg_and_skip("shmget");
	atexit(cleanup);

	test_mask(1, 1);
	test_mask(1, LONG_BITS - 1);
	test_mask(1, LONG_BITS);
	test_mask(2, LONG_BITS + 1);
	test_mask(2, LONG_BITS * 2);
	test_mask(3, LONG_BITS * 2 + 1);

	puts("+++ exited with 0 +++");
	return 0;
}
