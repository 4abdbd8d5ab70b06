// SPDX-License-Identifier: GPL-2.0
/* Whether a preloaded library reaches a program. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "reach.h"

#define WITHOUT_LIBRARY \
	"create the segment for it beforehand with `shmbind create`"

/* As the kernel: a script's interpreter may be a script. */
#define MAX_SCRIPTS	4

__attribute__((format(printf, 3, 4)))
static int refuse(char *why, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, MESSAGE_TEXT, format, args);
	va_end(args);
	return status;
}

/*
 * Finding the program.
 */

/* Returns 0 or an errno. */
static int executable(const char *path)
{
	struct stat about;

	if (stat(path, &about))
		return errno;
	if (!S_ISREG(about.st_mode))
		return EACCES;
	return eaccess(path, X_OK) ? errno : 0;
}

/*
 * Look in a list of directories; an empty one is the current one. The path has a
 * slash, because the dynamic loader takes a name without one for a library's.
 */
static int search(const char *program, const char *list, char *path)
{
	int error = ENOENT, found;
	size_t length;

	for (;; list += length + 1) {
		length = strcspn(list, ":");
		if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, list,
			     length ? "/" : "./", program) < PATH_MAX) {
			found = executable(path);
			if (!found)
				return 0;
			if (found == EACCES)
				error = EACCES;
		}
		if (!list[length])
			return error;
	}
}

static int find(const char *program, char *path)
{
	const char *list = getenv("PATH");

	if (!*program)
		return ENOENT;
	if (strchr(program, '/')) {
		snprintf(path, PATH_MAX, "%s", program);
		return executable(path);
	}
	return search(program, list ? list : "/bin:/usr/bin", path);
}

/*
 * What kind of file it is.
 */

/* The first bytes of a file, with a 0 at the end. Returns their number, or -1. */
static ssize_t read_head(const char *path, char *head, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = pread(fd, head, size - 1, 0);
	close(fd);
	if (n >= 0)
		head[n] = '\0';
	return n;
}

static bool is_elf(const char *head, ssize_t size)
{
	return size >= EI_NIDENT && !memcmp(head, ELFMAG, SELFMAG);
}

/* Take the interpreter out of a line "#! /bin/sh -e". */
static bool parse_script(const char *head, char *interpreter)
{
	size_t length;

	if (strncmp(head, "#!", 2))
		return false;
	head += 2 + strspn(head + 2, " \t");
	length = strcspn(head, " \t\n");
	if (!length || length >= PATH_MAX)
		return false;
	memcpy(interpreter, head, length);
	interpreter[length] = '\0';
	return true;
}

/*
 * Follow scripts to the program that is executed in the end. execvp(3) gives to
 * a shell what is neither a script nor a program.
 */
static int follow_scripts(const char *program, char *path, char *why)
{
	char head[PATH_MAX], interpreter[PATH_MAX];
	ssize_t size;
	int level, error;

	for (level = 0; level <= MAX_SCRIPTS; level++) {
		size = read_head(path, head, sizeof(head));
		if (size < 0)
			return refuse(why, EXIT_CANNOT_EXECUTE,
				      "cannot tell whether %.100s can be reached: %.200s: %s",
				      program, path, strerror(errno));
		if (is_elf(head, size))
			return 0;
		if (!parse_script(head, interpreter))
			strcpy(interpreter, "/bin/sh");
		error = executable(interpreter);
		if (error)
			return refuse(why, EXIT_CANNOT_EXECUTE,
				      "cannot execute %.100s: its interpreter %.200s: %s",
				      program, interpreter, strerror(error));
		strcpy(path, interpreter);
	}
	return refuse(why, EXIT_CANNOT_EXECUTE,
		      "cannot execute %.100s: too many interpreters", program);
}

/*
 * ELF. Both classes begin alike; what comes after e_version differs in size.
 */

struct program {
	const char *name;		/* as the user gave it */
	char path[PATH_MAX];		/* what is executed in the end */
	char loader[PATH_MAX];
	int class, data, machine;
};

static bool read_at(int fd, void *to, size_t size, unsigned long long offset)
{
	return pread(fd, to, size, offset) == (ssize_t)size;
}

static bool read_loader(int fd, struct program *program,
			unsigned long long offset, unsigned long long size)
{
	if (!size || size > sizeof(program->loader))
		return false;
	return read_at(fd, program->loader, size, offset) &&
		!program->loader[size - 1];
}

/* Look for the entry PT_INTERP of the table of segments. */
static bool find_loader64(int fd, struct program *program)
{
	Elf64_Ehdr header;
	Elf64_Phdr entry;
	int i;

	if (!read_at(fd, &header, sizeof(header), 0))
		return false;
	for (i = 0; i < header.e_phnum; i++) {
		if (read_at(fd, &entry, sizeof(entry),
			    header.e_phoff + i * header.e_phentsize) &&
		    entry.p_type == PT_INTERP)
			return read_loader(fd, program, entry.p_offset,
					   entry.p_filesz);
	}
	return false;
}

static bool find_loader32(int fd, struct program *program)
{
	Elf32_Ehdr header;
	Elf32_Phdr entry;
	int i;

	if (!read_at(fd, &header, sizeof(header), 0))
		return false;
	for (i = 0; i < header.e_phnum; i++) {
		if (read_at(fd, &entry, sizeof(entry),
			    header.e_phoff + i * header.e_phentsize) &&
		    entry.p_type == PT_INTERP)
			return read_loader(fd, program, entry.p_offset,
					   entry.p_filesz);
	}
	return false;
}

static bool find_loader(int fd, struct program *program)
{
	return program->class == ELFCLASS64 ? find_loader64(fd, program) :
		find_loader32(fd, program);
}

/*
 * Read the fields that both classes have in common. Returns false if the file is
 * not a program.
 */
static bool read_ident(int fd, struct program *program)
{
	Elf32_Ehdr header;

	if (!read_at(fd, &header, sizeof(header), 0))
		return false;
	program->class = header.e_ident[EI_CLASS];
	program->data = header.e_ident[EI_DATA];
	program->machine = header.e_machine;
	return header.e_type == ET_EXEC || header.e_type == ET_DYN;
}

static bool read_own_ident(struct program *own)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool read = fd >= 0 && read_ident(fd, own);

	if (fd >= 0)
		close(fd);
	return read;
}

/* Machines whose 32-bit programs a 64-bit kernel runs too. */
static bool is_pair(int wide, int narrow)
{
	return (wide == EM_X86_64 && narrow == EM_386) ||
		(wide == EM_AARCH64 && narrow == EM_ARM) ||
		(wide == EM_PPC64 && narrow == EM_PPC) ||
		(wide == EM_SPARCV9 && narrow == EM_SPARC);
}

static bool is_for_this_machine(const struct program *program)
{
	struct program own;

	if (!read_own_ident(&own))
		return true;
	return program->data == own.data &&
		(program->machine == own.machine ||
		 is_pair(own.machine, program->machine) ||
		 is_pair(program->machine, own.machine));
}

static int check_elf(struct program *program, int fd, char *why)
{
	if (!read_ident(fd, program) || !is_for_this_machine(program))
		return refuse(why, EXIT_CANNOT_EXECUTE,
			      "cannot execute %.100s: %.200s is not a program for this machine",
			      program->name, program->path);
	if (!find_loader(fd, program))
		return refuse(why, EXIT_CANNOT_EXECUTE,
			      "cannot reach %.100s: %.150s is statically linked; link it dynamically, or "
			      WITHOUT_LIBRARY, program->name, program->path);
	return 0;
}

/*
 * Privileges. The dynamic loader does not preload for a program that gains some.
 */

/* Whether the kernel ignores the privileges of a file. */
static bool privileges_are_ignored(int fd)
{
	struct statvfs mount;

	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
		(!fstatvfs(fd, &mount) && mount.f_flag & ST_NOSUID);
}

/* Whether the file gives capabilities. Root has them all without it. */
static bool gives_capabilities(int fd)
{
	return getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* Without the group's x bit, the setgid bit means something else. */
#define SETGID	(S_ISGID | 0010)

/* What a file gives that its user does not have, or NULL. */
static const char *privilege_of(int fd)
{
	struct stat about;

	if (geteuid() != getuid() || getegid() != getgid())
		return "run with effective ids that are not its real ones";
	if (fstat(fd, &about) || privileges_are_ignored(fd))
		return NULL;
	if (about.st_mode & S_ISUID && about.st_uid != getuid())
		return "setuid";
	if ((about.st_mode & SETGID) == SETGID &&
	    about.st_gid != getgid())
		return "setgid";
	return gives_capabilities(fd) ? "a program with file capabilities" :
		NULL;
}

static int check_privileges(const struct program *program, int fd, char *why)
{
	const char *privilege = privilege_of(fd);

	if (!privilege)
		return 0;
	return refuse(why, EXIT_CANNOT_EXECUTE,
		      "cannot reach %.100s: %.150s is %s, and the dynamic loader ignores LD_PRELOAD for it; run it as its owner, or "
		      WITHOUT_LIBRARY, program->name, program->path, privilege);
}

/*
 * Asking the program's own dynamic loader, which knows where it finds libraries
 * and which of them it can load.
 */

/* What the child returns if the loader cannot be executed. */
#define EXIT_NO_LOADER	255

static void exec_loader(const struct program *program, const char *option,
			const char *preload, int output)
{
	int null = open("/dev/null", O_RDWR);

	unsetenv("LD_TRACE_LOADED_OBJECTS");
	if (preload)
		setenv("LD_PRELOAD", preload, 1);
	else
		unsetenv("LD_PRELOAD");
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execl(program->loader, program->loader, option,
	      preload ? program->path : (char *)NULL, (char *)NULL);
	_exit(EXIT_NO_LOADER);
}

static FILE *start_loader(const struct program *program, const char *option,
			  const char *preload, pid_t *pid)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	*pid = fork();
	if (!*pid)
		exec_loader(program, option, preload, ends[1]);
	close(ends[1]);
	if (*pid > 0)
		return fdopen(ends[0], "r");
	close(ends[0]);
	return NULL;
}

/*
 * Run the loader, and return the first line of its output that contains @key, or
 * NULL, in *@found. Returns false if it cannot be run.
 */
static bool ask_loader(const struct program *program, const char *option,
		       const char *preload, const char *key, char **found)
{
	char *line = NULL;
	size_t size = 0;
	FILE *output;
	int status;
	pid_t pid;

	*found = NULL;
	output = start_loader(program, option, preload, &pid);
	if (!output)
		return false;
	while (getline(&line, &size, output) > 0) {
		if (!*found && strstr(line, key))
			*found = strdup(line);
	}
	free(line);
	fclose(output);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) != EXIT_NO_LOADER;
}

/* Write the library's path with $LIB as this loader expands it, if it says so. */
static void expand(const struct program *program, const char *library,
		   char *path)
{
	static const char key[] = "dl_dst_lib=\"";
	const char *variable = strstr(library, "$LIB");
	char *line = NULL, *value;

	snprintf(path, PATH_MAX, "%s", library);
	if (!variable)
		return;
	ask_loader(program, "--list-diagnostics", NULL, key, &line);
	if (!line)
		return;
	value = strstr(line, key) + strlen(key);
	value[strcspn(value, "\"\n")] = '\0';
	snprintf(path, PATH_MAX, "%.*s%s%s", (int)(variable - library), library,
		 value, variable + strlen("$LIB"));
	free(line);
}

static int refuse_library(const struct program *program, const char *library,
			  char *why)
{
	int bits = program->class == ELFCLASS64 ? 64 : 32;
	char path[PATH_MAX];

	expand(program, library, path);
	if (access(path, R_OK))
		return refuse(why, EXIT_CANNOT_EXECUTE,
			      "cannot reach %.100s: there is no library for its word size, %d bit: %.200s: %s; install it, or "
			      WITHOUT_LIBRARY, program->name, bits, path,
			      strerror(errno));
	return refuse(why, EXIT_CANNOT_EXECUTE,
		      "cannot reach %.100s: its dynamic loader %.100s does not load %.150s; "
		      WITHOUT_LIBRARY, program->name, program->loader, path);
}

static int check_library(const struct program *program, const char *library,
			 const char *preload, char *why)
{
	const char *slash = strrchr(library, '/');
	bool asked, listed;
	char *line;

	asked = ask_loader(program, "--list", preload,
			   slash ? slash : library, &line);
	listed = line;
	free(line);
	if (!asked)
		return refuse(why, EXIT_CANNOT_EXECUTE,
			      "cannot execute %.100s: its dynamic loader %.200s cannot be run",
			      program->name, program->loader);
	return listed ? 0 : refuse_library(program, library, why);
}

static int check_program(struct program *program, const char *library,
			 const char *preload, char *why)
{
	int fd = open(program->path, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0)
		return refuse(why, EXIT_CANNOT_EXECUTE, "cannot read %.200s: %s",
			      program->path, strerror(errno));
	status = check_elf(program, fd, why);
	if (!status)
		status = check_privileges(program, fd, why);
	close(fd);
	return status ? status :
		check_library(program, library, preload, why);
}

int reach(const char *program, const char *library, const char *preload,
	  char *why)
{
	struct program found = { .name = program };
	int error = find(program, found.path), status;

	if (error)
		return refuse(why, error == ENOENT || error == ENOTDIR ?
			      EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE,
			      "cannot execute %.200s: %s", program,
			      strerror(error));
	status = follow_scripts(program, found.path, why);
	return status ? status :
		check_program(&found, library, preload, why);
}
