// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's first process: runs a program on the channel, looks for leaks,
 * sends what gcov has counted, prints the end marker, and powers off.
 *
 * Only the kernel writes to the console (/dev/console). The channel, named by
 * channel= on the kernel's command line, is a terminal, so that the output of
 * a test appears line by line.
 *
 * Arguments, after `--` on the kernel's command line: a program and its own
 * arguments.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define GCOV		"/sys/kernel/debug/gcov"

/* kmemleak reports only objects that are older than this. */
#define KMEMLEAK_AGE_S	5

/* Write a line to the kernel's log: what happens next, or what has failed. */
static void note(const char *format, ...)
{
	char line[256];
	va_list args;
	int fd, n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;

	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, line, n) != n)
		perror("/dev/kmsg");
	if (fd >= 0)
		close(fd);
}

/* The kernel panics when the first process exits; the run then fails. */
static void die(const char *what)
{
	note("init: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void mount_at(const char *type, const char *where)
{
	if (mkdir(where, 0755) && errno != EEXIST)
		die(where);
	if (mount(type, where, type, 0, NULL) && errno != EBUSY)
		die(where);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void mount_file_systems(void)
{
	mount_at("devtmpfs", "/dev");
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("debugfs", "/sys/kernel/debug");
	mount_at("cgroup2", "/sys/fs/cgroup");
	mount_at("devpts", "/dev/pts");
	mount_at("tmpfs", "/dev/shm");
	mount_at("tmpfs", "/tmp");
	if (chmod("/tmp", 01777) || chmod("/dev/shm", 01777))
		die("chmod");
}

/* The links in /dev that udev would make. */
static void link_descriptors(void)
{
	if (symlink("/proc/self/fd", "/dev/fd") ||
	    symlink("fd/0", "/dev/stdin") ||
	    symlink("fd/1", "/dev/stdout") ||
	    symlink("fd/2", "/dev/stderr"))
		die("/dev/fd");
}

static void let_cgroups_limit(void)
{
	write_to("/sys/fs/cgroup/cgroup.subtree_control",
		 "+cpuset +memory +hugetlb");
}

/* Make the channel the controlling terminal of everything that runs. */
static void open_channel(void)
{
	const char *channel = getenv("channel") ?: "channel=";
	struct termios mode;
	int fd;

	setsid();
	fd = open(channel, O_RDWR);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 1) || tcgetattr(fd, &mode))
		die(channel);
	mode.c_oflag &= ~ONLCR;
	if (tcsetattr(fd, TCSANOW, &mode))
		die(channel);
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		die(channel);
	if (fd > 2)
		close(fd);
}

/* Run the program in the foreground, and reap the orphans of tests. */
static int run(char *argv[])
{
	pid_t pid, gone;
	int status;

	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(0, getpid());
		signal(SIGTTOU, SIG_DFL);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	do {
		gone = wait(&status);
	} while (gone != pid);

	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 128 + WTERMSIG(status);
}

/* Write what kmemleak has found to the console, with the kernel's other reports. */
static void tell_leaks(void)
{
	char line[256];
	FILE *leaks;

	leaks = fopen(KMEMLEAK, "re");
	if (!leaks)
		die(KMEMLEAK);
	while (fgets(line, sizeof(line), leaks))
		note("%s", line);
	fclose(leaks);
}

/*
 * A pointer that moves during the first scan looks like a leak. Only objects that
 * two scans have not found are leaks.
 */
static void scan_for_leaks(void)
{
	int scan;

	if (access(KMEMLEAK, F_OK))
		return;

	note("init: scanning for leaks\n");
	for (scan = 0; scan < 2; scan++) {
		sleep(KMEMLEAK_AGE_S + 1);
		write_to(KMEMLEAK, "scan");
	}
	tell_leaks();
}

/* If the kernel counts what it executes, the host has a port for the counters. */
static void send_counters(void)
{
	int status;

	if (access(GCOV, F_OK))
		return;

	note("init: sending the counters of gcov\n");
	status = run((char *[]){ "/usr/libexec/send-gcov", GCOV, NULL });
	if (status)
		note("init: the counters were not sent: status %d\n", status);
}

/* The last output: without it, the host knows that the run was cut short. */
static void mark_the_end(int status)
{
	printf("# end of run: exit status %d\n", status);
	fflush(stdout);
	tcdrain(1);
}

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	die("power off");
}

int main(int argc, char *argv[])
{
	int status;

	mount_file_systems();
	link_descriptors();
	let_cgroups_limit();
	open_channel();
	status = run(argc > 1 ? argv + 1 : (char *[]){ "sh", NULL });
	scan_for_leaks();
	send_counters();
	mark_the_end(status);
	power_off();
}
