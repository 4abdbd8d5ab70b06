/* SPDX-License-Identifier: GPL-2.0 */
/* Who calls: a test process, or a child of it, becomes somebody else. */
#ifndef SELFTEST_SHMBIND_CALLER_H
#define SELFTEST_SHMBIND_CALLER_H

#include <grp.h>
#include <unistd.h>

/* Two users who own nothing and may do nothing. */
enum { NOBODY = 65534, SOMEBODY = 65533 };

/* Be @user of group @user and of no other, without any capability. */
static inline int become(int user)
{
	if (setgroups(0, NULL) || setresgid(user, user, user))
		return -1;
	return setresuid(user, user, user);
}

#endif /* SELFTEST_SHMBIND_CALLER_H */
