// SPDX-License-Identifier: GPL-2.0
/* The limits of shmget(2). */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

#include "shmlimits.h"

#define CAP_IPC_LOCK_BIT	14

/* The number in a file, or -1. */
static long read_setting(const char *path)
{
	FILE *file = fopen(path, "re");
	long value = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%ld", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

static bool may_lock_memory(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long caps = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	}
	if (file)
		fclose(file);
	return caps >> CAP_IPC_LOCK_BIT & 1;
}

static bool in_group(gid_t group)
{
	int i, n = getgroups(0, NULL);
	gid_t *groups = calloc(n > 0 ? n : 1, sizeof(*groups));
	bool found = getegid() == group;

	n = groups ? getgroups(n, groups) : 0;
	for (i = 0; i < n && !found; i++)
		found = groups[i] == group;
	free(groups);
	return found;
}

bool limits_read(struct limits *limits)
{
	struct shm_info used;
	struct shminfo info;

	if (shmctl(0, IPC_INFO, (struct shmid_ds *)&info) < 0 ||
	    shmctl(0, SHM_INFO, (struct shmid_ds *)&used) < 0)
		return false;
	limits->shmmax = info.shmmax;
	limits->shmall = info.shmall;
	limits->shmmni = info.shmmni;
	limits->pages = used.shm_tot;
	limits->segments = used.used_ids;
	limits->group = read_setting("/proc/sys/vm/hugetlb_shm_group");
	limits->rmid_forced =
		read_setting("/proc/sys/kernel/shm_rmid_forced") == 1;
	limits->may_use_huge = may_lock_memory() ||
		(limits->group >= 0 && in_group(limits->group));
	return true;
}
