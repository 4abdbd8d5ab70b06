/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The segments of this IPC namespace: /proc/sysvipc/shmbind, joined with
 * shmctl(SHM_STAT_ANY) and /proc/<pid>/maps.
 *
 * The preload library uses this, so there is no libnuma, no exit() and no
 * output here.
 */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "binding.h"

/**
 * struct segment - A segment.
 * @key: Its key.
 * @shmid: Its id.
 * @uid: Its owner.
 * @mode: Its mode bits.
 * @destroyed: It is marked for removal (SHM_DEST).
 * @size: Its size in bytes.
 * @page_kib: The page size that the counts are in, in KiB.
 * @bound: Whether it is bound.
 * @binding: Its policy, strength and nodes.
 * @attaches: How often it is attached.
 * @resident: Pages by node.
 * @fallback: Pages that were allocated on a node other than the chosen one.
 * @failed: Allocations that were refused.
 * @pids: Processes that have it attached, if they were asked for.
 * @npids: Their number.
 */
struct segment {
	int key, shmid;
	uid_t uid;
	unsigned int mode;
	bool destroyed;
	unsigned long long size;
	unsigned long page_kib;
	bool bound;
	struct binding binding;
	unsigned long attaches;
	unsigned long resident[MAX_NODES];
	unsigned long fallback, failed;
	pid_t *pids;
	size_t npids;
};

/**
 * segments_read() - Read all segments, by id.
 * @segments: The array, for segments_free().
 * @processes: Look for the processes that have them attached, too.
 * @unknown: Set to the number of segments whose line cannot be parsed; later
 *	kernels may have further policies.
 *
 * A segment that goes meanwhile is left out.
 *
 * Return: Their number, or -1 with errno set.
 */
long segments_read(struct segment **segments, bool processes, long *unknown);
void segments_free(struct segment *segments, long count);

/**
 * segment_read() - Read one segment's line of the listing.
 * @segment: Its key, shmid, page_kib, binding, resident, fallback and failed are
 *	set; the rest is zero.
 *
 * Return: Whether there is such a segment.
 */
bool segment_read(int shmid, struct segment *segment);

/**
 * segment_processes() - Find the processes that have a segment attached.
 * @segment: From segment_read(); pids and npids are set. The caller frees pids.
 *
 * Processes that the caller may not inspect are left out.
 *
 * Return: False if there is no memory.
 */
bool segment_processes(struct segment *segment);

/* Write the name of a process as ps(1) shows it, or "?". */
void process_name(pid_t pid, char *name, size_t size);

/* Set the mode of a segment, and its owner to this process. False with errno. */
bool segment_set_mode(int shmid, unsigned int mode);

/**
 * segment_parse() - Parse a line of /proc/sysvipc/shmbind.
 *
 * Return: Whether @line has the documented form.
 */
bool segment_parse(const char *line, struct segment *segment);

#endif /* SEGMENTS_H */
