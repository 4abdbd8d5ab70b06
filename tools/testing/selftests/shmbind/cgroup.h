/* SPDX-License-Identifier: GPL-2.0 */
/* A control group (v2) for the children of a test. */
#ifndef SELFTEST_SHMBIND_CGROUP_H
#define SELFTEST_SHMBIND_CGROUP_H

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes.h"

#define CGROUP_ROOT	"/sys/fs/cgroup"

struct cgroup {
	char path[64];
};

static inline int cgroup_write(const struct cgroup *group, const char *file,
			       const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	return write_file(path, text);
}

/* A group under the root that has @controller, "cpuset" or "memory". */
static inline int cgroup_create(struct cgroup *group, const char *controller)
{
	char enable[32];

	snprintf(enable, sizeof(enable), "+%s", controller);
	if (write_file(CGROUP_ROOT "/cgroup.subtree_control", enable))
		return -1;
	snprintf(group->path, sizeof(group->path), CGROUP_ROOT "/shmbind.%d",
		 getpid());
	return mkdir(group->path, 0700);
}

/* Does nothing if it was never created; its processes must be gone. */
static inline void cgroup_remove(const struct cgroup *group)
{
	if (group->path[0])
		rmdir(group->path);
}

static inline int cgroup_join(const struct cgroup *group)
{
	return cgroup_write(group, "cgroup.procs", "0");
}

static inline int cgroup_set_mems(const struct cgroup *group,
				  const struct nodemask *mask)
{
	char list[1024];

	return cgroup_write(group, "cpuset.mems",
			    nodes_print(mask, list, sizeof(list)));
}

#endif /* SELFTEST_SHMBIND_CGROUP_H */
