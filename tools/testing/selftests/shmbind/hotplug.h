/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that is taken online and offline. */
#ifndef SELFTEST_SHMBIND_HOTPLUG_H
#define SELFTEST_SHMBIND_HOTPLUG_H

#include "nodes.h"

/* To take memory offline may fail while one of its pages is in use. */
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
