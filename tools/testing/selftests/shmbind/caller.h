/* SPDX-License-Identifier: GPL-2.0 */
/* Who calls, and from which cpuset: a test process changes itself, not others. */
#ifndef SELFTEST_SHMBIND_CALLER_H
#define SELFTEST_SHMBIND_CALLER_H

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sys/stat.h>

#include "nodes.h"

#define CGROUP_ROOT	"/sys/fs/cgroup"

/* Two users who own nothing and may do nothing. */
enum { NOBODY = 65534, SOMEBODY = 65533 };

/* Be @user of group @user and of no other, without any capability. */
static inline int become(int user)
{
	if (setgroups(0, NULL) || setresgid(user, user, user))
		return -1;
	return setresuid(user, user, user);
}

static inline int write_file(const char *path, const char *text)
{
	ssize_t len = strlen(text), written;
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return -1;
	written = write(fd, text, len);
	close(fd);
	return written == len ? 0 : -1;
}

struct cpuset {
	char dir[128];
};

static inline int cpuset_write(const struct cpuset *set, const char *file,
			       const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", set->dir, file);
	return write_file(path, text);
}

/* Change the nodes of a cpuset that the caller is in. */
static inline int cpuset_allow(const struct cpuset *set,
			       const struct nodemask *mems)
{
	char list[4096];

	return cpuset_write(set, "cpuset.mems",
			    nodes_print(mems, list, sizeof(list)));
}

static inline int cpuset_create(struct cpuset *set, const struct nodemask *mems)
{
	snprintf(set->dir, sizeof(set->dir), CGROUP_ROOT "/shmbind-%d",
		 getpid());
	if (write_file(CGROUP_ROOT "/cgroup.subtree_control", "+cpuset") ||
	    mkdir(set->dir, 0755))
		return -1;
	return cpuset_allow(set, mems);
}

/* Put the calling process, and whom it forks, into the cpuset. */
static inline int cpuset_enter(const struct cpuset *set)
{
	return cpuset_write(set, "cgroup.procs", "0");
}

/* Leave it, if the caller is in it, and remove it. */
static inline int cpuset_remove(const struct cpuset *set)
{
	if (write_file(CGROUP_ROOT "/cgroup.procs", "0"))
		return -1;
	return rmdir(set->dir);
}

#endif /* SELFTEST_SHMBIND_CALLER_H */
