// SPDX-License-Identifier: GPL-2.0
/* Sets of NUMA nodes, and what sysfs and procfs say about nodes. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes.h"

#define NODE_DIR	"/sys/devices/system/node"
#define HUGE_DIR	"/sys/kernel/mm/hugepages"

/*
 * Sets.
 */

bool nodes_has(const struct nodes *set, int node)
{
	return set->bits[node / LONG_BITS] >> (node % LONG_BITS) & 1;
}

void nodes_add(struct nodes *set, int node)
{
	set->bits[node / LONG_BITS] |= 1UL << (node % LONG_BITS);
}

bool nodes_next(int *node, const struct nodes *set)
{
	while (++*node < MAX_NODES) {
		if (nodes_has(set, *node))
			return true;
	}
	return false;
}

int nodes_count(const struct nodes *set)
{
	int node, count = 0;

	for (node = -1; nodes_next(&node, set);)
		count++;
	return count;
}

bool nodes_empty(const struct nodes *set)
{
	int node = -1;

	return !nodes_next(&node, set);
}

void nodes_and(struct nodes *to, const struct nodes *a, const struct nodes *b)
{
	size_t i;

	for (i = 0; i < MAX_NODES / LONG_BITS; i++)
		to->bits[i] = a->bits[i] & b->bits[i];
}

void nodes_minus(struct nodes *to, const struct nodes *a, const struct nodes *b)
{
	size_t i;

	for (i = 0; i < MAX_NODES / LONG_BITS; i++)
		to->bits[i] = a->bits[i] & ~b->bits[i];
}

/*
 * Lists.
 */

static bool parse_node(const char **text, unsigned long *node)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	*node = strtoul(*text, &end, 10);
	*text = end;
	return *node < MAX_NODES;
}

static bool parse_range(const char **text, struct nodes *set)
{
	unsigned long first, last;

	if (!parse_node(text, &first))
		return false;
	last = first;
	if (**text == '-') {
		++*text;
		if (!parse_node(text, &last))
			return false;
	}
	if (first > last)
		return false;
	while (first <= last)
		nodes_add(set, first++);
	return true;
}

bool nodes_parse(const char *text, struct nodes *set)
{
	memset(set, 0, sizeof(*set));
	if (!*text)
		return true;
	while (parse_range(&text, set)) {
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

char *nodes_format(char *text, const struct nodes *set)
{
	char *end = text;
	int node, last;

	*text = '\0';
	for (node = -1; nodes_next(&node, set); node = last) {
		last = node;
		while (last + 1 < MAX_NODES && nodes_has(set, last + 1))
			last++;
		end += sprintf(end, "%s%d", end > text ? "," : "", node);
		if (last > node)
			end += sprintf(end, "-%d", last);
	}
	return text;
}

/*
 * Files. Each is opened, read and closed at once: a program that runs under the
 * preload library must not see more descriptors than it has opened.
 */

/* Read the rest of the line that begins with the key, without its newline. */
static bool read_line(const char *path, const char *key, char *text,
		      size_t size)
{
	FILE *file = fopen(path, "re");
	char *line = NULL, *value;
	bool found = false;
	size_t length = 0;

	if (!file)
		return false;
	while (!found && getline(&line, &length, file) > 0) {
		value = strstr(line, key);
		if (!value)
			continue;
		value += strlen(key);
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = '\0';
		found = strlen(value) < size;
		if (found)
			strcpy(text, value);
	}
	free(line);
	fclose(file);
	return found;
}

static long long read_number(const char *path, const char *key)
{
	char text[64];

	return read_line(path, key, text, sizeof(text)) ?
		strtoll(text, NULL, 10) : -1;
}

static bool read_nodes(const char *path, const char *key, struct nodes *set)
{
	char text[NODES_TEXT];

	return read_line(path, key, text, sizeof(text)) &&
		nodes_parse(text, set);
}

bool nodes_possible(struct nodes *set)
{
	return read_nodes(NODE_DIR "/possible", "", set);
}

bool nodes_online(struct nodes *set)
{
	return read_nodes(NODE_DIR "/online", "", set);
}

bool nodes_with_memory(struct nodes *set)
{
	return read_nodes(NODE_DIR "/has_memory", "", set);
}

bool nodes_allowed(struct nodes *set)
{
	return read_nodes("/proc/self/status", "Mems_allowed_list:", set);
}

bool nodes_usable(struct nodes *set)
{
	struct nodes memory, allowed;

	if (!nodes_with_memory(&memory) || !nodes_allowed(&allowed))
		return false;
	nodes_and(set, &memory, &allowed);
	return true;
}

bool node_cpus(int node, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), NODE_DIR "/node%d/cpulist", node);
	return read_line(path, "", text, size);
}

static long long node_meminfo(int node, const char *key)
{
	char path[128];
	long long kib;

	snprintf(path, sizeof(path), NODE_DIR "/node%d/meminfo", node);
	kib = read_number(path, key);
	return kib < 0 ? -1 : kib * 1024;
}

long long node_free(int node)
{
	return node_meminfo(node, "MemFree:");
}

long long node_total(int node)
{
	return node_meminfo(node, "MemTotal:");
}

long long node_file_cache(int node)
{
	static const char *const keys[] = {
		"Active(file):", "Inactive(file):", "SReclaimable:"
	};
	long long bytes, sum = 0;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		bytes = node_meminfo(node, keys[i]);
		if (bytes > 0)
			sum += bytes;
	}
	return sum;
}

void nodes_min_free(unsigned long *pages)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	unsigned int node = MAX_NODES;
	unsigned long min;
	char line[256];

	memset(pages, 0, MAX_NODES * sizeof(*pages));
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %u, zone", &node) != 1 &&
		    node < MAX_NODES && sscanf(line, " min %lu", &min) == 1)
			pages[node] += min;
	}
	fclose(file);
}

static long node_huge(int node, unsigned long kib, const char *file)
{
	char path[192];

	snprintf(path, sizeof(path),
		 NODE_DIR "/node%d/hugepages/hugepages-%lukB/%s", node, kib, file);
	return read_number(path, "");
}

bool node_pool(int node, unsigned long kib, struct pool *pool)
{
	pool->total = node_huge(node, kib, "nr_hugepages");
	pool->free = node_huge(node, kib, "free_hugepages");
	pool->surplus = node_huge(node, kib, "surplus_hugepages");
	return pool->total >= 0 && pool->free >= 0 && pool->surplus >= 0;
}

static long huge(unsigned long kib, const char *file)
{
	char path[192];

	snprintf(path, sizeof(path), HUGE_DIR "/hugepages-%lukB/%s", kib, file);
	return read_number(path, "");
}

long pool_reserved(unsigned long kib)
{
	return huge(kib, "resv_hugepages");
}

long pool_overcommit(unsigned long kib)
{
	return huge(kib, "nr_overcommit_hugepages");
}

unsigned long default_huge_kib(void)
{
	long long kib = read_number("/proc/meminfo", "Hugepagesize:");

	return kib < 0 ? 0 : kib;
}
