/* SPDX-License-Identifier: GPL-2.0 */
/* A test process, or a child of it, becomes another user. */
#ifndef SELFTEST_SHMBIND_CALLER_H
#define SELFTEST_SHMBIND_CALLER_H

#include <grp.h>
#include <unistd.h>

/* Two users without files and privileges. */
enum { NOBODY = 65534, SOMEBODY = 65533 };

/* Become @user, in group @user alone and without capabilities. */
static inline int become(int user)
{
	if (setgroups(0, NULL) || setresgid(user, user, user))
		return -1;
	return setresuid(user, user, user);
}

#endif /* SELFTEST_SHMBIND_CALLER_H */
