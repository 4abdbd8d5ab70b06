/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks in what the guest executes, which the plugin locked.c looks for:
 * instructions without effect, nopl MARK_...(%rax). BEGIN and END stand around
 * what is counted once, NEXT behind all that belongs to one figure.
 */
#define MARK_BEGIN	0x53480001
#define MARK_END	0x53480002
#define MARK_NEXT	0x53480003
