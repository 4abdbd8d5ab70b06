/* SPDX-License-Identifier: GPL-2.0 */
/* Memory blocks that can be taken online and offline. */
#ifndef SELFTEST_SHMBIND_HOTPLUG_H
#define SELFTEST_SHMBIND_HOTPLUG_H

#include <dirent.h>
#include <limits.h>

#include "nodes.h"

#define BLOCKS_DIR	"/sys/devices/system/memory"

/* The node of a block of memory, or -1. */
static inline int node_of_block(int block)
{
	struct nodemask online = nodes_in("online");
	char path[128];
	int node;

	for (node = -1; next_node(&node, &online);) {
		snprintf(path, sizeof(path), BLOCKS_DIR "/memory%d/node%d",
			 block, node);
		if (!access(path, F_OK))
			break;
	}
	return node;
}

/* An offline block of memory whose node has no other memory, or -1. */
static inline int offline_block(void)
{
	struct nodemask memory = memory_nodes();
	DIR *blocks = opendir(BLOCKS_DIR);
	struct dirent *entry;
	char path[PATH_MAX], state[32];
	int block, node, found = -1;

	while (blocks && found < 0 && (entry = readdir(blocks))) {
		if (sscanf(entry->d_name, "memory%d", &block) != 1)
			continue;
		snprintf(path, sizeof(path), BLOCKS_DIR "/memory%d/state",
			 block);
		if (strcmp(read_line(path, state, sizeof(state)), "offline"))
			continue;
		node = node_of_block(block);
		if (node >= 0 && !node_isset(node, &memory))
			found = block;
	}
	if (blocks)
		closedir(blocks);
	return found;
}

/* Taking memory offline may fail while one of its pages is in use. */
static inline int set_block(int block, const char *state)
{
	char path[128];
	int err = -1;

	snprintf(path, sizeof(path), BLOCKS_DIR "/memory%d/state", block);
	for (int tries = 0; err && tries < 100; tries++) {
		err = write_file(path, state);
		if (err)
			usleep(20000);
	}
	return err;
}

#endif /* SELFTEST_SHMBIND_HOTPLUG_H */
