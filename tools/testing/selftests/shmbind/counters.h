/* SPDX-License-Identifier: GPL-2.0 */
/* Files of /proc and /sys: their lines, and the counters in them. */
#ifndef SELFTEST_SHMBIND_COUNTERS_H
#define SELFTEST_SHMBIND_COUNTERS_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

/* The first line of a file; an empty string if there is none. */
static inline char *read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "r");

	line[0] = '\0';
	if (!file)
		return line;
	if (fgets(line, size, file))
		line[strcspn(line, "\n")] = '\0';
	fclose(file);
	return line;
}

static inline int write_file(const char *path, const char *text)
{
	ssize_t len = strlen(text);
	int fd = open(path, O_WRONLY);
	int err = -1;

	if (fd < 0)
		return -1;
	if (write(fd, text, len) == len)
		err = 0;
	close(fd);
	return err;
}

/* The value of @name in a file of two columns, such as /proc/vmstat, or -1. */
static inline long counter_in(const char *path, const char *name)
{
	long value, found = -1;
	FILE *file = fopen(path, "r");
	char key[128];

	while (file && found < 0 && fscanf(file, "%127s %ld", key, &value) == 2) {
		if (!strcmp(key, name))
			found = value;
	}
	if (file)
		fclose(file);
	return found;
}

/* How often @event has happened on the whole machine. */
static inline long event_count(const char *event)
{
	return counter_in("/proc/vmstat", event);
}

/* How often tasks had to reclaim memory themselves. */
static inline long direct_reclaims(void)
{
	static const char * const zones[] = {
		"dma", "dma32", "normal", "high", "movable", "device",
	};
	char name[32];
	long count, sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		snprintf(name, sizeof(name), "allocstall_%s", zones[i]);
		count = event_count(name);
		if (count > 0)
			sum += count;
	}
	return sum;
}

#endif /* SELFTEST_SHMBIND_COUNTERS_H */
