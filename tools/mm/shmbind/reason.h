/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a shmbind(2) failed.
 *
 * The preload library uses this, so there is no libnuma, no exit() and no
 * output here.
 */
#ifndef REASON_H
#define REASON_H

#include "binding.h"

/* Why nothing can be bound if shmbind_available() is false. */
#define REASON_NO_CALL \
	"this kernel does not have shmbind(2): /proc/sysvipc/shmbind does not exist"

/**
 * shmbind_reason() - Say which of its causes an error of shmbind(2) had.
 * @why: MESSAGE_TEXT bytes, for one line without a newline, such as "node 7 is
 *	not online" or "node 2 is outside the cpuset of this process (0-1)".
 * @error: The errno of shmbind(2).
 * @shmid: The segment.
 * @binding: What was asked.
 *
 * EINVAL has several causes. They are looked for in the order in which the
 * kernel checks them.
 *
 * Return: @why.
 */
char *shmbind_reason(char *why, int error, int shmid,
		     const struct binding *binding);

#endif /* REASON_H */
