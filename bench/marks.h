/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks in the guest's instructions that the plugin locked.c looks for:
 * nopl MARK_...(%rax), which has no effect. BEGIN and END enclose one sample;
 * NEXT follows the last sample of a figure.
 */
#define MARK_BEGIN	0x53480001
#define MARK_END	0x53480002
#define MARK_NEXT	0x53480003
