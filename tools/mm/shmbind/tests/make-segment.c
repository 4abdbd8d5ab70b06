// SPDX-License-Identifier: GPL-2.0
/*
 * make-segment - A program that knows nothing of shmbind(2): it calls shmget(2)
 * and prints the id or the name of the error. It checks that the segment has
 * the mode that it asked for and is not attached, and that the call has left
 * alone what belongs to the program: errno, signals, CPUs, descriptors, threads.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../binding.h"

enum { EXIT_ERROR = 1, EXIT_WRONG = 3 };

static const char usage[] =
"Usage: make-segment [-k KEY] [-m MODE] [-x] [-l] [-w WAY] [-n COUNT] [-a] SIZE\n"
"       make-segment -p | -e STATUS | -s SIGNAL | -u UID PROGRAM [ARGUMENT...]\n"
"Call shmget(2), and print the id; or print the name of the error and exit with 1.\n"
"  -k  key, private by default       -m  mode, octal, 600 by default\n"
"  -x  with IPC_EXCL                 -l  without IPC_CREAT\n"
"  -w  direct, thread, fork, vfork, setuid, clearenv or chroot\n"
"  -n  call it in so many processes at once\n"
"  -a  with a SIGALRM on its way that ends the process\n"
"Or print the process id, exit with a status, end by a signal, or execute a\n"
"program as another user.\n";

static key_t key = IPC_PRIVATE;
static size_t size;
static int flags = IPC_CREAT | 0600;

/* What must be the same after the call. */
struct state {
	sigset_t mask;
	cpu_set_t cpus;
	int descriptors, threads;
};

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void get_state(struct state *state)
{
	memset(state, 0, sizeof(*state));
	sigprocmask(SIG_SETMASK, NULL, &state->mask);
	sched_getaffinity(0, sizeof(state->cpus), &state->cpus);
	state->descriptors = count_entries("/proc/self/fd");
	state->threads = count_entries("/proc/self/task");
}

/* A thread is gone only some time after it was joined. */
static void check_state(const struct state *before)
{
	struct state after;
	int tries;

	for (tries = 0; tries < 100; tries++) {
		get_state(&after);
		if (after.threads == before->threads)
			break;
		usleep(10000);
	}
	if (memcmp(before, &after, sizeof(after)))
		errx(EXIT_WRONG, "shmget() has changed the state of the process");
}

/* A program must not get a segment that is unfinished or still attached. */
static void check_segment(int id)
{
	struct shmid_ds about;

	if (shmctl(id, IPC_STAT, &about))
		err(EXIT_WRONG, "shmctl");
	if ((about.shm_perm.mode & 0777) != (flags & 0777))
		errx(EXIT_WRONG, "the mode is %03o", about.shm_perm.mode);
	if (about.shm_nattch)
		errx(EXIT_WRONG, "the segment is attached");
}

static int call(void)
{
	struct state before;
	int id;

	get_state(&before);
	errno = EXDEV;
	id = shmget(key, size, flags);
	if (id >= 0 && errno != EXDEV)
		errx(EXIT_WRONG, "shmget() has changed errno");
	if (id >= 0)
		check_segment(id);
	if (id < 0)
		printf("%s\n", strerrorname_np(errno));
	else
		printf("%d\n", id);
	fflush(stdout);
	check_state(&before);
	return id < 0 ? EXIT_ERROR : 0;
}

static void *call_in_thread(void *arg)
{
	*(int *)arg = call();
	return NULL;
}

static int in_thread(void)
{
	pthread_t thread;
	int status;

	if (pthread_create(&thread, NULL, call_in_thread, &status) ||
	    pthread_join(thread, NULL))
		errx(EXIT_WRONG, "pthread");
	return status;
}

static int status_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		err(EXIT_WRONG, "fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_WRONG;
}

static int in_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(call());
	return status_of(pid);
}

static int in_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(call());
	return status_of(pid);
}

static void become(uid_t uid)
{
	if (setgroups(0, NULL) || setgid(uid) || setuid(uid))
		err(EXIT_WRONG, "setuid");
}

static int after_setuid(void)
{
	become(65534);
	return call();
}

static int after_clearenv(void)
{
	clearenv();
	return call();
}

/* /proc cannot be read there, so no state can be compared. */
static int after_chroot(void)
{
	int id;

	if (chroot("."))
		err(EXIT_WRONG, "chroot");
	id = shmget(key, size, flags);
	printf("%d\n", id);
	return id < 0 ? EXIT_ERROR : 0;
}

static const struct way {
	const char *name;
	int (*call)(void);
} ways[] = {
	{ "direct", call },
	{ "thread", in_thread },
	{ "fork", in_fork },
	{ "vfork", in_vfork },
	{ "setuid", after_setuid },
	{ "clearenv", after_clearenv },
	{ "chroot", after_chroot },
	{}
};

static int (*find_way(const char *name))(void)
{
	const struct way *way;

	for (way = ways; way->name && strcmp(way->name, name); way++)
		;
	return way->call;
}

/* All start when the pipe is closed. */
static int many(int count, int (*way)(void))
{
	int pipes[2], status = 0, i, one;
	pid_t pid;
	char byte;

	if (pipe(pipes))
		err(EXIT_WRONG, "pipe");
	for (i = 0; i < count; i++) {
		pid = fork();
		if (pid < 0)
			err(EXIT_WRONG, "fork");
		if (pid)
			continue;
		close(pipes[1]);
		if (read(pipes[0], &byte, 1))
			_exit(EXIT_WRONG);
		_exit(way());
	}
	close(pipes[1]);
	for (i = 0; i < count; i++) {
		one = 0;
		wait(&one);
		if (one)
			status = WIFEXITED(one) ? WEXITSTATUS(one) : EXIT_WRONG;
	}
	return status;
}

static void set_alarm(void)
{
	const struct itimerval soon = { .it_value.tv_usec = 5000 };

	setitimer(ITIMER_REAL, &soon, NULL);
}

static void execute_as(uid_t uid, char *argv[])
{
	become(uid);
	execvp(*argv, argv);
	err(EXIT_WRONG, "%s", *argv);
}

static void die_of(int signal)
{
	raise(signal);
	errx(EXIT_WRONG, "signal %d did not end the process", signal);
}

static void wrong_usage(void)
{
	fputs(usage, stderr);
	exit(EXIT_WRONG);
}

int main(int argc, char *argv[])
{
	int (*way)(void) = call;
	unsigned long long bytes;
	bool alarm = false;
	int option, count = 1;

	while ((option = getopt(argc, argv, "+k:m:xlw:n:ape:s:u:")) != -1) {
		switch (option) {
		case 'k':
			key = strtol(optarg, NULL, 0);
			break;
		case 'm':
			flags = (flags & ~0777) | strtol(optarg, NULL, 8);
			break;
		case 'x':
			flags |= IPC_EXCL;
			break;
		case 'l':
			flags &= ~IPC_CREAT;
			break;
		case 'w':
			way = find_way(optarg);
			break;
		case 'n':
			count = atoi(optarg);
			break;
		case 'a':
			alarm = true;
			break;
		case 'p':
			printf("%d\n", getpid());
			return 0;
		case 'e':
			return atoi(optarg);
		case 's':
			die_of(atoi(optarg));
			break;
		case 'u':
			execute_as(atoi(optarg), argv + optind);
			break;
		default:
			wrong_usage();
		}
	}
	if (!way || optind + 1 != argc || !size_parse(argv[optind], &bytes))
		wrong_usage();
	size = bytes;
	if (alarm)
		set_alarm();
	return count > 1 ? many(count, way) : way();
}
