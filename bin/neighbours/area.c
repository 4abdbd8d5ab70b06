// SPDX-License-Identifier: GPL-2.0
/*
 * area SHMID - Attach a segment, and print what hwloc_get_area_membind() says
 * about its memory: the policy and the nodes, or the error.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>

#include <hwloc.h>

static const char *name_of(hwloc_membind_policy_t policy)
{
	switch (policy) {
	case HWLOC_MEMBIND_FIRSTTOUCH:
		return "firsttouch";
	case HWLOC_MEMBIND_BIND:
		return "bind";
	case HWLOC_MEMBIND_INTERLEAVE:
		return "interleave";
	case HWLOC_MEMBIND_MIXED:
		return "mixed";
	default:
		return "another policy";
	}
}

int main(int argc, char *argv[])
{
	hwloc_nodeset_t nodes = hwloc_bitmap_alloc();
	hwloc_membind_policy_t policy;
	hwloc_topology_t topology;
	struct shmid_ds ds;
	char text[256];
	void *mem;

	if (argc != 2)
		errx(2, "area SHMID");
	if (shmctl(atoi(argv[1]), IPC_STAT, &ds))
		err(1, "shmctl");
	mem = shmat(atoi(argv[1]), NULL, 0);
	if (mem == (void *)-1)
		err(1, "shmat");
	if (hwloc_topology_init(&topology) || hwloc_topology_load(topology))
		err(1, "hwloc_topology_load");
	if (hwloc_get_area_membind(topology, mem, ds.shm_segsz, nodes, &policy,
				   HWLOC_MEMBIND_BYNODESET)) {
		printf("error: %s\n", strerror(errno));
		return 0;
	}
	hwloc_bitmap_list_snprintf(text, sizeof(text), nodes);
	printf("%s %s\n", name_of(policy), text);
	return 0;
}
