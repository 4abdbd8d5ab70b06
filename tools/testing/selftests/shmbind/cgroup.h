/* SPDX-License-Identifier: GPL-2.0 */
/* A control group for a test or its children, of v2 unless its name has v1. */
#ifndef SELFTEST_SHMBIND_CGROUP_H
#define SELFTEST_SHMBIND_CGROUP_H

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "segment.h"

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

/* Create a group under the root with @controller, "cpuset" or "memory". */
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

/* Does nothing if the group was never created. It must have no processes. */
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

/* How often @event of memory.events has happened, or -1. */
static inline long cgroup_event(const struct cgroup *group, const char *event)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/memory.events", group->path);
	return counter_in(path, event);
}

/* Tell the harness, which reads the console, that this OOM kill is intended. */
static inline int announce_oom(void)
{
	return write_file("/dev/kmsg", "shmbind: expect oom shmbind-memcg\n");
}

/* A child that touches the pages as a member of @group. */
static inline pid_t touch_as_member(const struct cgroup *group, char *addr,
				    int pages, const char *oom_score_adj)
{
	pid_t child = fork();

	if (child)
		return child;
	signal(SIGBUS, SIG_DFL);
	if (prctl(PR_SET_NAME, "shmbind-memcg") ||
	    write_file("/proc/self/oom_score_adj", oom_score_adj) ||
	    cgroup_join(group))
		_exit(1);
	touch_pages(addr, pages);
	_exit(0);
}

/*
 * Have the limit of @group kill a child that touches the pages. Returns the
 * signal that killed it, 0 if none did, or -1 if there was no child.
 */
static inline int killed_by_limit(const struct cgroup *group, char *addr,
				  int pages)
{
	pid_t child;
	int status;

	if (announce_oom())
		return -1;
	child = touch_as_member(group, addr, pages, "0");
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/*
 * Have the limit of @group hold a child that may not be killed. Returns 0 if
 * the child waits at the limit, gets no signal, and goes on when the limit is
 * lifted.
 */
static inline int held_by_limit(const struct cgroup *group, char *addr,
				int pages)
{
	long before = cgroup_event(group, "oom");
	pid_t child;
	int status;

	if (announce_oom())
		return -1;
	child = touch_as_member(group, addr, pages, "-1000");
	for (int ms = 0; ms < 20000; ms++) {
		if (cgroup_event(group, "oom") > before + 1 ||
		    waitpid(child, &status, WNOHANG))
			break;
		usleep(1000);
	}
	if (cgroup_event(group, "oom") <= before + 1)
		return -1;
	return cgroup_write(group, "memory.max", "max") || wait_for(child);
}

/* Move the caller to the root group. */
static inline int cgroup_leave(void)
{
	return write_file(CGROUP_ROOT "/cgroup.procs", "0");
}

#define CPUSET1_ROOT	"/tmp/cpuset"

static inline int cgroup_enable_cpuset(void)
{
	return write_file(CGROUP_ROOT "/cgroup.subtree_control", "+cpuset");
}

/* v2 releases the controller some time after it was disabled there. */
static inline int mount_cpuset1(void)
{
	mkdir(CPUSET1_ROOT, 0700);
	for (int tries = 0; tries < 200; tries++) {
		if (!mount("cgroup", CPUSET1_ROOT, "cgroup", 0, "cpuset"))
			return 0;
		usleep(20000);
	}
	return -1;
}

/* As cgroup_create(), under the cpuset controller of v1. */
static inline int cpuset1_create(struct cgroup *group)
{
	if (write_file(CGROUP_ROOT "/cgroup.subtree_control", "-cpuset"))
		return -1;
	if (mount_cpuset1()) {
		cgroup_enable_cpuset();
		return -1;
	}
	snprintf(group->path, sizeof(group->path), CPUSET1_ROOT "/shmbind.%d",
		 getpid());
	return mkdir(group->path, 0700);
}

/* Remove the group, which is empty, and give the controller back to v2. */
static inline int cpuset1_remove(struct cgroup *group)
{
	cgroup_remove(group);
	/*
	 * The hierarchy goes some time after a umount(), if its last group is
	 * gone by then. Otherwise it takes another umount().
	 */
	for (int tries = 0; tries < 50; tries++) {
		umount(CPUSET1_ROOT);
		for (int waits = 0; waits < 10; waits++) {
			if (!cgroup_enable_cpuset())
				return 0;
			usleep(20000);
		}
		mount("cgroup", CPUSET1_ROOT, "cgroup", 0, "cpuset");
	}
	return -1;
}

#endif /* SELFTEST_SHMBIND_CGROUP_H */
