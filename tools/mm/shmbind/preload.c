// SPDX-License-Identifier: GPL-2.0
/*
 * The library that `shmbind run` preloads. Its shmget() binds each segment that
 * it creates before anybody can attach it.
 *
 * A segment is created with a mode of its own, MODE_CLOSED, under which only the
 * holder of CAP_IPC_OWNER can attach. It is bound, filled if that is asked for,
 * and then gets the mode that the program asked for. Processes that look for the
 * segment meanwhile with a shmget() of this library wait for that. If one of
 * these steps fails, the segment is removed and shmget() fails with the errno of
 * that step, unless SHMBIND_BEST_EFFORT is set.
 *
 * The thread that creates blocks all signals until the segment has its final mode.
 * If the process ends nevertheless, the next shmget() for the same key removes its
 * segment.
 *
 * Nothing here is written after the environment has been read, apart from
 * home_pid in a child of fork(2). So there are no locks.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#include "binding.h"
#include "fit.h"
#include "populate.h"
#include "reason.h"
#include "segments.h"
#include "shmbind.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY	15
#endif

/*
 * The modes of a segment that is not finished. To the kernel the x bit of the
 * group means nothing; no program asks for it alone. MODE_CLOSED lets its owner
 * bind. MODE_OPEN lets its owner attach to fill it, for a moment.
 */
#define MODE_CLOSED	0210
#define MODE_OPEN	0610
#define MODE_BITS	0777

typedef int shmget_fn(key_t key, size_t size, int flags);

static shmget_fn *next_shmget;
static struct request request;
static bool request_is_valid, kernel_has_call;
static char request_error[MESSAGE_TEXT];
static pid_t home_pid;	/* not that of a child of vfork(2) */

static void note_pid(void)
{
	home_pid = getpid();
}

static void initialize(void)
{
	next_shmget = (shmget_fn *)dlsym(RTLD_NEXT, "shmget");
	request_is_valid = request_from_env(&request, request_error);
	kernel_has_call = shmbind_available();
	note_pid();
	pthread_atfork(NULL, NULL, note_pid);
}

/*
 * A program may clear its environment or change its root before it calls
 * shmget(). The constructor of another library may call shmget() before this one
 * has run.
 */
__attribute__((constructor)) static void initialize_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, initialize);
}

/*
 * Messages. They are written at once, without the locks and the buffer of the
 * program's stdio.
 */

/* A program whose stderr is a broken pipe must not get SIGPIPE for it. */
static void write_line(const char *line, size_t size)
{
	const struct timespec now = {};
	sigset_t pipe, old, pending;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &old);
	sigpending(&pending);
	if (write(STDERR_FILENO, line, size) < 0 && errno == EPIPE &&
	    sigismember(&pending, SIGPIPE) == 0)
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

__attribute__((format(printf, 1, 2)))
static void report(const char *format, ...)
{
	char line[MESSAGE_TEXT * 2] = "shmbind: ";
	size_t used = strlen(line);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	used = strlen(line);
	line[used++] = '\n';
	write_line(line, used);
}

/*
 * A segment that is being made.
 */

/**
 * struct segment_job - A segment on its way from shmget(2) to its final mode.
 * @key: As the program asked.
 * @bytes: Its size.
 * @flags: As the program asked, with SHM_HUGETLB if that was added.
 * @id: The segment, once it exists.
 * @binding: How to bind it, with the page size that it has.
 * @mask: The signal mask of the program.
 */
struct segment_job {
	key_t key;
	size_t bytes;
	int flags;
	int id;
	struct binding binding;
	const sigset_t *mask;
};

/*
 * One line about a failure: what could not be done with the segment, and why. With
 * best effort, also how it goes on, if @instead is not NULL.
 */
static void report_failure(const struct segment_job *job, const char *what,
			   const char *why, const char *instead)
{
	char binding[BINDING_TEXT], size[SIZE_TEXT];
	bool goes_on = request.best_effort && instead;

	report("cannot %s a segment of %s (key 0x%x), %.200s: %s%s%s", what,
	       size_format(size, job->bytes), (unsigned int)job->key,
	       binding_format(binding, &job->binding), why,
	       goes_on ? "; " : "", goes_on ? instead : "");
}

static void report_success(const struct segment_job *job)
{
	char binding[BINDING_TEXT], size[SIZE_TEXT];

	if (request.verbose)
		report("segment %d (key 0x%x, %s): %.200s", job->id,
		       (unsigned int)job->key, size_format(size, job->bytes),
		       binding_format(binding, &job->binding));
}

/*
 * Binding.
 */

/* Returns 0 or an errno, after it was reported. */
static int bind_segment(const struct segment_job *job)
{
	const struct binding *binding = &job->binding;
	char why[MESSAGE_TEXT];
	int error = 0;

	if (shmbind(job->id, binding->policy | binding->strength,
		    binding->nodes.bits, MAX_NODES))
		error = errno;
	if (error)
		report_failure(job, "bind",
			       shmbind_reason(why, error, job->id, binding),
			       "it is not bound");
	return error;
}

/*
 * Filling.
 */

/* Leave the pages of the segment on each node at 0 if they are not known. */
static void read_owned(int id, unsigned long *owned)
{
	struct segment *segment = malloc(sizeof(*segment));

	if (segment && segment_read(id, segment))
		memcpy(owned, segment->resident, sizeof(segment->resident));
	free(segment);
}

/* What fit_segment() and its message need; too large for the stack. */
struct room {
	struct fit fit;
	unsigned long owned[MAX_NODES];
	char why[MESSAGE_TEXT];
};

/*
 * There is enough memory by the numbers of now: some has just been freed, or what
 * counts as free cannot be used. Name the node that has the least room.
 */
static void describe_node(struct room *room)
{
	const struct fit *fit = &room->fit;
	unsigned long free, least = 0;
	char size[SIZE_TEXT];
	int node, worst = -1;

	for (node = -1; nodes_next(&node, &fit->nodes);) {
		free = fit->supply[node] - room->owned[node];
		if (worst < 0 || free < least) {
			worst = node;
			least = free;
		}
	}
	if (worst < 0)
		snprintf(room->why, MESSAGE_TEXT, "%s", strerror(ENOMEM));
	else
		snprintf(room->why, MESSAGE_TEXT,
			 "of %lu pages of %s, node %d got %lu and has room for %lu",
			 fit->pages, size_format(size, 1024ULL * fit->page_kib),
			 worst, room->owned[worst], least);
}

/* Say why populate() failed. Returns the errno that shmget() is to fail with. */
static int explain_populate(const struct segment_job *job, struct room *room,
			    int error)
{
	const char *why = room->why;

	if (error == EINTR) {
		why = "interrupted by a signal";
	} else if (error != EFAULT && error != ENOMEM) {
		why = strerror(error);
	} else {
		error = ENOMEM;
		read_owned(job->id, room->owned);
		if (fit_segment(&room->fit, &job->binding, job->bytes,
				room->owned))
			describe_node(room);
		else
			fit_message(room->why, &room->fit);
	}
	report_failure(job, "fill", why, "it is not filled");
	return error;
}

static int populate_attached(const struct segment_job *job, char *addr,
			     size_t page)
{
	char label[64];
	const struct filling filling = {
		.addr = addr,
		.bytes = job->bytes,
		.page = page,
		.nodes = &job->binding.nodes,
		.threads = getpid() == home_pid,
		.mask = job->mask,
		.label = label,
	};

	snprintf(label, sizeof(label), "shmbind: filling segment %d", job->id);
	return populate(&filling);
}

/* Attach in the only moment at which that is possible. NULL: errno is set. */
static char *attach_closed(int id)
{
	char *addr = (char *)-1;
	int error;

	if (segment_set_mode(id, MODE_OPEN))
		addr = shmat(id, NULL, 0);
	error = errno;
	if (addr != (char *)-1 && !segment_set_mode(id, MODE_CLOSED)) {
		error = errno;
		shmdt(addr);
		addr = (char *)-1;
	}
	errno = error;
	return addr == (char *)-1 ? NULL : addr;
}

static int fill_with(const struct segment_job *job, struct room *room)
{
	size_t page;
	char *addr;
	int error;

	if (!fit_segment(&room->fit, &job->binding, job->bytes, room->owned)) {
		report_failure(job, "fill", fit_message(room->why, &room->fit),
			       "it is not filled");
		return ENOMEM;
	}
	addr = attach_closed(job->id);
	if (!addr) {
		error = errno;
		report_failure(job, "fill", strerror(error), "it is not filled");
		return error;
	}
	page = room->fit.page_kib ? 1024UL * room->fit.page_kib : 4096;
	/* A child of fork(2) must not keep the pages of a segment that goes */
	madvise(addr, (job->bytes + page - 1) / page * page, MADV_DONTFORK);
	error = populate_attached(job, addr, page);
	shmdt(addr);
	return error ? explain_populate(job, room, error) : 0;
}

/* Returns 0 or an errno, after it was reported. */
static int fill_segment(const struct segment_job *job)
{
	struct room *room = calloc(1, sizeof(*room));
	int error;

	if (!room) {
		report_failure(job, "fill", strerror(ENOMEM),
			       "it is not filled");
		return ENOMEM;
	}
	error = fill_with(job, room);
	free(room);
	return error;
}

/*
 * Creating.
 */

static int set_final_mode(const struct segment_job *job)
{
	int error;

	if (segment_set_mode(job->id, job->flags & MODE_BITS))
		return 0;
	error = errno;
	report_failure(job, "set the mode of", strerror(error), NULL);
	return error;
}

/* Bind, fill and open a new segment. Returns 0, or an errno. */
static int finish(const struct segment_job *job)
{
	int error = bind_segment(job);
	bool bound = !error;

	if (error && !request.best_effort)
		return error;
	if (bound && request.populate) {
		error = fill_segment(job);
		if (error == EINTR || (error && !request.best_effort))
			return error;
	}
	error = set_final_mode(job);
	if (!error && bound)
		report_success(job);
	return error;
}

/* Whether the environment asks for huge pages where the program does not. */
static bool add_huge(struct segment_job *job)
{
	if (!request.binding.huge || job->flags & SHM_HUGETLB)
		return false;
	job->flags |= huge_to_flags(&request.binding);
	return true;
}

/* Say why shmget(2) failed. @added: with the huge pages of the environment. */
static void explain_create(const struct segment_job *job, int error, bool added)
{
	struct room *room = calloc(1, sizeof(*room));
	const char *why = strerror(error);

	if (error == ENOMEM && room &&
	    !fit_segment(&room->fit, &job->binding, job->bytes, NULL))
		why = fit_message(room->why, &room->fit);
	else if (error == EPERM && added)
		why = "huge pages need CAP_IPC_LOCK, or the group in vm.hugetlb_shm_group";
	report_failure(job, "create", why,
		       added ? "ordinary pages are used" : NULL);
	free(room);
}

/* Create a segment that nobody can attach. Returns its id, or -1 with errno. */
static int create_closed(struct segment_job *job)
{
	int program_flags = job->flags, error;
	bool added = add_huge(job);

	for (;;) {
		huge_from_flags(&job->binding, job->flags);
		job->id = next_shmget(job->key, job->bytes,
				      (job->flags & ~MODE_BITS) | MODE_CLOSED |
				      IPC_CREAT | IPC_EXCL);
		error = errno;
		if (job->id >= 0 || error == EEXIST)
			return job->id;
		if (added || (error == ENOMEM && request.populate))
			explain_create(job, error, added);
		errno = error;
		if (!added || !request.best_effort)
			return -1;
		job->flags = program_flags;
		added = false;
	}
}

/* As shmget(2) with IPC_EXCL, with all signals blocked. */
static int create_blocked(key_t key, size_t size, int flags,
			  const sigset_t *mask)
{
	struct segment_job job = {
		.key = key,
		.bytes = size,
		.flags = flags,
		.binding = request.binding,
		.mask = mask,
	};
	int error;

	if (create_closed(&job) < 0)
		return -1;
	error = finish(&job);
	if (!error)
		return job.id;
	shmctl(job.id, IPC_RMID, NULL);
	errno = error;
	return -1;
}

static int create(key_t key, size_t size, int flags)
{
	sigset_t all, mask;
	int id, error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	id = create_blocked(key, size, flags, &mask);
	error = errno;
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	errno = error;
	return id;
}

/*
 * Looking for a segment.
 */

enum state { FINISHED, UNFINISHED, ABANDONED };

/* How long a segment may be unfinished without being attached. */
#define MAX_IDLE_S	10

/* Whether the process that makes the segment no longer exists. */
static bool maker_has_gone(const struct shmid_ds *about)
{
	pid_t pid = about->shm_cpid;

	/* In another PID namespace, or in one that has gone */
	if (!pid)
		return !about->shm_nattch &&
			time(NULL) - about->shm_ctime > MAX_IDLE_S;
	return kill(pid, 0) && errno == ESRCH;
}

/* The segment may be one of a process without this library: FINISHED. */
static enum state state_of(int id)
{
	struct shmid_ds about = {};
	int mode;

	/* This takes the index from an id, and does not compare the rest. */
	if (id < 0 || shmctl(id, SHM_STAT_ANY, &about) != id)
		return FINISHED;
	mode = about.shm_perm.mode & MODE_BITS;
	if (mode != MODE_CLOSED && mode != MODE_OPEN)
		return FINISHED;
	return maker_has_gone(&about) ? ABANDONED : UNFINISHED;
}

/* Another process may have been faster. */
static bool remove_abandoned(int id)
{
	return !shmctl(id, IPC_RMID, NULL) || errno == EINVAL ||
		errno == EIDRM;
}

/*
 * Wait until a segment that another process makes is finished. Returns whether it
 * is worth looking for the segment again.
 */
static bool wait_for(int id)
{
	static const struct timespec one_ms = { .tv_nsec = 1000000 };
	struct shmid_ds about = {};
	int idle = 0;

	for (;;) {
		switch (state_of(id)) {
		case ABANDONED:
			return remove_abandoned(id);
		case FINISHED:
			return true;
		case UNFINISHED:
			break;
		}
		if (shmctl(id, SHM_STAT_ANY, &about) == id && about.shm_nattch)
			idle = 0;
		else if (++idle > 1000 * MAX_IDLE_S)
			return false;	/* it may not be one of ours after all */
		nanosleep(&one_ms, NULL);
	}
}

/* As shmget(2), but wait for a segment that is not finished. */
static int find(key_t key, size_t size, int flags)
{
	int id, seen, error;

	do {
		id = next_shmget(key, size, flags);
		error = errno;
		seen = id;
		if (id < 0 && (error == EACCES || error == EINVAL))
			seen = next_shmget(key, 0, 0);
	} while (state_of(seen) != FINISHED && wait_for(seen));
	errno = error;
	return id;
}

static int find_or_create(key_t key, size_t size, int flags)
{
	int id;

	do {
		id = find(key, size, flags & ~IPC_CREAT);
		if (id >= 0 || errno != ENOENT)
			return id;
		id = create(key, size, flags);
	} while (id < 0 && errno == EEXIST);
	return id;
}

/* A segment that a process has left unfinished is in nobody's way. */
static int create_exclusive(key_t key, size_t size, int flags)
{
	int id, found;

	for (;;) {
		id = create(key, size, flags);
		if (id >= 0 || errno != EEXIST)
			return id;
		found = next_shmget(key, 0, 0);
		if (state_of(found) != ABANDONED || !remove_abandoned(found)) {
			errno = EEXIST;
			return -1;
		}
	}
}

/* Returns false, with errno set, if no segment can be bound at all. */
static bool ready(void)
{
	if (!kernel_has_call) {
		report("%s%s", REASON_NO_CALL,
		       request.best_effort ? "; segments are not bound" : "");
		errno = ENOSYS;
		return request.best_effort;
	}
	if (!request_is_valid) {
		report("%s", request_error);
		errno = EINVAL;
	}
	return request_is_valid;
}

static int shmget_bound(key_t key, size_t size, int flags)
{
	bool exclusive = key == IPC_PRIVATE || flags & IPC_EXCL;

	if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
		return find(key, size, flags);
	if (!ready())
		return -1;
	if (size >= request.min_size && kernel_has_call)
		return exclusive ? create_exclusive(key, size, flags) :
			find_or_create(key, size, flags);
	return exclusive ? next_shmget(key, size, flags) :
		find(key, size, flags);
}

__attribute__((visibility("default")))
int shmget(key_t key, size_t size, int flags)
{
	int error = errno, id, state;

	initialize_once();
	if (!next_shmget) {
		errno = ENOSYS;
		return -1;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	id = shmget_bound(key, size, flags);
	if (id >= 0)
		errno = error;
	pthread_setcancelstate(state, NULL);
	return id;
}
