/* SPDX-License-Identifier: GPL-2.0 */
/* The counters of fallbacks and failures, and the tracepoint of allocations. */
#ifndef SELFTEST_SHMBIND_COUNTED_H
#define SELFTEST_SHMBIND_COUNTED_H

#include <sys/mount.h>

#include "segment.h"

#define TRACING	"/sys/kernel/tracing"
#define EVENT	TRACING "/events/shmbind/shmbind_alloc"

struct counts {
	long fallback, failed;
};

/* The counters in the segment's line of the listing; -1 if it has none. */
static inline struct counts counts_of(int shmid)
{
	FILE *file = fopen("/proc/sysvipc/shmbind", "r");
	struct counts counts = { -1, -1 };
	char line[2 * BINDING_MAX], *last;
	int id;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %d", &id) != 1 || id != shmid)
			continue;
		last = strstr(line, " fallback=");
		if (!last || sscanf(last, " fallback=%ld failed=%ld\n",
				    &counts.fallback, &counts.failed) != 2)
			counts = (struct counts){ -1, -1 };
	}
	if (file)
		fclose(file);
	return counts;
}

static inline struct counts counts_of_machine(void)
{
	return (struct counts){ event_count("shmbind_fallback"),
				event_count("shmbind_fail") };
}

static inline int mount_tracing(void)
{
	return access(TRACING "/trace", F_OK) ?
	       mount("tracefs", TRACING, "tracefs", 0, NULL) : 0;
}

static inline void stop_tracing(void)
{
	write_file(EVENT "/enable", "0");
	write_file(EVENT "/filter", "0");
}

static inline void trace_segment(struct __test_metadata *_metadata,
				 struct segment *seg)
{
	char filter[32];
	int fd;

	snprintf(filter, sizeof(filter), "ino == %d", seg->id);
	ASSERT_EQ(0, write_file(EVENT "/filter", filter));
	/* opening it with O_TRUNC empties it */
	fd = open(TRACING "/trace", O_WRONLY | O_TRUNC);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, write_file(EVENT "/enable", "1"));
}

struct event {
	unsigned long index;
	unsigned int order;
	char policy[16], strength[16];
	int chosen, nid;
};

/* Read up to @max events; returns how many there are. */
static inline int read_events(struct event *events, int max)
{
	FILE *file = fopen(TRACING "/trace", "r");
	char line[512], *text;
	int count = 0;

	write_file(EVENT "/enable", "0");
	while (file && count < max && fgets(line, sizeof(line), file)) {
		struct event *event = &events[count];

		text = strstr(line, "shmbind_alloc: ");
		text = text ? strstr(text, "index ") : NULL;
		if (!text)
			continue;
		if (sscanf(text, "index %lu order %u policy %15s strength %15s chosen %d nid %d",
			   &event->index, &event->order, event->policy,
			   event->strength, &event->chosen, &event->nid) == 6)
			count++;
	}
	if (file)
		fclose(file);
	return count;
}

#endif /* SELFTEST_SHMBIND_COUNTED_H */
