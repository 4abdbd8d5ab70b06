// SPDX-License-Identifier: GPL-2.0
/* Why a shmbind(2) failed. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>

#include "reason.h"
#include "segments.h"
#include "shmbind.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY	15
#endif

static char *say(char *why, const char *text)
{
	snprintf(why, MESSAGE_TEXT, "%s", text);
	return why;
}

/*
 * The nodes.
 */

/* If any of the wanted nodes is not in @good, say so: "node 7 is not online". */
static bool blame(char *why, const struct nodes *wanted,
		  const struct nodes *good, const char *is, const char *others)
{
	char list[NODES_TEXT], rest[NODES_TEXT];
	struct nodes bad;

	nodes_minus(&bad, wanted, good);
	if (nodes_empty(&bad))
		return false;
	nodes_format(list, &bad);
	nodes_format(rest, good);
	snprintf(why, MESSAGE_TEXT, "%s %.150s %s %s (%s%.150s)",
		 nodes_count(&bad) > 1 ? "nodes" : "node", list,
		 nodes_count(&bad) > 1 ? "are" : "is", is, others, rest);
	return true;
}

static bool nodes_are_wrong(char *why, const struct nodes *wanted)
{
	struct nodes good;

	if (nodes_empty(wanted)) {
		say(why, "the list of nodes is empty");
		return true;
	}
	return (nodes_possible(&good) &&
		blame(why, wanted, &good, "beyond the nodes of this machine",
		      "it can have ")) ||
	       (nodes_online(&good) &&
		blame(why, wanted, &good, "not online", "online: ")) ||
	       (nodes_with_memory(&good) &&
		blame(why, wanted, &good, "without memory",
		      "nodes with memory: ")) ||
	       (nodes_allowed(&good) &&
		blame(why, wanted, &good, "outside the cpuset of this process",
		      ""));
}

/*
 * A kernel may have the call without MEM_WEIGHTED and MEM_MASKBIND. It looks at
 * the policy before the mask, and this mask cannot be read.
 */
static bool policy_is_unknown(const struct binding *binding)
{
	return shmbind_available() &&
		shmbind(-1, binding->policy | binding->strength, NULL, 1) &&
		errno == EINVAL;
}

/*
 * The segment.
 */

/* Returns false if there is no such segment. Needs no permission on it. */
static bool stat_segment(int shmid, struct shmid_ds *about)
{
	return shmctl(shmid, SHM_STAT_ANY, about) == shmid;
}

#define MAX_SHOWN	3

/* Write " by process 12 (postgres), 13 (postgres), ..." to a text of 256 bytes. */
static void list_processes(char *text, const struct segment *segment)
{
	char name[32];
	size_t i;

	for (i = 0; i < segment->npids && i < MAX_SHOWN; i++) {
		process_name(segment->pids[i], name, sizeof(name));
		text += sprintf(text, "%s %d (%.20s)", i ? "," : " by process",
				(int)segment->pids[i], name);
	}
	if (segment->npids > MAX_SHOWN)
		sprintf(text, ", ...");
}

/* Processes in other namespaces cannot be found, nor those of other users. */
static void describe_attached(char *why, int shmid)
{
	struct segment *segment = malloc(sizeof(*segment));

	say(why, "it is attached");
	if (!segment)
		return;
	if (segment_read(shmid, segment) && segment_processes(segment)) {
		list_processes(why + strlen(why), segment);
		free(segment->pids);
	}
	free(segment);
}

static char *segment_is_wrong(char *why, int shmid)
{
	struct shmid_ds about = {};

	if (!stat_segment(shmid, &about))
		snprintf(why, MESSAGE_TEXT, "there is no segment %d", shmid);
	else if (about.shm_nattch)
		describe_attached(why, shmid);
	else if (about.shm_atime)
		say(why, "it was attached before, and a binding is final from the first attach on");
	else
		say(why, "another process was attaching it");
	return why;
}

static char *reason_invalid(char *why, int shmid, const struct binding *binding)
{
	if (policy_is_unknown(binding)) {
		snprintf(why, MESSAGE_TEXT,
			 "this kernel does not know policy %s or strength %s",
			 policy_name(binding->policy),
			 strength_name(binding->strength));
		return why;
	}
	if (nodes_are_wrong(why, &binding->nodes))
		return why;
	return segment_is_wrong(why, shmid);
}

static char *reason_permission(char *why, int shmid)
{
	struct shmid_ds about = {};

	if (stat_segment(shmid, &about))
		snprintf(why, MESSAGE_TEXT,
			 "no write permission on the segment (uid %d, mode %03o), or a security module or a seccomp filter denies the call",
			 (int)about.shm_perm.uid, about.shm_perm.mode & 0777);
	else
		say(why, "a security module or a seccomp filter denies the call");
	return why;
}

char *shmbind_reason(char *why, int error, int shmid,
		     const struct binding *binding)
{
	switch (error) {
	case EINVAL:
		return reason_invalid(why, shmid, binding);
	case EPERM:
		return reason_permission(why, shmid);
	case EFAULT:
		return say(why, "the mask of nodes cannot be read");
	case EIDRM:
		return say(why, "the segment is being removed");
	case ENOMEM:
		return say(why, "the kernel has no memory for the binding");
	case ENOSYS:
		return say(why, shmbind_available() ?
			   "a seccomp filter denies the call" :
			   REASON_NO_CALL);
	default:
		return say(why, strerror(error));
	}
}
